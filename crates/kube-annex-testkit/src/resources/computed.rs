//! Two resources that nobody stores: one that can only be read, one with every verb that handlers can have.

use kube_annex::handlers::Call;
use kube_annex::options::{CreateOptions, DeleteOptions, ListOptions, UpdateOptions};
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Status};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something that is measured.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "toys.example.com",
    version = "v1",
    scope = Cluster,
    verbs(get, list),
    columns((name = "Value", path = ".spec.value", type = integer)),
)]
pub struct Gauge {
    /// Standard object metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is shown.
    #[serde(default)]
    pub spec: GaugeSpec,
}

/// What is shown.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct GaugeSpec {
    /// The value.
    pub value: i64,
}

/// Gauges that a test sets. A gauge of the name `broken` panics when it is read.
#[derive(Clone, Debug, Default)]
pub struct Gauges(Arc<Mutex<BTreeMap<String, i64>>>);

impl Gauges {
    /// Sets a gauge.
    pub fn set(&self, name: &str, value: i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value);
    }

    /// Takes a gauge away.
    pub fn remove(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn all(&self) -> Vec<Gauge> {
        let gauges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.iter().map(|(name, value)| gauge(name, *value)).collect()
    }
}

fn gauge(name: &str, value: i64) -> Gauge {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        labels: Some([("parity".to_owned(), if value % 2 == 0 { "even" } else { "odd" }.to_owned())].into()),
        ..ObjectMeta::default()
    };
    Gauge { metadata, spec: GaugeSpec { value } }
}

impl GaugeHandlers for Gauges {
    async fn get(&self, _: &Call, name: &str) -> Result<Gauge, Status> {
        assert_ne!(name, "broken", "this gauge is broken");
        if name == "slow" {
            std::future::pending::<()>().await;
        }
        let found = self.all().into_iter().find(|gauge| gauge.metadata.name.as_deref() == Some(name));
        found.ok_or_else(|| Status::not_found(&Gauge::DESCRIPTOR.group_resource(), name))
    }

    async fn list(&self, _: &Call, _: &ListOptions) -> Result<Vec<Gauge>, Status> {
        Ok(self.all())
    }
}

/// Something that can be written too.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "toys.example.com",
    version = "v1",
    verbs(create, delete, deletecollection, get, list, patch, update)
)]
pub struct Ticket {
    /// Standard object metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is to be done.
    #[serde(default)]
    pub spec: TicketSpec,
}

/// What is to be done.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct TicketSpec {
    /// In words.
    pub text: String,
}

/// Tickets in a map.
#[derive(Clone, Debug, Default)]
pub struct Tickets(Arc<Mutex<BTreeMap<(String, String), Ticket>>>);

impl Tickets {
    fn all(&self) -> MutexGuard<'_, BTreeMap<(String, String), Ticket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(ticket: &Ticket) -> (String, String) {
    let ObjectMeta { namespace, name, .. } = ticket.metadata.clone();
    (namespace.unwrap_or_default(), name.unwrap_or_default())
}

fn missing(name: &str) -> Status {
    Status::not_found(&Ticket::DESCRIPTOR.group_resource(), name)
}

impl TicketHandlers for Tickets {
    async fn get(&self, call: &Call, name: &str) -> Result<Ticket, Status> {
        let place = (call.info.namespace.clone(), name.to_owned());
        self.all().get(&place).cloned().ok_or_else(|| missing(name))
    }

    async fn list(&self, _: &Call, _: &ListOptions) -> Result<Vec<Ticket>, Status> {
        Ok(self.all().values().cloned().collect())
    }

    async fn create(&self, _: &Call, ticket: Ticket, options: &CreateOptions) -> Result<Ticket, Status> {
        let place = place(&ticket);
        if self.all().contains_key(&place) {
            return Err(Status::already_exists(&Ticket::DESCRIPTOR.group_resource(), &place.1));
        }
        if !options.dry_run {
            self.all().insert(place, ticket.clone());
        }
        Ok(ticket)
    }

    async fn update(&self, _: &Call, ticket: Ticket, options: &UpdateOptions) -> Result<Ticket, Status> {
        if !options.dry_run {
            self.all().insert(place(&ticket), ticket.clone());
        }
        Ok(ticket)
    }

    async fn delete(&self, call: &Call, name: &str, options: &DeleteOptions) -> Result<Ticket, Status> {
        let place = (call.info.namespace.clone(), name.to_owned());
        let ticket = self.all().get(&place).cloned().ok_or_else(|| missing(name))?;
        if options.dry_run.is_empty() {
            self.all().remove(&place);
        }
        Ok(ticket)
    }
}
