//! The name of a manager that did not say its name.

use crate::field::is_printable;

/// The manager of a write: the `fieldManager` parameter, else what the User-Agent says before its first slash.
///
/// * Shape: at most 128 bytes of a User-Agent, of which only printable characters are kept; may be empty.
pub fn manager_name(field_manager: &str, user_agent: &str) -> String {
    if !field_manager.is_empty() {
        return field_manager.to_owned();
    }
    let mut name = String::new();
    let program = user_agent.split('/').next().unwrap_or_default();
    for character in program.chars().filter(|&character| matches!(character, '"' | '\\') || is_printable(character)) {
        if name.len() + character.len_utf8() > MAX_LENGTH {
            break;
        }
        name.push(character);
    }
    name
}

/// The most bytes of a manager's name.
const MAX_LENGTH: usize = 128;
