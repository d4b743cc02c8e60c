//! The JSON paths of columns: `.a.b[0]['x'][?(@.type=='Ready')].c`.

/// The longest path read; a bound, not a goal.
const LONGEST: usize = 1024;

/// Judges a path; the error says where it goes wrong and what would be right.
pub(super) fn check(path: &str) -> Result<(), String> {
    if path.len() > LONGEST {
        return Err(format!("it has more than {LONGEST} bytes"));
    }
    if !path.starts_with('.') {
        let fields = path.trim_start_matches(['$', '.']);
        return Err(format!("it begins with a dot; write `.{}`", if fields.is_empty() { "spec.size" } else { fields }));
    }
    let mut rest = path;
    while !rest.is_empty() {
        rest = if let Some(field) = rest.strip_prefix('.') {
            after_field(field)?
        } else if let Some(inside) = rest.strip_prefix('[') {
            after_bracket(inside)?
        } else {
            return Err(format!("`{rest}` follows neither a dot nor a bracket"));
        };
    }
    Ok(())
}

/// What follows a field name. A dot that belongs to the name is written `\.`.
fn after_field(text: &str) -> Result<&str, String> {
    let mut escaped = false;
    let end = text.char_indices().find(|(_, character)| {
        let ends = !escaped && matches!(character, '.' | '[' | ']');
        escaped = !escaped && *character == '\\';
        ends
    });
    let (field, rest) = text.split_at(end.map_or(text.len(), |(index, _)| index));
    let legal =
        |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '/' | '.' | '\\' | '$');
    match field.chars().find(|character| !legal(*character)) {
        _ if field.is_empty() => {
            Err("a field's name is missing after a dot; write one such as `.spec.size`".to_owned())
        }
        _ if escaped => Err("it ends in a backslash".to_owned()),
        Some(odd) => Err(format!("`{odd}` cannot stand in a field's name; write `['{field}']`")),
        None => Ok(rest),
    }
}

/// What follows a bracket: an index, a quoted name or a filter.
fn after_bracket(text: &str) -> Result<&str, String> {
    let Some(end) = closing_bracket(text) else {
        return Err("a bracket is not closed; write `]`".to_owned());
    };
    let (inside, rest) = (&text[..end], &text[end + 1..]);
    let index = !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit());
    if index || quoted(inside).is_some_and(|name| !name.is_empty()) || is_filter(inside) {
        Ok(rest)
    } else {
        Err(format!(
            "`[{inside}]` is no index, name or filter; write one such as `[0]`, `['x']` or `[?(@.type=='Ready')]`"
        ))
    }
}

/// Where the bracket closes; brackets within quotes do not count.
fn closing_bracket(text: &str) -> Option<usize> {
    let mut quote = None;
    for (index, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, ']') => return Some(index),
            _ => {}
        }
    }
    None
}

fn quoted(text: &str) -> Option<&str> {
    ['\'', '"'].into_iter().find_map(|quote| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.contains(quote)).then_some(inner)
    })
}

/// `?(@.type=='Ready')`: a path below the item, a comparison and a constant.
fn is_filter(text: &str) -> bool {
    let Some(condition) = text.strip_prefix("?(").and_then(|rest| rest.strip_suffix(')')) else { return false };
    let Some(path) = condition.trim().strip_prefix('@') else { return false };
    let Some((path, constant)) = path.split_once("==").or_else(|| path.split_once("!=")) else { return false };
    let path = path.trim();
    let fields =
        path.starts_with('.') && path.split('.').skip(1).all(|field| after_field(field).is_ok_and(str::is_empty));
    let constant = constant.trim();
    let plain = matches!(constant, "true" | "false") || constant.parse::<f64>().is_ok();
    fields && (plain || quoted(constant).is_some())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn paths_of_the_subset_are_read() {
        for good in [
            ".spec.size",
            ".metadata.creationTimestamp",
            ".a.b[0]['x'][?(@.type=='Ready')].c",
            ".status.conditions[?(@.type==\"Ready\")].status",
            ".metadata.annotations['example.com/it\"s']",
            ".metadata.annotations.example\\.com/owner",
            ".a[?(@.b.c!=3)].d",
            ".a[?( @.on == true )]",
            ".a['[']",
            ".größe",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
            assert!(kube_annex::table::json_path::JsonPath::parse(good).is_ok(), "the server cannot read {good}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_path_is_said() {
        for (bad, why) in [
            ("", "begins with a dot"),
            ("spec.size", "write `.spec.size`"),
            ("$.spec", "write `.spec`"),
            (".", "name is missing"),
            (".spec.", "name is missing"),
            ("..spec", "name is missing"),
            (".spec size", "cannot stand in a field's name"),
            (".a[0", "not closed"),
            (".a]", "follows neither"),
            (".a[0]b", "follows neither"),
            (".a[]", "no index, name or filter"),
            (".a['']", "no index, name or filter"),
            (".a[-1]", "no index, name or filter"),
            (".a[*]", "no index, name or filter"),
            (".a[?(@.b)]", "no index, name or filter"),
            (".a[?(@.b==Ready)]", "no index, name or filter"),
            (".a[?(.b=='x')]", "no index, name or filter"),
            (".a['b]", "not closed"),
            (".a\\", "backslash"),
        ] {
            let error = check(bad).expect_err(bad);
            assert!(error.contains(why), "{bad}: {error}");
        }
        assert!(check(&format!(".{}", "a".repeat(2000))).is_err());
    }
}
