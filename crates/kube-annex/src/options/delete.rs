//! The parameters of `delete` and `deletecollection`, as query or as body.

use super::query::Query;
use super::{refuse_if_any, validate_dry_run};
use crate::Status;
use crate::decode::{self, MediaType};
use crate::field::{Error, ErrorList, Path, quote};
use crate::protobuf::messages::DELETE_OPTIONS;
use crate::protobuf::{self, Envelope};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// Parameters of `delete`, as query or as body.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteOptions {
    /// Seconds to wait before removal; resources here have no graceful deletion, so it only matters that it parses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_period_seconds: Option<i64>,
    /// What must be true of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preconditions: Option<Preconditions>,
    /// The older spelling of the propagation policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orphan_dependents: Option<bool>,
    /// What happens to dependents: `Orphan`, `Background` or `Foreground`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagation_policy: Option<String>,
    /// `All` when nothing is to be removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dry_run: Vec<String>,
    /// Whether to remove the object though it cannot be read, without its finalizers having a say. One that can be read
    /// is not removed then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_store_read_error_with_cluster_breaking_potential: Option<bool>,
}

/// What must be true of an object for a deletion to happen.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Preconditions {
    /// The object's uid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The object's resourceVersion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
}

impl DeleteOptions {
    /// Reads the parameters of a deletion without a body. `uid` and `resourceVersion` become preconditions.
    ///
    /// * Errors: 400 for a number that does not parse; 422 of kind `DeleteOptions` with every violation.
    pub fn parse_query(query: &str) -> Result<Self, Status> {
        Self::from_query(&Query::parse(query))?.validated()
    }

    /// Reads the body of a deletion: `DeleteOptions` of whatever group and version,
    /// in any form that there is. A body without `apiVersion` and `kind` is taken for one. With a body the query counts
    /// for nothing.
    ///
    /// * Errors: 400 for a body that cannot be read as that; 422 of kind `DeleteOptions` with every violation.
    pub fn parse_body(bytes: &[u8], media: MediaType) -> Result<Self, Status> {
        let mut body = object(bytes, media)?;
        check_type(&body, bytes)?;
        drop_nulls(&mut body);
        match body.get_mut("preconditions") {
            None => {}
            Some(Value::Object(preconditions)) => drop_nulls(preconditions),
            Some(other) => {
                let found = decode::describe(other);
                return Err(unreadable(format_args!("preconditions: expected an object, found {found}")));
            }
        }
        let options: Self =
            serde_path_to_error::deserialize(Value::Object(body)).map_err(|error| unreadable(decode::misfit(error)))?;
        options.validated()
    }

    /// Whether the object is to be removed because it cannot be read.
    pub fn ignores_read_error(&self) -> bool {
        self.ignore_store_read_error_with_cluster_breaking_potential == Some(true)
    }

    /// The same options, for the objects of a collection.
    ///
    /// * Errors: 422 where they ask to remove what cannot be read, which is done one by one.
    pub fn for_collection(self) -> Result<Self, Status> {
        if !self.ignores_read_error() {
            return Ok(self);
        }
        let why = "is not allowed with DELETECOLLECTION, try again after removing the option";
        refuse_if_any("DeleteOptions", &[Error::invalid(&Path::new(IGNORE_READ_ERROR), true, why)])?;
        Ok(self)
    }

    /// Whether nothing is to be removed.
    pub fn is_dry_run(&self) -> bool {
        !self.dry_run.is_empty()
    }

    fn from_query(query: &Query<'_>) -> Result<Self, Status> {
        let condition = |name| query.first(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let preconditions = Preconditions { uid: condition("uid"), resource_version: condition("resourceVersion") };
        Ok(Self {
            grace_period_seconds: query.integer("gracePeriodSeconds")?,
            preconditions: (preconditions != Preconditions::default()).then_some(preconditions),
            orphan_dependents: query.flag("orphanDependents"),
            propagation_policy: query.first("propagationPolicy").map(str::to_owned),
            dry_run: query.all("dryRun").map(str::to_owned).collect(),
            ignore_store_read_error_with_cluster_breaking_potential: query.flag(IGNORE_READ_ERROR),
        })
    }

    fn validated(mut self) -> Result<Self, Status> {
        let mut errors = self.validate_propagation();
        errors.extend(validate_dry_run(&self.dry_run));
        errors.extend(self.validate_ignored_read_error());
        refuse_if_any("DeleteOptions", &errors)?;
        // Upstream takes a negative period for the shortest.
        self.grace_period_seconds = self.grace_period_seconds.map(|seconds| if seconds < 0 { 1 } else { seconds });
        Ok(self)
    }

    fn validate_propagation(&self) -> ErrorList {
        let mut errors = ErrorList::new();
        let Some(policy) = self.propagation_policy.as_deref() else { return errors };
        let field = Path::new("propagationPolicy");
        if self.orphan_dependents.is_some() {
            let why = "orphanDependents and deletionPropagation cannot be both set";
            errors.push(Error::invalid(&field, policy, why));
        }
        if !matches!(policy, "Foreground" | "Background" | "Orphan") {
            errors.push(Error::not_supported(&field, policy, &["Foreground", "Background", "Orphan", "nil"]));
        }
        errors
    }

    fn validate_ignored_read_error(&self) -> ErrorList {
        if !self.ignores_read_error() {
            return ErrorList::new();
        }
        let beside = [
            ("propagationPolicy", self.propagation_policy.is_some()),
            ("orphanDependents", self.orphan_dependents.is_some()),
            ("gracePeriodSeconds", self.grace_period_seconds.is_some()),
            ("preconditions", self.preconditions.is_some()),
        ];
        let field = Path::new(IGNORE_READ_ERROR);
        beside
            .into_iter()
            .filter(|(_, is_set)| *is_set)
            .map(|(other, _)| Error::invalid(&field, true, format!("cannot be set together with .{other}")))
            .collect()
    }
}

fn object(bytes: &[u8], media: MediaType) -> Result<Map<String, Value>, Status> {
    if media == MediaType::Protobuf {
        let Envelope { api_version, kind, raw } = decode::open(bytes).map_err(unreadable)?;
        // Of another kind, the fields mean something else.
        let is_other = !matches!(kind, "" | "DeleteOptions");
        let mut body = if is_other { Map::new() } else { protobuf::read(&DELETE_OPTIONS, raw).map_err(unreadable)? };
        body.insert("apiVersion".to_owned(), api_version.into());
        body.insert("kind".to_owned(), kind.into());
        return Ok(body);
    }
    match decode::decode(bytes, media).map_err(unreadable)?.value {
        Value::Object(object) => Ok(object),
        Value::Null => Ok(Map::new()),
        other => Err(unreadable(format_args!(
            "couldn't get version/kind; json parse error: expected an object, found {}",
            decode::describe(&other)
        ))),
    }
}

/// Refuses what says to be something other than `DeleteOptions`.
fn check_type(body: &Map<String, Value>, sent: &[u8]) -> Result<(), Status> {
    let refused = |other: decode::Mismatch| Status::bad_request(other.to_string());
    let kind = decode::type_text(body, "kind").map_err(refused)?;
    let api_version = decode::type_text(body, "apiVersion").map_err(refused)?;
    let version = decode::group_version(api_version).map_err(refused)?;
    if version.version.is_empty() && !matches!(version.group.as_str(), "" | "meta.k8s.io") {
        let sent = String::from_utf8_lossy(sent);
        return Err(Status::bad_request(format!("Object 'apiVersion' is missing in '{sent}'")));
    }
    // As upstream, which knows this kind in whatever version.
    if matches!(kind, "" | "DeleteOptions") {
        return Ok(());
    }
    let version = if api_version.is_empty() { "meta.k8s.io/v1" } else { api_version };
    Err(Status::bad_request(format!("no kind {} is registered for version {}", quote(kind), quote(version))))
}

/// `null` means unset.
fn drop_nulls(object: &mut Map<String, Value>) {
    object.retain(|_, value| !value.is_null());
}

fn unreadable(why: impl fmt::Display) -> Status {
    Status::bad_request(why.to_string())
}

const IGNORE_READ_ERROR: &str = "ignoreStoreReadErrorWithClusterBreakingPotential";
