//! What went wrong, as one sentence on one line: it is read by a person, or by whoever reads a pod's last words.

/// An error and its causes, outermost first. Some errors tell their cause in their own words: it is not told twice. Of a
/// text of several lines the first is the sentence, and the others show where.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        let cause = cause.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let cause = cause.replace("error: ", "");
        if sentence.contains(&cause) {
            continue;
        }
        if !sentence.is_empty() {
            sentence.push_str(": ");
        }
        sentence.push_str(&cause);
    }
    sentence
}

/// What is wrong with the command line. How to use it is a `--help` away and would bury the sentence.
pub(crate) fn wrong_usage(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.split("\n\nUsage:").next().unwrap_or_default();
    let text = text.split("\n\nFor more information").next().unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let text = lines.join("; ").replace(":; ", ": ");
    format!("{}; see --help", text.strip_prefix("error: ").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn a_cause_that_is_told_already_is_not_told_again() {
        let error = anyhow!("no such file").context("a.crt cannot be read: no such file").context("nothing is served");
        assert_eq!(sentence(&error), "nothing is served: a.crt cannot be read: no such file");
    }

    #[test]
    fn of_several_lines_the_first_is_told() {
        let error = anyhow!("\nno YAML: error: line 2: unclosed\n\n    a: [\n       ^ here").context("x is of no use");
        assert_eq!(sentence(&error), "x is of no use: no YAML: line 2: unclosed");
    }
}
