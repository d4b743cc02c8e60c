//! The parameters of `create`, `update` and `patch`.

use super::query::Query;
use super::{refuse_if_any, validate_dry_run};
use crate::Status;
use crate::field::{Error, ErrorList, Path};

/// Parameters of `create`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CreateOptions {
    /// Whether nothing is to be kept.
    pub dry_run: bool,
    /// Who the changed fields belong to; empty when not sent.
    pub field_manager: String,
    /// What to do about unknown and duplicate fields.
    pub field_validation: FieldValidation,
}

/// Parameters of `update`: those of `create`. Only the words of a refusal differ.
pub type UpdateOptions = CreateOptions;

/// Parameters of `patch`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PatchOptions {
    /// Whether nothing is to be kept.
    pub dry_run: bool,
    /// Who the changed fields belong to; empty when not sent, which an apply never is.
    pub field_manager: String,
    /// What to do about unknown and duplicate fields.
    pub field_validation: FieldValidation,
    /// Whether conflicts of an apply are overruled; `None` when not sent.
    pub force: Option<bool>,
}

/// What to do about fields that are unknown or written twice.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FieldValidation {
    /// Drop them silently.
    Ignore,
    /// Drop them and warn: the default.
    #[default]
    Warn,
    /// Refuse the request.
    Strict,
}

impl CreateOptions {
    /// Reads the parameters of a `create`.
    ///
    /// * Errors: 422 of kind `CreateOptions` with every violation.
    pub fn parse_create(query: &str) -> Result<Self, Status> {
        Self::parse(query, "CreateOptions")
    }

    /// Reads the parameters of an `update`.
    ///
    /// * Errors: 422 of kind `UpdateOptions` with every violation.
    pub fn parse_update(query: &str) -> Result<Self, Status> {
        Self::parse(query, "UpdateOptions")
    }

    fn parse(query: &str, kind: &str) -> Result<Self, Status> {
        let mut errors = ErrorList::new();
        let options = Self::read(&Query::parse(query), &mut errors);
        refuse_if_any(kind, &errors)?;
        Ok(options)
    }

    /// Reads what all writes share, and notes what is wrong with it.
    fn read(query: &Query<'_>, errors: &mut ErrorList) -> Self {
        let field_manager = query.text("fieldManager");
        errors.extend(validate_field_manager(&field_manager, &Path::new("fieldManager")));
        let dry_run: Vec<String> = query.all("dryRun").map(str::to_owned).collect();
        errors.extend(validate_dry_run(&dry_run));
        let field_validation = FieldValidation::read(query.first("fieldValidation").unwrap_or_default(), errors);
        Self { dry_run: !dry_run.is_empty(), field_manager, field_validation }
    }
}

impl PatchOptions {
    /// Reads the parameters of a `patch`; `is_apply` tells whether it is a server-side apply.
    ///
    /// * Errors: 422 of kind `PatchOptions` with every violation. An apply needs a `fieldManager`, and only an apply can
    ///   have `force`.
    pub fn parse(query: &str, is_apply: bool) -> Result<Self, Status> {
        let query = Query::parse(query);
        let mut errors = ErrorList::new();
        let force = query.flag("force");
        if is_apply && query.first("fieldManager").unwrap_or_default().is_empty() {
            errors.push(Error::required(&Path::new("fieldManager"), "is required for apply patch"));
        }
        if !is_apply && force.is_some() {
            errors.push(Error::forbidden(&Path::new("force"), "may not be specified for non-apply patch"));
        }
        let CreateOptions { dry_run, field_manager, field_validation } = CreateOptions::read(&query, &mut errors);
        refuse_if_any("PatchOptions", &errors)?;
        Ok(Self { dry_run, field_manager, field_validation, force })
    }
}

impl FieldValidation {
    fn read(value: &str, errors: &mut ErrorList) -> Self {
        match value {
            "" | "Warn" => Self::Warn,
            "Ignore" => Self::Ignore,
            "Strict" => Self::Strict,
            other => {
                let supported = &["", "Ignore", "Strict", "Warn"];
                errors.push(Error::not_supported(&Path::new("fieldValidation"), other, supported));
                Self::default()
            }
        }
    }
}

/// What is wrong with the name of a field manager, at `field`: it has up to 128 bytes, and each character can be printed.
pub fn validate_field_manager(name: &str, field: &Path) -> ErrorList {
    if name.len() > FIELD_MANAGER_MAX {
        // Upstream goes on, but each further error would repeat the whole name.
        return vec![Error::too_long(field, FIELD_MANAGER_MAX)];
    }
    let mut errors = ErrorList::new();
    for (position, character) in name.char_indices().filter(|(_, character)| !is_printable(*character)) {
        let detail = format!("invalid character U+{:04X} (at position {position})", u32::from(character));
        errors.push(Error::invalid(field, name, detail));
    }
    errors
}

/// The name of a field manager that gives none: what its `User-Agent` begins with, up to the first slash.
///
/// Characters that cannot be printed are left out, and so is what exceeds 128 bytes. It may be empty.
pub fn manager_of_user_agent(user_agent: &str) -> String {
    let product = user_agent.split('/').next().unwrap_or_default();
    let mut name = String::with_capacity(product.len().min(FIELD_MANAGER_MAX));
    for character in product.chars().filter(|character| is_printable(*character)) {
        if name.len() + character.len_utf8() > FIELD_MANAGER_MAX {
            break;
        }
        name.push(character);
    }
    name
}

const FIELD_MANAGER_MAX: usize = 128;

/// Letters, marks, numbers, punctuation, symbols and the ASCII space: what upstream calls printable.
///
/// That is what the standard library shows unescaped when it debugs text, except that it escapes quotes and backslashes,
/// and a mark at the beginning, where there is nothing to combine it with.
fn is_printable(character: char) -> bool {
    match character {
        '"' | '\'' | '\\' => true,
        other => String::from_iter(['a', other]).escape_debug().nth(1) == Some(other),
    }
}
