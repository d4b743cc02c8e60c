//! The targets, and the ways in which each meets an input.

use std::pin::Pin;

use crate::direct;
use crate::world::World;

/// The end of an answer.
pub(crate) type Sent<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// One way to read an input.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) meets: Meets,
}

/// Who meets the input.
pub(crate) enum Meets {
    /// A whole server, in a request or several.
    Server(for<'a> fn(&'a World, &'a [u8]) -> Sent<'a>),
    /// One parser or one function of objects, which is held to its laws: what breaks one panics.
    Alone(fn(&[u8])),
}

/// Every target; the seeds of each are in the folder of its name, and what libFuzzer runs in the file of its name.
pub(crate) const TARGETS: &[Target] = &[
    server("paths", |world, input| Box::pin(world.path(input))),
    server("queries", |world, input| Box::pin(world.query(input))),
    server("selectors", |world, input| Box::pin(world.selector(input))),
    server("continue", |world, input| Box::pin(world.token(input))),
    server("json", |world, input| Box::pin(world.body("application/json", input))),
    server("yaml", |world, input| Box::pin(world.body("application/yaml", input))),
    server("protobuf", |world, input| Box::pin(world.body("application/vnd.kubernetes.protobuf", input))),
    server("patches", |world, input| Box::pin(world.patch(input))),
    server("apply", |world, input| Box::pin(world.apply(input))),
    server("negotiation", |world, input| Box::pin(world.negotiation(input))),
    server("front-proxy", |world, input| Box::pin(world.front_proxy(input))),
    alone("read-json", direct::body::json),
    alone("read-yaml", direct::body::yaml),
    alone("read-protobuf", direct::protobuf::message),
    alone("read-selectors", direct::text::selectors),
    alone("read-options", direct::text::options),
    alone("read-continue", direct::token::pages),
    alone("read-quantities", direct::text::quantities),
    alone("read-json-paths", direct::text::json_paths),
    alone("merge-patches", direct::patch::patched),
    alone("field-manager", direct::fields::history),
];

const fn server(name: &'static str, send: for<'a> fn(&'a World, &'a [u8]) -> Sent<'a>) -> Target {
    Target { name, meets: Meets::Server(send) }
}

const fn alone(name: &'static str, read: fn(&[u8])) -> Target {
    Target { name, meets: Meets::Alone(read) }
}
