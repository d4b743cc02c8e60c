//! The table that `kubectl get` prints: its columns, and an object's cells.

mod age;
mod cell;
pub mod json_path;
#[cfg(test)]
mod tests;

use crate::resource::{ColumnDescriptor, ColumnType, ResourceDescriptor};
pub use age::human_duration;

use json_path::JsonPath;
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// A column of a table, in upstream's key order. All five keys are always written.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ColumnDefinition {
    /// The header, such as `Size`.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub r#type: &'static str,
    /// `name` for the column that identifies the object, else empty.
    pub format: &'static str,
    /// What the column means.
    pub description: String,
    /// 0 is always shown; more only with `-o wide`.
    pub priority: i32,
}

/// The columns of a resource with their JSON paths parsed: made once, used for each row.
#[derive(Clone, Debug)]
pub struct Columns {
    definitions: Vec<ColumnDefinition>,
    cells: Cells,
}

/// What follows the name.
#[derive(Clone, Debug)]
enum Cells {
    /// Of a resource without columns of its own: when the object was made.
    CreatedAt,
    /// Of each declared column. `None` where the path does not parse; its cells are null.
    Declared(Vec<(ColumnType, Option<JsonPath>)>),
}

impl Columns {
    /// The columns of a resource: the name, then what it declares, or when it was created if it declares nothing.
    pub fn of(descriptor: &ResourceDescriptor) -> Self {
        if descriptor.columns.is_empty() {
            return Self::standard();
        }
        Self::declared(descriptor.columns)
    }

    /// The name, then these.
    pub fn declared(columns: &[ColumnDescriptor]) -> Self {
        Self {
            definitions: std::iter::once(name()).chain(columns.iter().map(definition)).collect(),
            cells: Cells::Declared(
                columns.iter().map(|column| (column.r#type, JsonPath::parse(column.path).ok())).collect(),
            ),
        }
    }

    /// Upstream's default: the name, and when the object was created.
    pub fn standard() -> Self {
        Self { definitions: vec![name(), created_at()], cells: Cells::CreatedAt }
    }

    /// What a custom resource's `Scale` shows: the name, how many replicas are wanted and there, and its age.
    ///
    /// * Source: `getScaleColumnsForVersion` of k8s.io/apiextensions-apiserver.
    pub fn of_scale() -> Self {
        let column =
            |name, path, r#type, description| ColumnDescriptor { name, path, r#type, description, priority: 0 };
        Self::declared(&[
            column("Desired", ".spec.replicas", ColumnType::Integer, "Number of desired replicas"),
            column("Available", ".status.replicas", ColumnType::Integer, "Number of actual replicas"),
            column("Age", ".metadata.creationTimestamp", ColumnType::Date, CREATED_AT_DESCRIPTION),
        ])
    }

    /// What the table says of its columns.
    pub fn definitions(&self) -> &[ColumnDefinition] {
        &self.definitions
    }

    /// The cells of an object's row, the name first; exactly as many as there are columns.
    ///
    /// * Shape: plain JSON scalars; null where the object has no such value, or one of another type. Of several values
    ///   the first counts.
    /// * Units: a declared date is told as its age at `now`, as [`human_duration`] writes it; when the object was
    ///   created is RFC 3339 in UTC, to the second.
    pub fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let metadata = object.get("metadata");
        let name = metadata.and_then(|metadata| metadata.get("name")).and_then(Value::as_str).unwrap_or_default();
        let mut cells = Vec::with_capacity(self.definitions.len());
        cells.push(Value::from(name));
        match &self.cells {
            Cells::CreatedAt => {
                cells.push(cell::created_at(metadata.and_then(|metadata| metadata.get("creationTimestamp"))));
            }
            Cells::Declared(columns) => cells.extend(columns.iter().map(|(r#type, path)| {
                let value = path.as_ref().and_then(|path| path.first(object));
                value.map_or(Value::Null, |value| cell::convert(*r#type, value, now))
            })),
        }
        cells
    }
}

/// The columns of a resource. [`Columns`] keeps them.
pub fn columns(descriptor: &ResourceDescriptor) -> Vec<ColumnDefinition> {
    Columns::of(descriptor).definitions
}

/// The cells of one object's row, the name included. For many rows make [`Columns`] once.
pub fn cells(descriptor: &ResourceDescriptor, object: &Value, now: Timestamp) -> Vec<Value> {
    Columns::of(descriptor).cells(object, now)
}

fn name() -> ColumnDefinition {
    ColumnDefinition {
        name: "Name".to_owned(),
        r#type: "string",
        format: "name",
        description: NAME_DESCRIPTION.to_owned(),
        priority: 0,
    }
}

fn created_at() -> ColumnDefinition {
    ColumnDefinition {
        name: "Created At".to_owned(),
        r#type: "date",
        format: "",
        description: CREATED_AT_DESCRIPTION.to_owned(),
        priority: 0,
    }
}

fn definition(column: &ColumnDescriptor) -> ColumnDefinition {
    let description = if column.description.is_empty() {
        format!("Custom resource definition column (in JSONPath format): {}", column.path)
    } else {
        column.description.to_owned()
    };
    ColumnDefinition {
        name: column.name.to_owned(),
        r#type: column.r#type.as_str(),
        format: "",
        description,
        priority: column.priority,
    }
}

/// What upstream's API documentation says of `metadata.name`.
const NAME_DESCRIPTION: &str = "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names";

/// What upstream's API documentation says of `metadata.creationTimestamp`.
const CREATED_AT_DESCRIPTION: &str = "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";
