//! The order in which clients are offered the versions of a group.

use std::cmp::Ordering;

/// The version to prefer first: stable before beta before alpha, higher numbers first; other names last, by name.
pub(super) fn order(left: &str, right: &str) -> Ordering {
    match (parse(left), parse(right)) {
        (Some(left), Some(right)) => right.cmp(&left),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

/// Stability, major and minor of a name like `v1`, `v2beta3`.
fn parse(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (major, stage) = rest.split_at(digits);
    let major = number(major)?;
    if stage.is_empty() {
        return Some((2, major, 0));
    }
    let (stability, minor) = match (stage.strip_prefix("beta"), stage.strip_prefix("alpha")) {
        (Some(minor), _) => (1, minor),
        (None, Some(minor)) => (0, minor),
        (None, None) => return None,
    };
    Some((stability, major, number(minor)?))
}

fn number(digits: &str) -> Option<u64> {
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| canonical)
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn as_7_stable_before_beta_before_alpha_and_strange_names_last() {
        let mut versions =
            ["foo1", "v1alpha1", "v10", "v2", "v11beta2", "v11alpha2", "v1beta1", "v3beta1", "v1", "foo10", "v01"];
        versions.sort_by(|left, right| order(left, right));
        assert_eq!(
            versions,
            ["v10", "v2", "v1", "v11beta2", "v3beta1", "v1beta1", "v11alpha2", "v1alpha1", "foo1", "foo10", "v01"]
        );
    }
}
