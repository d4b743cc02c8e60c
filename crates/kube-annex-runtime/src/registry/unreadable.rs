//! What a client is told of objects that are there and cannot be read.

use kube_annex::Status;
use kube_annex::gvk::GroupResource;
use kube_annex::status::{Cause, Details, Reason};
use kube_annex_storage::{Key, Unreadable};

/// The most objects that are named, as upstream.
const MOST_NAMED: usize = 100;

/// The answer to a request for objects of which some cannot be read: a list names them; of a single object upstream
/// tells that the server failed.
pub(crate) fn status(objects: &[Unreadable], resource: &GroupResource, verb: &str) -> Status {
    let Some(first) = objects.first() else { return Status::internal("an object cannot be read") };
    if verb != "list" {
        return Status::internal(text(first));
    }
    let mut message = format!("failed to read one or more {resource} from the storage: {}", text(first));
    if objects.len() > 1 {
        message = format!("{message} (and {} more)", objects.len().min(MOST_NAMED) - 1);
    }
    let mut causes: Vec<Cause> = objects.iter().take(MOST_NAMED).map(cause).collect();
    if objects.len() >= MOST_NAMED {
        let message = "too many errors, the list is truncated".to_owned();
        causes.push(Cause { reason: "FieldValueTooMany".to_owned(), message, ..Cause::default() });
    }
    let details = Details { causes, ..Details::of(resource, "list") };
    Status::failure(500, Reason::StorageReadError, message).with_details(details)
}

/// The answer to who wants an object removed because it cannot be read, when it can; in the words of upstream's storage.
pub(crate) fn readable(resource: &GroupResource, name: &str, key: &Key) -> Status {
    let why = "unsafe deletion is not allowed because the object is decodable from storage";
    let why =
        format!("StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: {why}");
    Status::conflict(resource, name, why)
}

fn cause(object: &Unreadable) -> Cause {
    let (reason, field) = ("UnexpectedServerResponse".to_owned(), object.key.to_string());
    Cause { reason, message: text(object), field }
}

fn text(object: &Unreadable) -> String {
    format!("corrupt object, Key: {}, revision: {}: {}", object.key, object.revision, object.why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube_annex_storage::Revision;

    fn objects(count: usize) -> Vec<Unreadable> {
        let object = |number| Unreadable {
            key: Key::new(format!("example.com/widgets/default/{number}")),
            revision: Revision(7),
            why: "no matching prefix found".to_owned(),
        };
        (0..count).map(object).collect()
    }

    fn resource() -> GroupResource {
        GroupResource { group: "example.com".into(), resource: "widgets".into() }
    }

    #[test]
    fn sr_16_a_single_object_is_an_internal_error() {
        let status = status(&objects(1), &resource(), "get");
        assert_eq!((status.code, status.reason), (500, Reason::InternalError));
        let why = "corrupt object, Key: example.com/widgets/default/0, revision: 7: no matching prefix found";
        assert_eq!(status.message, format!("Internal error occurred: {why}"));
    }

    #[test]
    fn sr_16_a_list_names_each_object_up_to_a_hundred() {
        let status = |count| status(&objects(count), &resource(), "list");
        let few = status(3);
        assert_eq!((few.code, few.reason), (500, Reason::StorageReadError));
        let begin =
            "failed to read one or more widgets.example.com from the storage: corrupt object, Key: example.com/";
        assert!(few.message.starts_with(begin) && few.message.ends_with(" (and 2 more)"), "{}", few.message);
        let details = few.details.unwrap();
        assert_eq!(
            (details.name.as_str(), details.group.as_str(), details.kind.as_str()),
            ("list", "example.com", "widgets")
        );
        let fields: Vec<&str> = details.causes.iter().map(|cause| cause.field.as_str()).collect();
        assert_eq!(fields, [0, 1, 2].map(|number| format!("example.com/widgets/default/{number}")));
        let many = status(500).details.unwrap().causes;
        assert_eq!(many.len(), 101);
        assert_eq!(many[100].message, "too many errors, the list is truncated");
    }
}
