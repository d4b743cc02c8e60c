//! Resources computed by the user: a plain `list` becomes objects with versions, pages and selectors.

mod store;
mod versions;

use kube_annex::handlers::{BoxFuture, Call, HandledBy};
use kube_annex::options::{CreateOptions, DeleteOptions, ListOptions, UpdateOptions};
use kube_annex::{AggregatedResource, Object, Status};
use std::marker::PhantomData;

pub(crate) use store::ComputedStore;
pub(crate) use versions::Versions;

/// Handlers whose resource type is erased.
pub(crate) trait Computed: Send + Sync {
    fn get<'a>(&'a self, call: &'a Call, name: &'a str) -> BoxFuture<'a, Result<Object, Status>>;
    fn list<'a>(&'a self, call: &'a Call, options: &'a ListOptions) -> BoxFuture<'a, Result<Vec<Object>, Status>>;
    fn create<'a>(
        &'a self,
        call: &'a Call,
        object: Object,
        options: &'a CreateOptions,
    ) -> BoxFuture<'a, Result<Object, Status>>;
    fn update<'a>(
        &'a self,
        call: &'a Call,
        object: Object,
        options: &'a UpdateOptions,
    ) -> BoxFuture<'a, Result<Object, Status>>;
    fn update_status<'a>(
        &'a self,
        call: &'a Call,
        object: Object,
        options: &'a UpdateOptions,
    ) -> BoxFuture<'a, Result<Object, Status>>;
    fn delete<'a>(
        &'a self,
        call: &'a Call,
        name: &'a str,
        options: &'a DeleteOptions,
    ) -> BoxFuture<'a, Result<Object, Status>>;
}

/// A user's handlers for the resource `R`.
pub(crate) struct Handled<R, H> {
    handlers: H,
    resource: PhantomData<fn() -> R>,
}

impl<R, H> Handled<R, H> {
    pub(crate) fn new(handlers: H) -> Self {
        Self { handlers, resource: PhantomData }
    }
}

fn typed<R: AggregatedResource>(object: Object) -> Result<R, Status> {
    object.downcast().map_err(|other| Status::internal(format_args!("a {other:?} met the handlers of another type")))
}

impl<R: HandledBy<H>, H: Send + Sync + 'static> Computed for Handled<R, H> {
    fn get<'a>(&'a self, call: &'a Call, name: &'a str) -> BoxFuture<'a, Result<Object, Status>> {
        Box::pin(async move { R::get(&self.handlers, call, name).await.map(Object::new) })
    }

    fn list<'a>(&'a self, call: &'a Call, options: &'a ListOptions) -> BoxFuture<'a, Result<Vec<Object>, Status>> {
        Box::pin(async move {
            let objects = R::list(&self.handlers, call, options).await?;
            Ok(objects.into_iter().map(Object::new).collect())
        })
    }

    fn create<'a>(
        &'a self,
        call: &'a Call,
        object: Object,
        options: &'a CreateOptions,
    ) -> BoxFuture<'a, Result<Object, Status>> {
        Box::pin(async move { R::create(&self.handlers, call, typed(object)?, options).await.map(Object::new) })
    }

    fn update<'a>(
        &'a self,
        call: &'a Call,
        object: Object,
        options: &'a UpdateOptions,
    ) -> BoxFuture<'a, Result<Object, Status>> {
        Box::pin(async move { R::update(&self.handlers, call, typed(object)?, options).await.map(Object::new) })
    }

    fn update_status<'a>(
        &'a self,
        call: &'a Call,
        object: Object,
        options: &'a UpdateOptions,
    ) -> BoxFuture<'a, Result<Object, Status>> {
        Box::pin(async move { R::update_status(&self.handlers, call, typed(object)?, options).await.map(Object::new) })
    }

    fn delete<'a>(
        &'a self,
        call: &'a Call,
        name: &'a str,
        options: &'a DeleteOptions,
    ) -> BoxFuture<'a, Result<Object, Status>> {
        Box::pin(async move { R::delete(&self.handlers, call, name, options).await.map(Object::new) })
    }
}
