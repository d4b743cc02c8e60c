//! The verbs over a user's handlers: what a plain `list` and its siblings do not say themselves.

use crate::admission::{Chain, Operation};
use crate::registry::continue_token::ContinueToken;
use crate::registry::item::Item;
use crate::registry::lifecycle;
use crate::registry::list::{Listed, Predicate};
use crate::registry::registration::Registration;
use crate::registry::store::{Deletion, Write, Written};
use crate::seams::Seams;
use crate::source::{Computed, Versions};
use kube_annex::options::{DeleteOptions, ListOptions};
use kube_annex::{Object, Status, Verb, metadata, version};
use kube_annex_storage::Prefix;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;

/// One computed resource.
pub(crate) struct ComputedStore {
    pub(crate) registration: Arc<Registration>,
    pub(crate) computed: Arc<dyn Computed>,
    pub(crate) versions: Versions,
    pub(crate) seams: Seams,
    pub(crate) admission: Chain,
    /// Held by whoever changes an object of this resource.
    pub(crate) changes: tokio::sync::Mutex<()>,
}

impl ComputedStore {
    fn prefix(&self) -> Prefix {
        let descriptor = self.registration.descriptor();
        Prefix::of_resource(descriptor.group, descriptor.plural)
    }

    fn key(&self, object: &Object) -> String {
        self.prefix().in_namespace(object.namespace()).key(object.name()).as_str().to_owned()
    }

    /// Gives a computed object what every object has: a uid that stays the same, and a revision.
    fn keep(&self, mut object: Object) -> Result<Written, Status> {
        let key = self.key(&object);
        if object.uid().is_empty() {
            object.metadata_mut().uid = Some(lasting_uid(&key));
        }
        let bytes = Item::of(object.clone(), 0)?.bytes;
        let revision = self.versions.of(&key, &bytes);
        object.metadata_mut().resource_version = Some(revision.to_string());
        Ok(Written { object, item: Item { bytes, revision } })
    }

    pub(crate) async fn get(&self, write: &Write<'_>, name: &str, at_least: Option<u64>) -> Result<Item, Status> {
        let object = self.computed.get(&write.exchange.call, name).await?;
        let item = self.keep(object)?.item;
        check_reached(at_least.unwrap_or_default(), self.versions.newest())?;
        Ok(item)
    }

    pub(crate) async fn list(
        &self,
        write: &Write<'_>,
        options: &ListOptions,
        predicate: &Predicate,
    ) -> Result<Listed, Status> {
        let at_least = version::parse_list(&options.resource_version)?;
        if at_least > 0 && !options.continue_token.is_empty() {
            return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
        }
        let prefix = self.prefix().in_namespace(write.namespace());
        let listed_at = self.versions.newest();
        let objects = self.computed.list(&write.exchange.call, options).await?;
        let mut kept = Vec::with_capacity(objects.len());
        for object in objects {
            let key = self.key(&object);
            if key.starts_with(prefix.as_str()) {
                kept.push((key, self.keep(object)?.item));
            }
        }
        kept.sort_by(|(a, _), (b, _)| a.cmp(b));
        let keys: HashSet<&str> = kept.iter().map(|(key, _)| key.as_str()).collect();
        // Handlers may leave out what a selector does not match: that is no disappearance.
        let whole = options.label_selector.is_empty() && options.field_selector.is_empty();
        let revision = if whole {
            self.versions.retain(prefix.as_str(), listed_at, |key| keys.contains(key))
        } else {
            self.versions.newest()
        };
        check_reached(at_least, revision)?;
        if options.resource_version_match == "Exact" && at_least < revision {
            return Err(Status::expired("The resourceVersion for the provided list is too old."));
        }
        page(kept, revision, &prefix, options, predicate)
    }

    /// Whether objects can be read after they were written. Where they cannot, a creation is a question and its answer:
    /// it needs no name, and nothing is remembered of it.
    fn is_read(&self) -> bool {
        let verbs = self.registration.descriptor().verbs;
        verbs.contains(&Verb::Get) || verbs.contains(&Verb::List)
    }

    async fn answer(&self, write: &Write<'_>, mut question: Object) -> Result<Written, Status> {
        let name = question.name().to_owned();
        lifecycle::admit(&self.admission, write, Operation::Create, &name, &mut question, None).await?;
        lifecycle::validate_question(&self.registration, &mut question, &write.exchange.warnings)?;
        self.admission.validate(&write.attributes(Operation::Create, &name, Some(&mut question), None)).await?;
        let options = kube_annex::options::CreateOptions { dry_run: write.dry_run, ..Default::default() };
        let object = self.computed.create(&write.exchange.call, question, &options).await?;
        let item = Item::of(object.clone(), 0)?;
        Ok(Written { object, item })
    }

    pub(crate) async fn create(&self, write: &Write<'_>, mut object: Object) -> Result<Written, Status> {
        if !self.is_read() {
            return self.answer(write, object).await;
        }
        let asked_name = object.name().to_owned();
        lifecycle::admit(&self.admission, write, Operation::Create, &asked_name, &mut object, None).await?;
        let mut object = lifecycle::before_create(&self.registration, &self.seams, object)?;
        if let Some(base) =
            object.metadata().generate_name.clone().filter(|base| asked_name.is_empty() && !base.is_empty())
        {
            object.metadata_mut().name = Some(metadata::generated_name(&base, &self.seams.ids.name_suffix()));
        }
        lifecycle::validate_create(&self.registration, &mut object, &write.exchange.warnings)?;
        let name = object.name().to_owned();
        self.admission.validate(&write.attributes(Operation::Create, &name, Some(&mut object), None)).await?;
        let options = kube_annex::options::CreateOptions { dry_run: write.dry_run, ..Default::default() };
        let created = self.computed.create(&write.exchange.call, object, &options).await?;
        self.keep(created)
    }

    pub(crate) async fn update(
        &self,
        write: &Write<'_>,
        name: &str,
        mut change: impl FnMut(&Object) -> Result<Object, Status>,
    ) -> Result<Written, Status> {
        // Between reading and writing nobody else may write: handlers know no revisions to compare.
        let _alone = self.changes.lock().await;
        let old = self.keep(self.computed.get(&write.exchange.call, name).await?)?.object;
        let mut object = change(&old)?;
        lifecycle::admit(&self.admission, write, Operation::Update, name, &mut object, Some(&old)).await?;
        let sent = object.metadata().resource_version.clone().unwrap_or_default();
        if !matches!(sent.as_str(), "" | "0") && Some(&sent) != old.metadata().resource_version.as_ref() {
            return Err(Status::modified(&self.registration.descriptor().group_resource(), name));
        }
        let mut object = lifecycle::before_update(&self.registration, write.subresource, object, &old)?;
        lifecycle::validate_update(&self.registration, write, &mut object, &old)?;
        let attributes = write.attributes(Operation::Update, name, Some(&mut object), Some(&old));
        self.admission.validate(&attributes).await?;
        let options = kube_annex::options::UpdateOptions { dry_run: write.dry_run, ..Default::default() };
        let call = &write.exchange.call;
        let updated = if write.subresource == "status" {
            self.computed.update_status(call, object, &options).await?
        } else {
            self.computed.update(call, object, &options).await?
        };
        self.keep(updated)
    }

    pub(crate) async fn delete(
        &self,
        write: &Write<'_>,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deletion, Status> {
        let _alone = self.changes.lock().await;
        let call = &write.exchange.call;
        let live = if self.registration.descriptor().serves(Verb::Get) {
            Some(self.keep(self.computed.get(call, name).await?)?.object)
        } else {
            None
        };
        match &live {
            Some(live) => lifecycle::check_preconditions(live, options)?,
            None if options.preconditions.is_some() => {
                return Err(Status::bad_request(
                    "preconditions cannot be checked: objects of this resource cannot be read",
                ));
            }
            None => {}
        }
        self.admission.admit(&mut write.attributes(Operation::Delete, name, None, live.as_ref())).await?;
        self.admission.validate(&write.attributes(Operation::Delete, name, None, live.as_ref())).await?;
        let deleted = self.computed.delete(call, name, options).await?;
        self.keep(deleted).map(Deletion::Removed)
    }
}

/// Nobody tells when computed objects change, so that a revision of the future cannot be waited for.
fn check_reached(at_least: u64, newest: u64) -> Result<(), Status> {
    if at_least > newest { Err(Status::too_large_resource_version(at_least, newest)) } else { Ok(()) }
}

fn page(
    kept: Vec<(String, Item)>,
    revision: u64,
    prefix: &Prefix,
    options: &ListOptions,
    predicate: &Predicate,
) -> Result<Listed, Status> {
    let start = match options.continue_token.as_str() {
        "" => None,
        token => Some(ContinueToken::decode(token, prefix)?.start),
    };
    let limit = usize::try_from(options.limit).unwrap_or_default();
    let mut listed = Listed { revision, ..Listed::default() };
    let mut rest =
        kept.into_iter().filter(|(key, _)| start.as_ref().is_none_or(|start| key.as_str() >= start.as_str()));
    while let Some((key, item)) = rest.next() {
        if !predicate.matches(&item)? {
            continue;
        }
        if limit > 0 && listed.items.len() == limit {
            let token = ContinueToken { revision: None, start: kube_annex_storage::Key::new(key) };
            listed.continue_token = token.encode(prefix);
            listed.remaining = predicate.is_empty().then(|| rest.count() + 1);
            return Ok(listed);
        }
        listed.items.push(item);
    }
    Ok(listed)
}

/// A uid that is the same as long as the object has the same place: clients compare uids to tell objects apart.
fn lasting_uid(key: &str) -> String {
    let digest = Sha256::digest(key.as_bytes());
    let mut bytes = [0_u8; 16];
    for (to, from) in bytes.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}
