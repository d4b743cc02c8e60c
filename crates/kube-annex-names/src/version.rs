//! API versions: their grammar and their order.

use std::cmp::Ordering;

/// How stable a version is. Later is more stable.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Stability {
    /// `v1alpha1`: may vanish.
    Alpha,
    /// `v1beta1`: will change only with notice.
    Beta,
    /// `v1`: stays.
    Ga,
}

/// A version that follows the Kubernetes convention. The order is that of preference: the greatest comes first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Version {
    /// How stable it is; a stable version is preferred to any beta, whatever the numbers.
    pub stability: Stability,
    /// The number after `v`.
    pub major: u64,
    /// The number after `alpha` or `beta`; 0 in a stable version.
    pub minor: u64,
}

impl Version {
    /// Reads `v1`, `v1beta2` or `v1alpha1`. `None` for other words, and for numbers that do not fit 63 bits.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('v')?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (major, rest) = rest.split_at_checked(digits)?;
        let major = number(major)?;
        let (stability, minor) = if rest.is_empty() {
            return Some(Self { stability: Stability::Ga, major, minor: 0 });
        } else if let Some(minor) = rest.strip_prefix("alpha") {
            (Stability::Alpha, minor)
        } else {
            (Stability::Beta, rest.strip_prefix("beta")?)
        };
        Some(Self { stability, major, minor: number(minor)? })
    }
}

/// Whether a type may declare this version: it follows the convention and its numbers begin with 1 to 9.
///
/// Stricter than [`Version::parse`], which also reads `v0` and `v01`, since those exist in the wild.
pub fn is_declarable(text: &str) -> bool {
    let zero_leads = text.split(|c: char| !c.is_ascii_digit()).any(|number| number.starts_with('0'));
    Version::parse(text).is_some() && !zero_leads && text.len() <= crate::dns::LABEL_MAX
}

/// Orders versions as clients prefer them: `Less` means `left` comes first.
///
/// Stable before beta before alpha, higher numbers first, words outside the convention last and alphabetically.
pub fn compare(left: &str, right: &str) -> Ordering {
    match (Version::parse(left), Version::parse(right)) {
        (Some(a), Some(b)) => b.cmp(&a),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

fn number(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // Upstream reads signed numbers, so what does not fit those is outside the convention.
    if all_digits { digits.parse().ok().filter(|number| i64::try_from(*number).is_ok()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_convention_is_recognized() {
        let version = |stability, major, minor| Some(Version { stability, major, minor });
        for (text, expected) in [
            ("v1", version(Stability::Ga, 1, 0)),
            ("v12", version(Stability::Ga, 12, 0)),
            ("v0", version(Stability::Ga, 0, 0)),
            ("v1beta2", version(Stability::Beta, 1, 2)),
            ("v2alpha10", version(Stability::Alpha, 2, 10)),
            ("", None),
            ("v", None),
            ("1", None),
            ("V1", None),
            ("v1beta", None),
            ("v1gamma1", None),
            ("v1beta1x", None),
            ("v1beta1beta1", None),
            ("v1.0", None),
            ("v-1", None),
            ("v+1", None),
            ("vé1", None),
            ("v9223372036854775807", version(Stability::Ga, 9_223_372_036_854_775_807, 0)),
            ("v9223372036854775808", None),
            ("v99999999999999999999999", None),
        ] {
            assert_eq!(Version::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_of_a_declared_version_do_not_begin_with_zero() {
        for good in ["v1", "v10", "v1beta1", "v2alpha10"] {
            assert!(is_declarable(good), "{good}");
        }
        for bad in ["v0", "v01", "v1beta0", "v1alpha01", "v1beta", "foo", "1", ""] {
            assert!(!is_declarable(bad), "{bad}");
        }
    }

    #[test]
    fn as_7_versions_are_ordered_by_stability_then_number_then_name() {
        let expected =
            ["v10", "v2", "v1", "v11beta2", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "bar", "foo1", "foo10"];
        let mut sorted = expected;
        sorted.reverse();
        sorted.sort_by(|a, b| compare(a, b));
        assert_eq!(sorted, expected);
        assert_eq!(compare("v1", "v1"), Ordering::Equal);
    }
}
