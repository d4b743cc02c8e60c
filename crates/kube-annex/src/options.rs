//! The parameters of each verb.

use serde::{Deserialize, Serialize};

/// Parameters of `get`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GetOptions {
    /// Empty: the newest state; `0`: any cached state; `N`: not older than `N`.
    pub resource_version: String,
}

/// Parameters of `list`, `watch` and `deletecollection`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ListOptions {
    /// The label selector as sent.
    pub label_selector: String,
    /// The field selector as sent.
    pub field_selector: String,
    /// Whether changes are asked for instead of a list.
    pub watch: bool,
    /// Whether the watch may carry bookmarks.
    pub allow_watch_bookmarks: bool,
    /// The resourceVersion as sent.
    pub resource_version: String,
    /// How `resource_version` is meant: empty, `Exact` or `NotOlderThan`.
    pub resource_version_match: String,
    /// Seconds after which a watch ends; `None` lets the server choose.
    pub timeout_seconds: Option<i64>,
    /// The most objects on a page; 0 means no limit.
    pub limit: i64,
    /// The token of the page before.
    pub continue_token: String,
    /// Whether the watch begins with the state as synthetic events; `None` when not sent.
    pub send_initial_events: Option<bool>,
}

/// Parameters of `create`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CreateOptions {
    /// Whether nothing is to be kept.
    pub dry_run: bool,
    /// Who the changed fields belong to.
    pub field_manager: String,
    /// What to do about unknown and duplicate fields.
    pub field_validation: FieldValidation,
}

/// Parameters of `update`.
pub type UpdateOptions = CreateOptions;

/// Parameters of `patch`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PatchOptions {
    /// Whether nothing is to be kept.
    pub dry_run: bool,
    /// Who the changed fields belong to.
    pub field_manager: String,
    /// What to do about unknown and duplicate fields.
    pub field_validation: FieldValidation,
    /// Whether conflicts of an apply are overruled; `None` when not sent.
    pub force: Option<bool>,
}

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
