//! The parameters of `get`, `list`, `watch` and `deletecollection`.

use super::query::Query;
use super::refuse_if_any;
use crate::Status;
use crate::field::{Error, ErrorList, Path};
use crate::selector::{field, label};

/// Parameters of `get`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GetOptions {
    /// Empty: the newest state; `0`: any cached state; `N`: not older than `N`.
    pub resource_version: String,
}

/// Parameters of `list`, `watch` and `deletecollection`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ListOptions {
    /// The label selector as sent. It parses if the options were parsed.
    pub label_selector: String,
    /// The field selector as sent. It parses if the options were parsed; its fields may still be unknown.
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

impl GetOptions {
    /// Reads the parameters of a `get`.
    ///
    /// * Errors: 400 when `export` is asked for, which Kubernetes gave up.
    pub fn parse(query: &str) -> Result<Self, Status> {
        let query = Query::parse(query);
        if query.flag("export") == Some(true) {
            let why = "the export parameter, deprecated since v1.14, is no longer supported";
            return Err(Status::bad_request(why));
        }
        Ok(Self { resource_version: query.text("resourceVersion") })
    }
}

impl ListOptions {
    /// Reads the parameters of a `list` or `deletecollection`; `watch` is false, whatever was sent.
    ///
    /// * Errors: 400 for a number or selector that does not parse; 422 for parameters that contradict each other.
    pub fn parse_list(query: &str) -> Result<Self, Status> {
        let options = Self::parse(query)?;
        refuse_if_any("ListOptions", &options.validate_list())?;
        Ok(options)
    }

    /// Reads the parameters of a `watch`; `watch` is true, whatever was sent. A watch from no or any version, without
    /// more, becomes one that begins with the state: [`ListOptions::send_initial_events`] is then `Some(true)`.
    ///
    /// * Errors: as of [`ListOptions::parse_list`].
    pub fn parse_watch(query: &str) -> Result<Self, Status> {
        let mut options = Self { watch: true, ..Self::parse(query)? };
        options.default_initial_events();
        refuse_if_any("ListOptions", &options.validate_watch())?;
        Ok(options)
    }

    /// Reads the parameters of a watch on one of the older paths, `/watch/...`.
    ///
    /// * Shape: without `watch=true` they are judged as those of a list. One from no or any version begins with the state
    ///   all the same, but no bookmark tells where that ends.
    /// * Errors: as of [`ListOptions::parse_list`].
    pub fn parse_watch_path(query: &str) -> Result<Self, Status> {
        if Query::parse(query).flag("watch") == Some(true) {
            return Self::parse_watch(query);
        }
        let mut options = Self { watch: true, ..Self::parse_list(query)? };
        options.default_initial_events();
        options.allow_watch_bookmarks &= options.send_initial_events.is_none();
        Ok(options)
    }

    /// Whether it is a watch in place of a list: it begins with the state, and a bookmark tells where the state ends.
    pub fn is_watch_list(&self) -> bool {
        self.watch && self.send_initial_events == Some(true) && self.allow_watch_bookmarks
    }

    fn parse(query: &str) -> Result<Self, Status> {
        let query = Query::parse(query);
        let options = Self {
            label_selector: query.text("labelSelector"),
            field_selector: query.text("fieldSelector"),
            watch: false,
            allow_watch_bookmarks: query.flag("allowWatchBookmarks").unwrap_or_default(),
            resource_version: query.text("resourceVersion"),
            resource_version_match: query.text("resourceVersionMatch"),
            timeout_seconds: query.integer("timeoutSeconds")?,
            limit: query.integer("limit")?.unwrap_or_default(),
            continue_token: query.text("continue"),
            send_initial_events: query.flag("sendInitialEvents"),
        };
        label::Selector::parse(&options.label_selector).map_err(|error| Status::bad_request(error.to_string()))?;
        field::Selector::parse(&options.field_selector).map_err(|error| Status::bad_request(error.to_string()))?;
        Ok(options)
    }

    fn default_initial_events(&mut self) {
        let from_any_version = matches!(self.resource_version.as_str(), "" | "0");
        if from_any_version && self.send_initial_events.is_none() && self.resource_version_match.is_empty() {
            self.send_initial_events = Some(true);
            NOT_OLDER_THAN.clone_into(&mut self.resource_version_match);
        }
    }

    fn validate_list(&self) -> ErrorList {
        let mut errors = ErrorList::new();
        let (field, wanted) = (Path::new(MATCH), self.resource_version_match.as_str());
        if !wanted.is_empty() {
            if self.resource_version.is_empty() {
                let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
                errors.push(Error::forbidden(&field, why));
            }
            errors.extend(self.match_with_continue());
            if wanted != EXACT && wanted != NOT_OLDER_THAN {
                errors.push(Error::not_supported(&field, wanted, &[EXACT, NOT_OLDER_THAN, ""]));
            }
            if wanted == EXACT && self.resource_version == "0" {
                let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                errors.push(Error::forbidden(&field, why));
            }
        }
        if self.send_initial_events.is_some() {
            errors.push(Error::forbidden(&Path::new(INITIAL), "sendInitialEvents is forbidden for list"));
        }
        errors
    }

    fn validate_watch(&self) -> ErrorList {
        let mut errors = ErrorList::new();
        let (field, wanted) = (Path::new(MATCH), self.resource_version_match.as_str());
        if self.send_initial_events.is_some() && wanted != NOT_OLDER_THAN {
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            errors.push(Error::forbidden(&field, why));
        }
        if !wanted.is_empty() {
            if self.send_initial_events.is_none() {
                let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
                errors.push(Error::forbidden(&field, why));
            }
            if wanted != NOT_OLDER_THAN {
                errors.push(Error::not_supported(&field, wanted, &[NOT_OLDER_THAN]));
            }
            errors.extend(self.match_with_continue());
        }
        errors
    }

    fn match_with_continue(&self) -> Option<Error> {
        let why = "resourceVersionMatch is forbidden when continue is provided";
        (!self.continue_token.is_empty()).then(|| Error::forbidden(&Path::new(MATCH), why))
    }
}

const MATCH: &str = "resourceVersionMatch";
const INITIAL: &str = "sendInitialEvents";
const EXACT: &str = "Exact";
const NOT_OLDER_THAN: &str = "NotOlderThan";
