//! Numbers, texts and counts.

use super::Walk;
use super::format;
use crate::field::{Error, ErrorList, Path, go_float};
use crate::schema::model::{IntegerFormat, IntegerSchema, NumberSchema, StringSchema};
use serde_json::{Number, Value};

/// Of several faults of one text, upstream tells the first of length and pattern, and its format beside.
pub(super) fn string(walk: &mut Walk<'_>, rules: &StringSchema, text: &str, path: &Path) {
    if let Some(error) = length_or_pattern(walk, rules, text, path) {
        walk.errors.push(error);
    }
    if let Some(format) = rules.format.as_deref().filter(|format| !format::is(format, text)) {
        let why = format!("{path} in body must be of type {format}: {}", crate::field::quote(text));
        walk.errors.push(Error::type_invalid(path, text, why));
    }
}

fn length_or_pattern(walk: &Walk<'_>, rules: &StringSchema, text: &str, path: &Path) -> Option<Error> {
    let length = text.chars().count() as u64;
    if let Some(most) = rules.max_length.filter(|most| length > *most) {
        return Some(Error::too_long(path, usize::try_from(most).unwrap_or(usize::MAX)));
    }
    if let Some(least) = rules.min_length.filter(|least| length < *least) {
        return Some(Error::invalid(path, text, format!("{path} in body should be at least {least} chars long")));
    }
    let pattern = rules.pattern.as_deref()?;
    let why = match walk.validator.matches(pattern, text) {
        Ok(true) => return None,
        Ok(false) => format!("{path} in body should match '{pattern}'"),
        Err(why) => format!("{path} in body should match '{pattern}, but pattern is invalid: {why}'"),
    };
    Some(Error::invalid(path, text, why))
}

pub(super) fn integer(errors: &mut ErrorList, rules: &IntegerSchema, number: &Number, path: &Path) {
    // Beyond 64 bits with sign there is only what an unsigned one holds, and that is greater than every bound.
    let value = number.as_i64().map_or(i128::from(number.as_u64().unwrap_or(u64::MAX)), i128::from);
    let bad = || Value::Number(number.clone());
    if rules.format == Some(IntegerFormat::Int32) && i32::try_from(value).is_err() {
        // Upstream tells no field here.
        let why = format!("Checked value must be of type integer with format int32 in {path}");
        errors.push(Error::invalid(path, bad(), why));
    }
    if let Some(factor) = rules.multiple_of.filter(|factor| *factor > 0 && value % i128::from(*factor) != 0) {
        errors.push(Error::invalid(path, bad(), format!("{path} in body should be a multiple of {factor}")));
    }
    if let Some(least) = rules.minimum {
        let bound = i128::from(least);
        let broken = if rules.exclusive_minimum { value <= bound } else { value < bound };
        if broken {
            errors.push(Error::invalid(path, bad(), too_small(path, least, rules.exclusive_minimum)));
        }
    }
    if let Some(most) = rules.maximum {
        let bound = i128::from(most);
        let broken = if rules.exclusive_maximum { value >= bound } else { value > bound };
        if broken {
            errors.push(Error::invalid(path, bad(), too_large(path, most, rules.exclusive_maximum)));
        }
    }
}

pub(super) fn number(errors: &mut ErrorList, rules: &NumberSchema, number: &Number, path: &Path) {
    let Some(value) = number.as_f64() else { return };
    let bad = || Value::Number(number.clone());
    if let Some(factor) = rules.multiple_of.filter(|factor| *factor > 0.0) {
        let times = if factor < 1.0 { 1.0 / factor * value } else { value / factor };
        if (times - times.round()).abs() > f64::EPSILON * times.abs().max(1.0) {
            let factor = go_float(factor);
            errors.push(Error::invalid(path, bad(), format!("{path} in body should be a multiple of {factor}")));
        }
    }
    if let Some(least) = rules.minimum {
        let broken = if rules.exclusive_minimum { value <= least } else { value < least };
        if broken {
            errors.push(Error::invalid(path, bad(), too_small(path, go_float(least), rules.exclusive_minimum)));
        }
    }
    if let Some(most) = rules.maximum {
        let broken = if rules.exclusive_maximum { value >= most } else { value > most };
        if broken {
            errors.push(Error::invalid(path, bad(), too_large(path, go_float(most), rules.exclusive_maximum)));
        }
    }
}

fn too_small(path: &Path, bound: impl std::fmt::Display, exclusive: bool) -> String {
    let or_equal = if exclusive { "" } else { " or equal to" };
    format!("{path} in body should be greater than{or_equal} {bound}")
}

fn too_large(path: &Path, bound: impl std::fmt::Display, exclusive: bool) -> String {
    let or_equal = if exclusive { "" } else { " or equal to" };
    format!("{path} in body should be less than{or_equal} {bound}")
}

/// Fewer than wanted. Upstream has its own kind of error for too many and none for too few.
pub(super) fn few(errors: &mut ErrorList, least: Option<u64>, count: usize, of: &str, path: &Path) {
    if let Some(least) = least.filter(|least| (count as u64) < *least) {
        let why = format!("{path} in body should have at least {least} {of}");
        errors.push(Error::invalid(path, count, why));
    }
}

pub(super) fn many(errors: &mut ErrorList, most: Option<u64>, count: usize, path: &Path) {
    if let Some(most) = most.filter(|most| count as u64 > *most) {
        errors.push(Error::too_many(path, count, usize::try_from(most).unwrap_or(usize::MAX)));
    }
}

/// An allowed value as upstream lists it: text as it is, anything else as JSON.
pub(super) fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
