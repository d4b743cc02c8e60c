//! A type's own rules: how its objects are prepared, judged and kept. Upstream calls this a REST strategy.

use crate::field;
use crate::resource::AggregatedResource;

/// The rules of one resource. Every method has a default, so a type states only what is special about it.
///
/// On a write the order is: `default`, admission, `prepare_for_create` or `prepare_for_update`, `validate` (and
/// `validate_update`), `warnings`, `canonicalize`, storage.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a strategy of `{R}`",
    label = "named as the strategy of `{R}`",
    note = "write `impl kube_annex::Strategy<{R}> for {Self} {{}}` and override the rules that are special"
)]
pub trait Strategy<R: AggregatedResource>: Send + Sync + 'static {
    /// What a name must look like, beyond being safe in a path.
    const NAME_RULE: NameRule = NameRule::DnsSubdomain;

    /// Whether `PUT` of an object that does not exist creates it.
    const ALLOW_CREATE_ON_UPDATE: bool = false;

    /// Whether `PUT` without a resourceVersion overwrites whatever is there.
    const ALLOW_UNCONDITIONAL_UPDATE: bool = true;

    /// Whether strategic merge patches are taken, as upstream takes them for the types it was compiled with. It does not
    /// for custom resources: their clients are answered 415 and turn to merge patches.
    const STRATEGIC_MERGE: bool = true;

    /// Fills in what the client left out. Runs whenever an object of this version is decoded.
    fn default(object: &mut R) {
        let _ = object;
    }

    /// Clears what a client may not set at creation.
    fn prepare_for_create(object: &mut R) {
        let _ = object;
    }

    /// Restores what a client may not change.
    fn prepare_for_update(object: &mut R, old: &R) {
        let _ = (object, old);
    }

    /// Every violation in a new object.
    fn validate(object: &R) -> field::ErrorList {
        let _ = object;
        field::ErrorList::new()
    }

    /// Every violation in a changed object. By default the object is judged as a new one would be.
    fn validate_update(object: &R, old: &R) -> field::ErrorList {
        let _ = old;
        Self::validate(object)
    }

    /// What to tell the client although the write succeeds.
    fn warnings(object: &R) -> Vec<String> {
        let _ = object;
        Vec::new()
    }

    /// Brings equal objects into one form before they are stored.
    fn canonicalize(object: &mut R) {
        let _ = object;
    }
}

/// The rules of a type that has none of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultStrategy;

impl<R: AggregatedResource> Strategy<R> for DefaultStrategy {}

/// What names of a type look like. Every rule includes that the name is safe as a path segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NameRule {
    /// A lower-case RFC 1123 subdomain, up to 253 bytes: the rule of custom resources.
    DnsSubdomain,
    /// A lower-case RFC 1123 label, up to 63 bytes.
    DnsLabel,
    /// An RFC 1035 label, up to 63 bytes, starting with a letter.
    Dns1035Label,
    /// Anything that is safe in a path: not `.` or `..`, no `/` and no `%`.
    PathSegment,
}
