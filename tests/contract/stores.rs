use apikey::error::{Kind, Path, Result};
use apikey::instant::Instant;
use apikey::secret::Secret;
use apikey::settings::Settings;
use apikey::stores::{self, Document, DocumentKey, Found, Store, StoreKind, Version, Written};

use super::fakes::{self, StoreFake};
use super::issuers::is_discreet;
use super::trouble::{self, CANARY, Outcome};
use crate::support::fake::Fake;

/// The calls of a store that can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Check,
    Observe,
    Write,
}

pub fn document(secret: &str, generation: u64) -> Document {
    let key = |id: &str| DocumentKey {
        key_id: Some(id.to_owned()),
        secret: Secret::new(format!("{secret}-{id}")),
    };
    Document {
        primary: key("one"),
        secondary: Some(key("two")),
        generation: Some(generation),
        rotated_at: Instant::parse("2026-11-22T12:00:00Z"),
    }
}

/// What a look found, in short.
async fn make(op: Op, store: &dyn Store) -> Result<&'static str> {
    match op {
        Op::Check => store.check(None).await.map(|()| "checked"),
        Op::Observe => store.observe().await.map(|seen| match seen.found {
            Found::Nothing => "nothing",
            Found::Document(_) => "a document",
            Found::Foreign(_) => "something else",
            Found::Opaque => "something",
            Found::Deleted(_) => "something deleted",
        }),
        Op::Write => {
            let (document, token) = (document(CANARY, 1), "a".repeat(64));
            let written = store.write(&document, &token, &Version::Absent).await;
            written.map(|_| "written")
        }
    }
}

/// Every call of every store in every trouble.
pub async fn survive_every_trouble() {
    for kind in stores::all() {
        survive_every_trouble_of(kind.name()).await;
    }
}

pub async fn survive_every_trouble_of(name: &str) {
    for kind in stores::all().filter(|kind| kind.name() == name) {
        let Some(StoreFake {
            server: Some(server),
            ..
        }) = fakes::store(kind.name())
        else {
            continue;
        };
        for (op, good) in server.calls {
            for (name, bad, outcome) in trouble::all(server.refusal) {
                let what = format!("{} {op:?}: {name}", kind.name());
                let script = std::iter::once(bad).chain(good());
                let fake = match outcome {
                    Outcome::Repeated | Outcome::Unknown => Fake::start(script),
                    _ => Fake::start(script.take(1)),
                };
                let context = trouble::context(server.block, &fake.url());
                let store = connect(kind, &context);
                let told = make(*op, store.as_ref()).await;
                if let Err(error) = &told {
                    is_discreet(&what, error);
                }
                match (outcome, *op) {
                    (Outcome::Repeated | Outcome::Unknown, _) => {
                        assert!(told.is_ok(), "{what}: {told:?}");
                        assert!(fake.requests().len() > 1, "{what}");
                    }
                    (Outcome::Denied, _) => {
                        assert_eq!(told.expect_err(&what).kind, Kind::Denied, "{what}");
                    }
                    // A place that is not there yet is made.
                    (Outcome::NotFound, Op::Check | Op::Write) => {}
                    // Where what is not there and what may not be seen are one answer, it is no certainty.
                    (Outcome::NotFound, Op::Observe) => match told {
                        Ok(found) => assert_eq!(found, "nothing", "{what}"),
                        Err(error) => assert_eq!(error.kind, Kind::Denied, "{what}: {error}"),
                    },
                    // Whatever it is, it is not "nothing".
                    (Outcome::Refused | Outcome::Broken, _) => {
                        let kind = told.expect_err(&what).kind;
                        assert!(!matches!(kind, Kind::NotFound), "{what}: {kind:?}");
                    }
                }
            }
            let url = trouble::with_a_wrong_certificate().await;
            let store = connect(kind, &trouble::context(server.block, &url));
            let what = format!("{} {op:?}: a wrong certificate", kind.name());
            let error = make(*op, store.as_ref()).await.expect_err(&what);
            assert_eq!(error.kind, Kind::Unavailable, "{what}: {error}");
            assert!(
                error.detail.to_lowercase().contains("certificate"),
                "{what}: {error}"
            );
        }
    }
}

fn connect(kind: &dyn StoreKind, context: &apikey::context::Context) -> Box<dyn Store> {
    let fields = fakes::store(kind.name()).unwrap().settings();
    let path = Path::root("store").attribute(kind.name());
    kind.connect(&Settings::new(path, &fields), context)
        .unwrap()
}

async fn leads(store: &dyn Store) -> (Option<String>, Version) {
    let seen = store.observe().await.unwrap();
    match seen.found {
        Found::Document(document) => {
            assert_eq!(document.primary.key_id.as_deref(), Some("one"));
            assert!(document.secondary.is_some() && document.generation.is_some());
            (
                Some(document.primary.secret.expose().to_owned()),
                seen.version,
            )
        }
        _ => (None, seen.version),
    }
}

/// A place at a server that keeps what it is told.
pub async fn live() {
    for kind in stores::all() {
        live_of(kind.name()).await;
    }
}

pub async fn live_of(name: &str) {
    for kind in stores::all().filter(|kind| kind.name() == name) {
        let name = kind.name();
        let world = (fakes::store(name).unwrap().live)().await;
        let path = Path::root("store").attribute(name);
        let store = kind
            .connect(&Settings::new(path, &world.settings), &world.context)
            .unwrap();
        let able = store.capabilities();
        // What cannot be read back is told by its version alone.
        let led = |secret: &str| able.readable.then(|| secret.to_owned());
        store.check(None).await.expect(name);
        assert_eq!(
            leads(store.as_ref()).await,
            (None, Version::Absent),
            "{name}"
        );

        let (token, other) = ("a".repeat(64), "b".repeat(64));
        let first = receipt(
            store
                .write(&document("first", 1), &token, &Version::Absent)
                .await
                .expect(name),
        );
        let again = receipt(
            store
                .write(&document("first", 1), &token, &Version::Absent)
                .await
                .expect(name),
        );
        assert_eq!(first, again, "{name}: the same write is done once");
        assert_eq!(
            leads(store.as_ref()).await,
            (led("first-one"), first.clone()),
            "{name}"
        );

        // Somebody else was here in between.
        let late = store
            .write(&document("late", 2), &other, &Version::Absent)
            .await;
        assert_eq!(late.expect_err(name).kind, Kind::Stale, "{name}");
        assert_eq!(leads(store.as_ref()).await.0, led("first-one"), "{name}");
        let unasked = Version::Of("made-up".into());
        assert_eq!(
            store.remove(&unasked).await.expect_err(name).kind,
            Kind::Stale,
            "{name}"
        );

        let second = receipt(
            store
                .write(&document("second", 2), &other, &first)
                .await
                .expect(name),
        );
        assert_eq!(
            leads(store.as_ref()).await,
            (led("second-one"), second.clone()),
            "{name}"
        );
        let identity = store.identity().await.expect(name);
        assert_eq!(identity, store.identity().await.expect(name), "{name}");
        if let Some(limit) = able.size_limit {
            let large = document(&"x".repeat(limit), 3);
            let refused = store
                .write(&large, &"c".repeat(64), &second)
                .await
                .expect_err(name);
            assert_eq!(refused.kind, Kind::Limit, "{name}: {refused}");
            assert_eq!(leads(store.as_ref()).await.0, led("second-one"), "{name}");
        }
        store.remove(&second).await.expect(name);
        assert_eq!(leads(store.as_ref()).await.0, None, "{name}");
        store.remove(&second).await.expect(name);
    }
}

fn receipt(written: Written) -> Version {
    match written {
        Written::Done(receipt) | Written::Lingering(receipt, _) => receipt.content,
        Written::AwaitsApproval(at) => panic!("it awaits approval at {at}"),
    }
}
