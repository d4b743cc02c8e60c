//! What etcd refuses, what is not etcd, and what others wrote.

use crate::{Process, key, options, store, widgets};
use bytes::Bytes;
use futures_util::StreamExt as _;
use kube_annex_storage::etcd::{Etcd, Options};
use kube_annex_storage::{Error, Key, ListRequest, Precondition, Prefix, Storage};
use libtest_mimic::Trial;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) fn trials(program: &Path) -> Vec<Trial> {
    crate::tests! { "limits", program,
        a_value_that_etcd_refuses_is_named_and_changes_nothing
        a_list_without_a_limit_is_whole_however_long
        a_store_below_another_prefix_is_another_store
        an_etcd_that_is_not_there_is_told_in_time
        what_is_no_etcd_is_told
        a_watch_of_many_values_arrives_in_pieces
    }
}

async fn a_value_that_etcd_refuses_is_named_and_changes_nothing(program: PathBuf) {
    let etcd = Process::start(&program);
    let store = store(&etcd, "/r");
    let kept = store.create(&key("a"), Bytes::from_static(b"small")).await.unwrap();
    // Above etcd's limit for a request, and above the one that gRPC has for it.
    for size in [1 << 20 | 1 << 19, 2 << 20, 3 << 20] {
        let large = Bytes::from(vec![b'x'; size]);
        for error in [
            store.create(&key("b"), large.clone()).await.unwrap_err(),
            store.update(&key("a"), large.clone(), Precondition::default()).await.unwrap_err(),
        ] {
            assert!(matches!(error, Error::TooLarge { bytes, .. } if bytes == size), "{error:?}");
        }
    }
    let page = store.list(&widgets(), ListRequest::default()).await.unwrap();
    assert_eq!((page.entries.len(), page.entries[0].revision), (1, kept));
    let fits = Bytes::from(vec![b'x'; (1 << 20 | 1 << 19) - 1000]);
    store.update(&key("a"), fits.clone(), Precondition::default()).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap().unwrap().value, fits);
}

async fn a_list_without_a_limit_is_whole_however_long(program: PathBuf) {
    let etcd = Process::start(&program);
    let store = store(&etcd, "/r");
    let count = 12_000;
    futures_util::stream::iter(0..count)
        .for_each_concurrent(128, async |index: usize| {
            store.create(&key(&format!("{index:05}")), Bytes::from_static(b"1")).await.unwrap();
        })
        .await;
    let page = store.list(&widgets(), ListRequest::default()).await.unwrap();
    assert_eq!((page.entries.len(), page.remaining, page.next), (count, 0, None));
    assert!(page.entries.is_sorted_by(|one, next| one.key < next.key));
    assert_eq!(store.count(&widgets()).await.unwrap(), count);
    let request = ListRequest { limit: 11_000, ..ListRequest::default() };
    let page = store.list(&widgets(), request).await.unwrap();
    assert_eq!((page.entries.len(), page.remaining), (11_000, 1000));
}

async fn a_store_below_another_prefix_is_another_store(program: PathBuf) {
    let etcd = Process::start(&program);
    let (one, other) = (store(&etcd, "/r/a"), store(&etcd, "/r/ab"));
    one.create(&key("x"), Bytes::from_static(b"1")).await.unwrap();
    let created = other.create(&key("x"), Bytes::from_static(b"2")).await.unwrap();
    let mut events = one.watch(&widgets(), created).await.unwrap();
    other.update(&key("x"), Bytes::from_static(b"3"), Precondition::default()).await.unwrap();
    let changed = one.update(&key("x"), Bytes::from_static(b"4"), Precondition::default()).await.unwrap();
    let event = events.next().await.unwrap().unwrap().event().unwrap();
    assert_eq!((event.revision, &event.value[..]), (changed, &b"4"[..]));
    // Where upstream has it: a server whose prefix is shorter finds it by the longer key.
    let whole = store(&etcd, "/");
    let found = whole.get(&Key::new("r/a/example.com/widgets/x")).await.unwrap().unwrap();
    assert_eq!((found.revision, &found.value[..]), (changed, &b"4"[..]));
    assert_eq!(whole.count(&Prefix::of_resource("r", "a")).await.unwrap(), 1);
}

async fn an_etcd_that_is_not_there_is_told_in_time(_: PathBuf) {
    let endpoints = vec!["127.0.0.1:1".parse().unwrap(), "http://127.0.0.1:2".parse().unwrap()];
    let mut options = Options::new(endpoints, "/r");
    (options.patience, options.health_patience) = (Duration::from_millis(600), Duration::from_millis(300));
    let store = Etcd::new(options);
    let errors = async {
        [
            store.get(&key("a")).await.unwrap_err(),
            store.create(&key("a"), Bytes::new()).await.unwrap_err(),
            store.list(&widgets(), ListRequest::default()).await.unwrap_err(),
            store.watch(&widgets(), kube_annex_storage::Revision(1)).await.map(drop).unwrap_err(),
            store.health().await.unwrap_err(),
        ]
    };
    let errors = tokio::time::timeout(Duration::from_secs(10), errors).await.expect("each is bounded");
    for error in errors {
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("127.0.0.1:1") && source.contains("http://127.0.0.1:2"), "{error}: {source}");
    }
}

async fn what_is_no_etcd_is_told(_: PathBuf) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let says_hello = async {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    };
    let mut options = Options::new(vec![address.parse().unwrap()], "/r");
    options.patience = Duration::from_millis(500);
    let (store, at) = (Etcd::new(options), key("a"));
    tokio::select! {
        () = says_hello => {}
        answer = store.get(&at) => assert!(matches!(answer, Err(Error::Backend { .. })), "{answer:?}"),
    }
}

/// etcd tells a watcher that is behind many commits at once, cut where a message becomes too large.
async fn a_watch_of_many_values_arrives_in_pieces(program: PathBuf) {
    let etcd = Process::start(&program);
    let store = Etcd::new(options(&etcd, "/r"));
    let from = store.current_revision().await.unwrap();
    let mut revisions = Vec::new();
    for index in 0..20 {
        let value = Bytes::from(vec![index; 400_000]);
        revisions.push(store.create(&key(&index.to_string()), value).await.unwrap());
    }
    let mut events = store.watch(&widgets(), from).await.unwrap();
    for (index, revision) in revisions.into_iter().enumerate() {
        let event = events.next().await.unwrap().unwrap().event().unwrap();
        assert_eq!(event.revision, revision);
        assert!(event.value.len() == 400_000 && event.value.iter().all(|byte| usize::from(*byte) == index));
    }
}
