//! Histories that chance makes, and who answers them.
//!
//! A case is known by the seed and its number alone. Most of what is written is valid, so that histories grow; every kind of
//! mistake comes now and then.

mod gadget;
mod wardle;
mod watched;

use fastrand::Rng;

use crate::script::{Action, Step};

/// A history.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Case {
    /// Who answers it.
    pub(crate) of: Of,
    /// What is done.
    pub(crate) steps: Vec<Step>,
}

/// Between whom a history is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Of {
    /// The custom resource, and our derived type.
    Gadgets,
    /// Upstream's sample-apiserver, and our server.
    Wardle,
}

impl Case {
    /// Whether somebody watches what is done.
    pub(crate) fn is_watched(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::Watch(..)))
    }
}

impl Of {
    /// What differences are declared for.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gadgets => "random/gadget",
            Self::Wardle => "random/wardle",
        }
    }
}

/// The steps of a case.
pub(crate) fn case(seed: u64, number: usize) -> Case {
    let kind = number % 16;
    let number = u64::try_from(number).unwrap_or(u64::MAX);
    let rng = Rng::with_seed(seed.wrapping_mul(0x9E37_79B9).wrapping_add(number));
    match kind {
        3 => Case { of: Of::Wardle, steps: watched::flunders(rng) },
        11 => Case { of: Of::Gadgets, steps: watched::gadgets(rng) },
        7 | 15 => Case { of: Of::Wardle, steps: wardle::case(rng) },
        _ => Case { of: Of::Gadgets, steps: gadget::case(rng) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_known_by_its_seed_and_number() {
        assert_eq!(case(7, 3), case(7, 3));
        assert_ne!(case(7, 3), case(7, 4));
        assert_ne!(case(7, 3), case(8, 3));
    }

    #[test]
    fn cases_are_of_every_kind() {
        let told = |of: Of| -> String {
            let cases = (0..1600).map(|number| case(1, number)).filter(|case| case.of == of);
            cases.flat_map(|case| case.steps).map(|step| step.to_string()).collect()
        };
        let shared = [
            "apply-patch",
            "merge-patch",
            "json-patch",
            "PUT",
            "POST",
            "DELETE",
            "Table",
            "UNTIL w0",
            "WATCH w2",
            "resourceVersion={rv",
            "allowWatchBookmarks=true",
            "sendInitialEvents=false",
            "metadata.name%3Da",
            "metadata.namespace%3Dtwo",
            "l%20in%20%28x%2Cy%29",
            "as=PartialObjectMetadata;g=meta.k8s.io;v=v1beta1",
            "includeObject=None",
            "/watch/",
        ];
        let gadgets = ["spec.color%21%3Dred", "/status", "/scale", "force=true", "m4"];
        let wardle = [
            "strategic-merge-patch",
            "FIRST",
            "sendInitialEvents",
            "continue=",
            "limit=",
            "preconditions",
            "propagationPolicy",
            "ownerReferences",
            "fischers",
            "application/yaml",
            "HEAD",
        ];
        for (of, parts) in [(Of::Gadgets, gadgets.as_slice()), (Of::Wardle, wardle.as_slice())] {
            let told = told(of);
            for part in shared.iter().chain(parts) {
                assert!(told.contains(part), "no case of {of:?} has {part}");
            }
        }
    }
}
