//! Kinds, and the resource words that follow from them.

/// The most bytes of a kind; its lower-case form must fit a DNS label.
pub const KIND_MAX: usize = 63;

/// Whether this is a kind: ASCII letters and digits, the first an upper-case letter, as in `PersistentVolume`.
pub const fn is_kind(value: &str) -> bool {
    let bytes = value.as_bytes();
    if bytes.is_empty() || bytes.len() > KIND_MAX || !bytes[0].is_ascii_uppercase() {
        return false;
    }
    let mut index = 0;
    while index < bytes.len() {
        if !bytes[index].is_ascii_alphanumeric() {
            return false;
        }
        index += 1;
    }
    true
}

/// The word for one object of a kind: the kind in lower case.
pub fn singular(kind: &str) -> String {
    kind.to_lowercase()
}

/// The path word of a kind, as Kubernetes guesses it: `s` is added, `es` after an `s`, and `y` becomes `ies`.
///
/// The guess knows no English: `Box` gives `boxs`. A type whose plural is another word declares it.
pub fn plural(kind: &str) -> String {
    let singular = singular(kind);
    // The one word upstream does not touch.
    if singular.ends_with("endpoints") {
        return singular;
    }
    if let Some(stem) = singular.strip_suffix('y') {
        return format!("{stem}ies");
    }
    let ending = match singular.as_bytes().last() {
        None => "",
        Some(b's') => "es",
        Some(_) => "s",
    };
    singular + ending
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_camel_case() {
        for good in ["A", "Hello", "PersistentVolume", "HTTPRoute", "CSIDriver", "V2", "Ec2Instance"] {
            assert!(is_kind(good), "{good}");
        }
        for bad in ["", "hello", "1st", "_A", "Hello_World", "Hello-World", "Hello World", "Hello.World", "Grüße", "Ä"]
        {
            assert!(!is_kind(bad), "{bad}");
        }
        assert!(is_kind(&"A".repeat(63)));
        assert!(!is_kind(&"A".repeat(64)));
    }

    #[test]
    fn plurals_are_guessed_as_kubernetes_guesses_them() {
        for (kind, expected) in [
            ("Hello", "hellos"),
            ("Flunder", "flunders"),
            ("Fischer", "fischers"),
            ("Gateway", "gatewaies"),
            ("Policy", "policies"),
            ("Ingress", "ingresses"),
            ("ProcessInfo", "processinfos"),
            ("Box", "boxs"),
            ("Endpoints", "endpoints"),
            ("Y", "ies"),
            ("", ""),
        ] {
            assert_eq!(plural(kind), expected, "{kind}");
        }
        assert_eq!(singular("ProcessInfo"), "processinfo");
    }
}
