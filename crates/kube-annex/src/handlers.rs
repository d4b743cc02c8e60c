//! Resources whose objects the user computes: the verbs are methods of a handlers trait that the derive writes.
//!
//! For a struct `Hello` the derive writes `trait HelloHandlers` with one method per declared verb that a person can
//! implement, and makes it [`HandledBy`] every type that implements that. `patch` is made of `get` and `update`,
//! `deletecollection` of `list` and `delete`, and `watch` of `list`: they need no method.

use crate::gvk::GroupResource;
use crate::options::{CreateOptions, DeleteOptions, ListOptions, UpdateOptions};
use crate::request::{RequestInfo, UserInfo};
use crate::resource::AggregatedResource;
use crate::status::Status;
use std::future::Future;
use std::pin::Pin;

/// A future that can be kept without naming its type.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One call of a handler: who asks, and for what.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// What the request asks for; `info.namespace` is empty for cluster-scoped and all-namespaces requests.
    pub info: RequestInfo,
    /// Who asks. The request is authorized already.
    pub user: UserInfo,
}

/// A resource whose declared verbs are all implemented by `H`: the bound to ask for. Its methods are those of [`Dispatch`].
pub trait HandledBy<H>: AggregatedResource + Dispatch<H> {}

impl<R: AggregatedResource + Dispatch<H>, H> HandledBy<H> for R {}

/// The way from a verb to the method of `H` that implements it. The derive implements it; nobody else needs to.
///
/// It stands apart from [`HandledBy`] so that a struct which lacks another derive is reported once, not once per trait.
pub trait Dispatch<H>: Sized + Send + 'static {
    /// One object.
    fn get<'a>(handlers: &'a H, call: &'a Call, name: &'a str) -> BoxFuture<'a, Result<Self, Status>> {
        let _ = (handlers, name);
        not_declared(call)
    }

    /// Every object of the request's namespace, or of all namespaces. Selectors, limits and order are applied after.
    fn list<'a>(handlers: &'a H, call: &'a Call, options: &'a ListOptions) -> BoxFuture<'a, Result<Vec<Self>, Status>> {
        let _ = (handlers, options);
        not_declared(call)
    }

    /// A new object; answers it as it is now.
    fn create<'a>(
        handlers: &'a H,
        call: &'a Call,
        object: Self,
        options: &'a CreateOptions,
    ) -> BoxFuture<'a, Result<Self, Status>> {
        let _ = (handlers, object, options);
        not_declared(call)
    }

    /// A changed object; answers it as it is now.
    fn update<'a>(
        handlers: &'a H,
        call: &'a Call,
        object: Self,
        options: &'a UpdateOptions,
    ) -> BoxFuture<'a, Result<Self, Status>> {
        let _ = (handlers, object, options);
        not_declared(call)
    }

    /// Removes an object; answers what it was.
    fn delete<'a>(
        handlers: &'a H,
        call: &'a Call,
        name: &'a str,
        options: &'a DeleteOptions,
    ) -> BoxFuture<'a, Result<Self, Status>> {
        let _ = (handlers, name, options);
        not_declared(call)
    }

    /// Replaces the status of an object; answers the object as it is now.
    fn update_status<'a>(
        handlers: &'a H,
        call: &'a Call,
        object: Self,
        options: &'a UpdateOptions,
    ) -> BoxFuture<'a, Result<Self, Status>> {
        let _ = (handlers, object, options);
        not_declared(call)
    }
}

fn not_declared<T: Send + 'static>(call: &Call) -> BoxFuture<'_, Result<T, Status>> {
    let resource = GroupResource::new(&call.info.group, &call.info.resource);
    let status = Status::verb_not_supported(&resource, &call.info.verb);
    Box::pin(std::future::ready(Err(status)))
}

/// Boxes what a handler method returns; the derive calls it.
#[doc(hidden)]
pub fn handled<'a, T>(future: impl Future<Output = Result<T, Status>> + Send + 'a) -> BoxFuture<'a, Result<T, Status>> {
    Box::pin(future)
}
