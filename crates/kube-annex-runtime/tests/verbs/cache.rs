//! What clients see of the watch cache: that lists and watches are as new as they must be, whole, and the same for all.

use crate::{ALL_WIDGETS, OLD_WIDGETS, SHELVES, WIDGETS, at, labelled, names, revision, shelf, sized, widget};
use bytes::Bytes;
use futures_util::StreamExt as _;
use kube_annex::Status;
use kube_annex_runtime::Reader;
use kube_annex_runtime::admission::{Attributes, Operation, Plugin};
use kube_annex_storage::cache::CacheOptions;
use kube_annex_storage::memory::Memory;
use kube_annex_storage::{
    BoxFuture, Entry, Error, Key, ListRequest, Page, Precondition, Prefix, Revision, Storage, WatchStream,
};
use kube_annex_testkit::TestServer;
use kube_annex_testkit::resources::Shelf;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// More objects than one segment of the cache holds, some of them in another namespace.
async fn with_many(server: &TestServer, count: usize) {
    for index in 0..count {
        server.made(WIDGETS, &labelled(&format!("w{index:04}"), &json!({"even": (index % 2 == 0).to_string()}))).await;
    }
    for name in ["x", "y"] {
        server.made("/apis/toys.example.com/v1/namespaces/other/widgets", &widget(name)).await;
    }
}

/// The list that single reads make.
async fn read_one_by_one(server: &TestServer, collection: &str, list: &Value) -> Vec<Value> {
    let mut items = Vec::new();
    for name in names(list) {
        let mut object = server.get(&at(collection, name)).await.ok();
        for field in ["kind", "apiVersion"] {
            object.as_object_mut().map(|fields| fields.remove(field));
        }
        items.push(object);
    }
    items
}

#[tokio::test(start_paused = true)]
async fn ls_1_a_list_of_many_segments_is_what_single_reads_say_in_every_version() {
    let server = TestServer::new();
    with_many(&server, 300).await;
    for round in 0..2 {
        for collection in [WIDGETS, OLD_WIDGETS] {
            let answer = server.get(collection).await;
            assert_eq!(answer.header("content-length"), answer.body.len().to_string());
            let list = answer.ok();
            let items = list["items"].as_array().unwrap();
            assert_eq!(items.len(), 300 - round);
            assert_eq!(*items, read_one_by_one(&server, collection, &list).await);
        }
        // What changes shows in the next round, and nothing else does.
        server.merge(&at(WIDGETS, "w0150"), &json!({"spec": {"size": 7}})).await.ok();
        server.delete(&at(WIDGETS, &format!("w001{round}"))).await.ok();
    }
    let all = server.get(ALL_WIDGETS).await.ok();
    assert_eq!((names(&all).len(), names(&all).last()), (300, Some(&"y")));
}

#[tokio::test(start_paused = true)]
async fn ls_1_a_list_is_the_same_bytes_whether_it_is_joined_or_written_anew() {
    let server = TestServer::new();
    with_many(&server, 200).await;
    for query in ["", "?limit=150", "?labelSelector=even%3Dtrue", "?labelSelector=even%3Dtrue&limit=7", "?limit=1"] {
        let joined = server.get(&format!("{WIDGETS}{query}")).await;
        let indented = format!("{WIDGETS}{query}{}pretty=true", if query.is_empty() { "?" } else { "&" });
        let written = server.get(&indented).await;
        assert_eq!(joined.ok(), written.ok(), "{query}");
        assert!(joined.body.ends_with(b"]}\n"), "{query}");
    }
    let none = server.get(&format!("{WIDGETS}?labelSelector=even%3Dno")).await;
    assert_eq!(none.ok()["items"], json!([]), "l_19");
}

#[tokio::test(start_paused = true)]
async fn cn_18_a_long_list_is_compressed_for_who_asks() {
    let server = TestServer::new();
    with_many(&server, 600).await;
    let plain = server.get(WIDGETS).await;
    assert!(plain.body.len() > 128 * 1024, "{}", plain.body.len());
    for _ in 0..2 {
        let packed = server.get(WIDGETS).header("accept-encoding", "gzip").await;
        assert_eq!(
            (packed.header("content-encoding"), packed.header("vary")),
            ("gzip".into(), "Accept-Encoding".into())
        );
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed.body[..]), &mut unpacked).unwrap();
        assert_eq!(Bytes::from(unpacked), plain.body);
        assert_eq!(packed.header("content-length"), packed.body.len().to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn l_4_whatever_is_cached_comes_whole_whatever_the_limit() {
    let server = TestServer::new();
    with_many(&server, 5).await;
    let list = server.get(&format!("{WIDGETS}?resourceVersion=0&limit=2")).await.ok();
    assert_eq!((names(&list).len(), &list["metadata"]["continue"]), (5, &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn l_4_pages_are_of_one_snapshot_while_others_write() {
    let server = TestServer::new();
    with_many(&server, 250).await;
    let first = server.get(&format!("{WIDGETS}?limit=100")).await.ok();
    assert_eq!(first["metadata"]["remainingItemCount"], 150, "l_10");
    let mut seen: Vec<String> = names(&first).into_iter().map(str::to_owned).collect();
    let mut token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    while !token.is_empty() {
        server.made(WIDGETS, &widget(&format!("w{:04}-later", seen.len() + 1))).await;
        server.delete(&at(WIDGETS, &format!("w{:04}", 249 - seen.len() / 100))).await.ok();
        let page = server.get(&format!("{WIDGETS}?limit=100&continue={token}")).await.ok();
        assert_eq!(revision(&page), revision(&first), "l_6");
        seen.extend(names(&page).into_iter().map(str::to_owned));
        token = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!(seen, (0..250).map(|index| format!("w{index:04}")).collect::<Vec<_>>());
}

/// A storage that another server writes to as well, and whose lists can be held back.
struct Held {
    inside: Memory,
    shut: tokio::sync::watch::Sender<bool>,
    /// Whether watches lose what they are told.
    deaf: Arc<AtomicBool>,
    /// How often it was asked how far it is.
    asked: AtomicUsize,
    /// The size of the largest value that it takes.
    largest: AtomicUsize,
}

impl Held {
    fn new(held: bool) -> Arc<Self> {
        let shut = tokio::sync::watch::Sender::new(held);
        Arc::new(Self {
            inside: Memory::new(),
            shut,
            deaf: Arc::default(),
            asked: AtomicUsize::new(0),
            largest: AtomicUsize::new(usize::MAX),
        })
    }

    fn fits(&self, key: &Key, value: &Bytes) -> Result<(), Error> {
        if value.len() > self.largest.load(Ordering::SeqCst) {
            return Err(Error::TooLarge { key: key.clone(), bytes: value.len() });
        }
        Ok(())
    }
}

impl Storage for Held {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        self.inside.get(key)
    }
    fn list<'a>(&'a self, prefix: &'a Prefix, request: ListRequest) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move {
            let small = (1..1000).contains(&request.limit);
            let _ = self.shut.subscribe().wait_for(|held| !held || small).await;
            self.inside.list(prefix, request).await
        })
    }
    fn create<'a>(&'a self, key: &'a Key, value: Bytes) -> BoxFuture<'a, Result<Revision, Error>> {
        Box::pin(async move {
            self.fits(key, &value)?;
            self.inside.create(key, value).await
        })
    }
    fn update<'a>(
        &'a self,
        key: &'a Key,
        value: Bytes,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        Box::pin(async move {
            self.fits(key, &value)?;
            self.inside.update(key, value, precondition).await
        })
    }
    fn delete<'a>(
        &'a self,
        key: &'a Key,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<(Entry, Revision), Error>> {
        self.inside.delete(key, precondition)
    }
    fn watch<'a>(&'a self, prefix: &'a Prefix, from: Revision) -> BoxFuture<'a, Result<WatchStream, Error>> {
        Box::pin(async move {
            let (stream, deaf) = (self.inside.watch(prefix, from).await?, self.deaf.clone());
            let stream: WatchStream =
                Box::pin(stream.filter(move |_| std::future::ready(!deaf.load(Ordering::SeqCst))));
            Ok(stream)
        })
    }
    fn request_progress(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.inside.request_progress()
    }
    fn count<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<usize, Error>> {
        self.inside.count(prefix)
    }
    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        self.inside.size()
    }
    fn current_revision(&self) -> BoxFuture<'_, Result<Revision, Error>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.inside.current_revision()
    }
    fn wait_for(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        self.inside.wait_for(revision)
    }
    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        self.inside.compact(revision)
    }
    fn health(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.inside.health()
    }
    fn name(&self) -> &'static str {
        "held"
    }
}

#[tokio::test(start_paused = true)]
async fn l_21_what_another_server_wrote_is_listed_read_and_told_at_once() {
    let storage = Held::new(false);
    let (one, two) =
        (TestServer::builder().storage(storage.clone()).build(), TestServer::builder().storage(storage).build());
    one.made(WIDGETS, &widget("a")).await;
    let from = revision(&one.get(WIDGETS).await.ok());
    let mut events = one.watch(&format!("{WIDGETS}?watch=1&resourceVersion={from}")).await;
    for size in 1..30 {
        let written = revision(&two.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": size}})).await.ok());
        let list = one.get(WIDGETS).await.ok();
        assert!(revision(&list) >= written && list["items"][0]["spec"]["size"] == size, "{list}");
        let object = one.get(&at(WIDGETS, "a")).await.ok();
        assert_eq!((revision(&object), &object["spec"]["size"]), (written, &json!(size)), "g_1");
        assert_eq!(revision(&events.next().await["object"]), written);
    }
}

/// Refuses widgets of a name that a shelf has.
struct NotAsShelves(Reader);

impl Plugin for NotAsShelves {
    fn name(&self) -> &'static str {
        "NotAsShelves"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn admit<'a>(&'a self, attributes: &'a mut Attributes<'_>) -> BoxFuture<'a, Result<(), Status>> {
        Box::pin(async move {
            let shelves = self.0.list::<Shelf>().await?;
            let taken = shelves.iter().any(|shelf| shelf.metadata.name.as_deref() == Some(attributes.name));
            let of_widgets = attributes.descriptor.kind == "Widget";
            if of_widgets && taken { Err(Status::bad_request("a shelf has that name")) } else { Ok(()) }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn ad_3_plug_ins_see_what_was_just_written_and_writes_ask_the_storage_nothing_for_it() {
    let storage = Held::new(false);
    let server = TestServer::builder().storage(storage.clone()).with(|builder| builder.admission(NotAsShelves)).build();
    server.made(WIDGETS, &widget("first")).await;
    let before = storage.asked.load(Ordering::SeqCst);
    for index in 0..30 {
        let name = format!("w{index}");
        server.made(SHELVES, &shelf(&name)).await;
        server.post(WIDGETS, &widget(&name)).await.refused(400, "BadRequest", "a shelf has that name");
        server.delete(&at(SHELVES, &name)).await.ok();
        server.made(WIDGETS, &widget(&name)).await;
    }
    assert_eq!(storage.asked.load(Ordering::SeqCst), before);
}

#[tokio::test(start_paused = true)]
async fn l_22_w_21_a_cache_that_is_not_ready_is_429_and_what_is_small_comes_from_the_storage() {
    let storage = Held::new(true);
    let server = TestServer::builder().storage(storage.clone()).build();
    server.made(WIDGETS, &widget("a")).await;
    let asked = Instant::now();
    for query in ["", "?resourceVersion=0", "?labelSelector=a%3Db&limit=5", "?watch=1", "?watch=1&resourceVersion=1"] {
        let answer = server.get(&format!("{WIDGETS}{query}")).await;
        answer.refused(429, "TooManyRequests", "storage is (re)initializing");
        assert_eq!(answer.header("retry-after"), "1", "w_21: {query}");
    }
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_eq!(names(&server.get(&format!("{WIDGETS}?limit=5")).await.ok()), ["a"]);
    for query in ["", "?resourceVersion=0", "?resourceVersion=1"] {
        server.get(&format!("{}{query}", at(WIDGETS, "a"))).await.ok();
    }
    storage.shut.send_replace(false);
    assert_eq!(names(&server.get(WIDGETS).await.ok()), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn w_8_sr_14_bookmarks_of_an_idle_resource_go_on_with_the_store() {
    let server = TestServer::new();
    let from = revision(&server.made(WIDGETS, &widget("a")).await);
    let query = format!("{WIDGETS}?watch=1&allowWatchBookmarks=1&resourceVersion={from}");
    let mut events = server.watch(&query).await;
    let mut last = from;
    for round in 0..3 {
        let elsewhere = revision(&server.made(SHELVES, &shelf(&format!("s{round}"))).await);
        let event = events.next().await;
        assert_eq!(event["type"], "BOOKMARK");
        let told = revision(&event["object"]);
        assert!(told >= elsewhere && told > last, "{told} after {elsewhere}");
        last = told;
    }
    let next = revision(&server.made(WIDGETS, &widget("b")).await);
    assert_eq!(revision(&events.next().await["object"]), next);
}

#[tokio::test(start_paused = true)]
async fn w_12_watchers_with_different_selectors_are_each_told_their_own() {
    let server = TestServer::new();
    server.made(WIDGETS, &labelled("a", &json!({"color": "red"}))).await;
    let from = revision(&server.get(WIDGETS).await.ok());
    let watch =
        async |selector: &str| server.watch(&format!("{WIDGETS}?watch=1&resourceVersion={from}{selector}")).await;
    let mut all = [watch("").await, watch("").await];
    let mut red = [watch("&labelSelector=color%3Dred").await, watch("&labelSelector=color%3Dred").await];
    let mut named = watch("&fieldSelector=metadata.name%3Db").await;
    server.merge(&at(WIDGETS, "a"), &json!({"metadata": {"labels": {"color": "blue"}}})).await.ok();
    server.made(WIDGETS, &labelled("b", &json!({"color": "red"}))).await;
    let told = |kind: &str, name: &str| (kind.to_owned(), name.to_owned());
    for events in &mut all {
        assert_eq!([events.told().await, events.told().await], [told("MODIFIED", "a"), told("ADDED", "b")]);
    }
    for events in &mut red {
        let gone = events.next().await;
        assert_eq!((&gone["type"], &gone["object"]["metadata"]["labels"]["color"]), (&json!("DELETED"), &json!("red")));
        assert_eq!(events.told().await, told("ADDED", "b"));
    }
    assert_eq!(named.told().await, told("ADDED", "b"));
}

#[tokio::test(start_paused = true)]
async fn w_20_a_client_that_does_not_read_delays_nobody_and_is_told_what_it_missed() {
    let options = CacheOptions { events: 20, ..CacheOptions::default() };
    let storage = Arc::new(Memory::with_history(20));
    let server = TestServer::builder().storage(storage).with(move |builder| builder.cache_options(options)).build();
    let from = revision(&server.made(WIDGETS, &widget("a")).await);
    let mut slow = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion={from}")).await;
    let mut quick = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion={from}")).await;
    for size in 1..100 {
        server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": size}})).await.ok();
        assert_eq!(quick.next().await["object"]["spec"]["size"], size);
    }
    let error = slow.next().await;
    assert_eq!((&error["type"], &error["object"]["reason"]), (&json!("ERROR"), &json!("Expired")));
    slow.ended().await;
}

#[tokio::test(start_paused = true)]
async fn w_13_a_watch_goes_on_from_where_the_storage_still_knows() {
    let options = CacheOptions { events: 3, ..CacheOptions::default() };
    let storage = Arc::new(Memory::new());
    let server =
        TestServer::builder().storage(storage.clone()).with(move |builder| builder.cache_options(options)).build();
    let from = revision(&server.made(WIDGETS, &widget("a")).await);
    server.get(WIDGETS).await.ok();
    for size in 1..50 {
        server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": size}})).await.ok();
        server.get(WIDGETS).await.ok();
    }
    let mut events = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion={from}")).await;
    for size in 1..50 {
        assert_eq!(events.next().await["object"]["spec"]["size"], size);
    }
    server.made(WIDGETS, &sized("b", 1)).await;
    assert_eq!(events.told().await, ("ADDED".to_owned(), "b".to_owned()));
    storage.compact(storage.current_revision().await.unwrap()).await.unwrap();
    let mut late = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion={from}")).await;
    let error = late.next().await;
    assert_eq!((&error["type"], &error["object"]["code"]), (&json!("ERROR"), &json!(410)));
    late.ended().await;
}

#[tokio::test(start_paused = true)]
async fn sr_11_a_cache_that_stays_behind_is_passed_over() {
    let storage = Held::new(false);
    let server = TestServer::builder().storage(storage.clone()).build();
    server.made(WIDGETS, &widget("a")).await;
    server.get(WIDGETS).await.ok();
    storage.deaf.store(true, Ordering::SeqCst);
    server.made(WIDGETS, &widget("b")).await;
    for query in ["", "?limit=5", "?fieldSelector=metadata.name!%3Dc"] {
        let asked = Instant::now();
        assert_eq!(names(&server.get(&format!("{WIDGETS}{query}")).await.ok()), ["a", "b"], "{query}");
        assert_eq!(asked.elapsed().as_secs(), 3, "{query}");
    }
    server.get(&at(WIDGETS, "b")).await.ok();
    let cached = server.get(&format!("{WIDGETS}?resourceVersion=0")).await.ok();
    assert_eq!(names(&cached), ["a"], "whoever asks for any state is answered at once");
}

#[tokio::test(start_paused = true)]
async fn sr_13_hz_8_a_server_is_ready_once_its_caches_are_filled() {
    let storage = Held::new(true);
    let server = TestServer::builder().storage(storage.clone()).build();
    let answer = server.get("/readyz").await;
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("[-]storage-readiness failed"), "{}", answer.text());
    for endpoint in ["/livez", "/healthz"] {
        assert_eq!(server.get(endpoint).await.status, 200, "{endpoint}");
    }
    storage.shut.send_replace(false);
    assert_eq!(server.get("/readyz").await.text(), "ok");
}

#[tokio::test(start_paused = true)]
async fn sr_14_a_list_as_new_as_another_resource_does_not_wait() {
    let server = TestServer::new();
    server.made(WIDGETS, &widget("a")).await;
    server.get(WIDGETS).await.ok();
    let elsewhere = revision(&server.made(SHELVES, &shelf("s")).await);
    let asked = Instant::now();
    let list = server.get(&format!("{WIDGETS}?resourceVersion={elsewhere}")).await.ok();
    assert!(revision(&list) >= elsewhere);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
}

#[tokio::test(start_paused = true)]
async fn sr_10_a_watcher_that_was_away_for_75_seconds_goes_on_from_the_cache() {
    // The storage itself remembers next to nothing.
    let server = TestServer::builder().storage(Arc::new(Memory::with_history(4))).build();
    let from = revision(&server.made(WIDGETS, &widget("a")).await);
    server.get(WIDGETS).await.ok();
    for size in 1..=1_000 {
        server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": size}})).await.ok();
        tokio::time::sleep(Duration::from_millis(75)).await;
    }
    let mut events = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion={from}")).await;
    for size in 1..=1_000 {
        assert_eq!(events.next().await["object"]["spec"]["size"], size);
    }
    events.silent().await;
}

#[tokio::test(start_paused = true)]
async fn sr_15_what_was_compacted_is_410_for_lists_and_watches() {
    let options = CacheOptions { events: 1, ..CacheOptions::default() };
    let storage = Arc::new(Memory::new());
    let server =
        TestServer::builder().storage(storage.clone()).with(move |builder| builder.cache_options(options)).build();
    let from = revision(&server.made(WIDGETS, &widget("a")).await);
    for name in ["b", "c"] {
        server.made(WIDGETS, &widget(name)).await;
    }
    server.get(WIDGETS).await.ok();
    let exact = format!("{WIDGETS}?resourceVersion={from}&resourceVersionMatch=Exact");
    assert_eq!(names(&server.get(&exact).await.ok()), ["a"]);
    storage.compact(storage.current_revision().await.unwrap()).await.unwrap();
    server.get(&exact).await.refused(410, "Expired", "The resourceVersion for the provided list is too old.");
    let mut events = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion={from}")).await;
    let error = events.next().await;
    assert_eq!((&error["type"], &error["object"]["reason"]), (&json!("ERROR"), &json!("Expired")), "w_13");
    events.ended().await;
}

/// As etcd refuses what is larger than its limit.
#[tokio::test(start_paused = true)]
async fn ssa_30_what_is_too_large_with_its_managers_is_kept_without_and_an_apply_is_refused() {
    let storage = Held::new(false);
    let server = TestServer::builder().storage(storage.clone()).build();
    let with_managers = server.made(WIDGETS, &sized("a", 1)).await;
    assert!(with_managers["metadata"]["managedFields"].is_array());
    let key = kube_annex_storage::Prefix::of_resource("toys.example.com", "widgets").in_namespace("default").key("a");
    let size = storage.get(&key).await.unwrap().unwrap().value.len();
    storage.largest.store(size - 20, Ordering::SeqCst);

    let created = server.made(WIDGETS, &sized("b", 1)).await;
    assert_eq!(created["metadata"].get("managedFields"), None);
    assert_eq!(server.get(&at(WIDGETS, "b")).await.ok(), created);
    let updated = server.put(&at(WIDGETS, "a"), &sized("a", 2)).await.ok();
    assert_eq!((&updated["spec"]["size"], updated["metadata"].get("managedFields")), (&json!(2), None));
    let patched = server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 3}})).await.ok();
    assert_eq!((&patched["spec"]["size"], patched["metadata"].get("managedFields")), (&json!(3), None));
    let path = format!("{}?fieldManager=m", at(WIDGETS, "c"));
    let applied = server.patch(&path, "application/apply-patch+yaml", &sized("c", 1)).await;
    assert_eq!((applied.status, &applied.json()["message"]), (500, &json!("etcdserver: request is too large")));
}

#[tokio::test(start_paused = true)]
async fn sr_12_a_past_state_is_read_from_the_cache_that_the_storage_need_not_be_asked_for() {
    let storage = Held::new(false);
    let server = TestServer::builder().storage(storage.clone()).build();
    server.made(WIDGETS, &sized("a", 1)).await;
    let then = server.get(WIDGETS).await.ok();
    server.put(&at(WIDGETS, "a"), &sized("a", 2)).await.ok();
    server.made(WIDGETS, &sized("b", 2)).await;
    assert_eq!(names(&server.get(WIDGETS).await.ok()), ["a", "b"]);
    storage.shut.send_replace(true);
    let path = format!("{WIDGETS}?resourceVersion={}&resourceVersionMatch=Exact", revision(&then));
    assert_eq!(server.get(&path).await.ok(), then);
}
