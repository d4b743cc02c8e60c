//! Resources to test with: one with everything, one that is cluster-scoped and plain, two that nobody stores.

mod computed;
mod fleet;
mod shelf;
pub mod v1beta1;
mod widget;

pub use computed::{Gauge, GaugeHandlers, GaugeSpec, Gauges, Ticket, TicketHandlers, TicketSpec, Tickets};
pub use fleet::{Fleet, FleetSpec, FleetStatus, Sailor};
pub use shelf::{Shelf, ShelfRules};
pub use widget::{Part, Widget, WidgetRules, WidgetSpec, WidgetStatus};

/// The group of every resource here.
pub const GROUP: &str = "toys.example.com";
