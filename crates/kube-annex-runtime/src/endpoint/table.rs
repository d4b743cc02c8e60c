//! Tables: what `kubectl get` prints.

use crate::endpoint::Endpoint;
use crate::endpoint::respond::{self, ListAnswer};
use crate::registry::item::{Item, unreadable};
use crate::request::exchange::Exchange;
use crate::request::negotiate::MetaVersion;
use kube_annex::options::query::Query;
use kube_annex::table::Columns;
use kube_annex::{Status, field};
use serde_json::Value;
use std::io::Write as _;

/// How much of each object a row carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum IncludeObject {
    Metadata,
    Object,
    None,
}

/// Writes tables of one resource for one request.
#[derive(Debug)]
pub(crate) struct TableWriter<'a> {
    columns: &'a Columns,
    now: jiff::Timestamp,
    version: MetaVersion,
    include: IncludeObject,
    with_columns: bool,
}

impl<'a> TableWriter<'a> {
    /// * Errors: 400 for an `includeObject` that is none of upstream's.
    pub(crate) fn new(exchange: &Exchange, endpoint: &'a Endpoint, version: MetaVersion) -> Result<Self, Status> {
        let asked = Query::parse(&exchange.query).text("includeObject");
        let include = match asked.as_str() {
            "" | "Metadata" => IncludeObject::Metadata,
            "Object" => IncludeObject::Object,
            "None" => IncludeObject::None,
            other => {
                let error = field::Error::invalid(
                    &field::Path::new("includeObject"),
                    other,
                    "must be 'Metadata', 'Object', 'None', or empty",
                );
                return Err(Status::bad_request(format!("Unable to convert to Table as requested: {error}")));
            }
        };
        let of_scale = endpoint.resource.scale.as_ref().filter(|_| exchange.call.info.subresource == "scale");
        let columns = of_scale.map_or(&endpoint.resource.served(endpoint.version).columns, |scaling| &scaling.columns);
        Ok(Self { columns, now: endpoint.resource.now(), version, include, with_columns: true })
    }

    /// The same writer for the events after the first, which carry no columns.
    pub(crate) fn without_columns(mut self) -> Self {
        self.with_columns = false;
        self
    }

    /// The same writer for an event whose metadata clients rely on.
    pub(crate) fn with_metadata(mut self) -> Self {
        if self.include == IncludeObject::None {
            self.include = IncludeObject::Metadata;
        }
        self
    }

    pub(crate) fn write_list(&self, answer: &ListAnswer, out: &mut Vec<u8>) -> Result<(), Status> {
        respond::write_list_head("Table", self.version.api_version(), answer, out);
        self.write_columns(out);
        self.write_rows(&answer.items, out)
    }

    pub(crate) fn write_object(&self, item: &Item, out: &mut Vec<u8>) -> Result<(), Status> {
        let _ = write!(out, r#"{{"kind":"Table","apiVersion":"{}","metadata":"#, self.version.api_version());
        if item.revision == 0 {
            out.extend_from_slice(b"{}");
        } else {
            let _ = write!(out, r#"{{"resourceVersion":"{}"}}"#, item.revision);
        }
        self.write_columns(out);
        self.write_rows(std::slice::from_ref(item), out)
    }

    fn write_columns(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#","columnDefinitions":"#);
        if self.with_columns {
            out.extend_from_slice(&serde_json::to_vec(self.columns.definitions()).unwrap_or_default());
        } else {
            out.extend_from_slice(b"null");
        }
    }

    fn write_rows(&self, items: &[Item], out: &mut Vec<u8>) -> Result<(), Status> {
        if items.is_empty() {
            // As upstream writes an empty list of Go.
            out.extend_from_slice(br#","rows":null}"#);
            return Ok(());
        }
        out.extend_from_slice(br#","rows":["#);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.write_row(item, out)?;
        }
        out.extend_from_slice(b"]}");
        Ok(())
    }

    fn write_row(&self, item: &Item, out: &mut Vec<u8>) -> Result<(), Status> {
        let tree: Value = serde_json::from_slice(&item.bytes).map_err(unreadable)?;
        out.extend_from_slice(br#"{"cells":"#);
        let cells = self.columns.cells(&tree, self.now);
        out.extend_from_slice(&serde_json::to_vec(&cells).unwrap_or_default());
        out.extend_from_slice(br#","object":"#);
        match self.include {
            IncludeObject::Metadata => respond::write_partial(item, self.version, out)?,
            IncludeObject::Object => respond::write_object(item, out)?,
            IncludeObject::None => out.extend_from_slice(b"null"),
        }
        out.push(b'}');
        Ok(())
    }
}
