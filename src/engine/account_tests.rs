use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::Clock;
use crate::domain::capabilities::Listing;
use crate::engine::account_lock::AccountLock;
use crate::engine::connections::Connections;
use crate::instant::Instant;
use crate::issuers::{KeyRef, Revoked};
use crate::ledger::memory::InMemory;

/// An account of ten keys at most that counts how often it is listed.
#[derive(Clone, Default)]
struct Model {
    keys: Arc<Mutex<Vec<String>>>,
    lists: Arc<AtomicUsize>,
    /// It takes no revocation for one of a key that it knows.
    forgetful: bool,
    /// It does not find the account, and what that proves.
    unseen: Option<Absence>,
}

#[derive(Clone, Copy)]
enum Absence {
    Proved,
    OutOfSight,
}

#[async_trait]
impl Issuer for Model {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            limit: Some(10),
            listing: Listing::Whole,
            key_ids: true,
            serialised: true,
            proves_absence: matches!(self.unseen, Some(Absence::Proved)),
            ..Capabilities::default()
        }
    }

    fn account(&self) -> String {
        "model".to_owned()
    }

    async fn mint(&self, token: &str) -> Result<Minted> {
        self.keys.lock().unwrap().push(token.to_owned());
        if token == "lost" {
            return Err(Error::new(Kind::Uncertain, "no answer", "Look."));
        }
        Ok(Minted {
            key_id: Some(token.to_owned()),
            secret: Secret::new("made-up".into()),
            created_at: Some(Instant::from_unix(0)),
        })
    }

    async fn list(&self) -> Result<Vec<Listed>> {
        self.lists.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        if self.unseen.is_some() {
            return Err(Error::new(Kind::NotFound, "no such account", "Look."));
        }
        let keys = self.keys.lock().unwrap();
        Ok(keys.iter().map(|id| listed(id)).collect())
    }

    async fn revoke(&self, key: KeyRef<'_>, _: Option<KeyRef<'_>>) -> Result<Revoked> {
        if self.forgetful {
            return Ok(Revoked::NotFound);
        }
        let mut keys = self.keys.lock().unwrap();
        let before = keys.len();
        keys.retain(|id| Some(id.as_str()) != key.key_id);
        Ok(match keys.len() < before {
            true => Revoked::Ended,
            false => Revoked::NotFound,
        })
    }
}

fn listed(id: &str) -> Listed {
    Listed {
        key_id: id.to_owned(),
        created_at: Some(Instant::from_unix(0)),
        label: None,
        last_used: None,
        status: KeyStatus::Active,
    }
}

fn context() -> Context {
    let context = Context::new(Clock::system(), CancellationToken::new(), BTreeMap::new());
    context.with_ledger(Arc::new(InMemory::default()))
}

fn connections(model: &Model, context: &Context) -> Connections {
    Connections {
        kind: "model",
        capabilities: model.capabilities(),
        issuer: Account::new(Box::new(model.clone()), context).unwrap(),
        deliveries: BTreeMap::new(),
        deployments: BTreeMap::new(),
        former: Vec::new(),
        verification: None,
    }
}

async fn create(model: &Model, context: &Context, id: &str) {
    let connections = connections(model, context);
    let lock = AccountLock::take(context, &connections, None, id)
        .await
        .unwrap();
    connections.issuer.check(&[]).await.unwrap();
    connections.issuer.mint(id).await.unwrap();
    assert!(lock.guard().confirm().await.is_ok());
    lock.give_back().await;
}

#[tokio::test]
async fn many_creates_on_one_account_cost_one_list_and_one_lease() {
    let (model, context) = (Model::default(), context());
    let ids: Vec<String> = (0..8).map(|number| format!("k{number}")).collect();
    let creates = ids.iter().map(|id| create(&model, &context, id));
    futures::future::join_all(creates).await;
    assert_eq!(model.lists.load(Ordering::SeqCst), 1);
    assert_eq!(model.keys.lock().unwrap().len(), 8);
    let lease = context.ledger.try_lock("model", "somebody").await.unwrap();
    assert!(lease.is_some(), "the last one gave the lease back");
}

#[tokio::test]
async fn whoever_works_later_looks_again() {
    let (model, context) = (Model::default(), context());
    create(&model, &context, "k0").await;
    create(&model, &context, "k1").await;
    assert_eq!(model.lists.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_look_without_the_lock_does_not_outlive_the_next_lease() {
    let (model, context) = (Model::default(), context());
    let looking = connections(&model, &context);
    looking.issuer.lock().await.unwrap();
    assert_eq!(looking.issuer.list().await.unwrap().unwrap().len(), 0);
    model.keys.lock().unwrap().push("of another process".into());
    create(&model, &context, "k0").await;
    assert_eq!(looking.issuer.list().await.unwrap().unwrap().len(), 2);
}

#[tokio::test]
async fn a_lease_that_is_refused_is_refused_to_all_who_waited_for_it() {
    let (model, context) = (Model::default(), context());
    context.stop.cancel();
    context
        .ledger
        .try_lock("model", "another process")
        .await
        .unwrap();
    let attempt = async || {
        let connections = connections(&model, &context);
        AccountLock::take(&context, &connections, None, "k0")
            .await
            .err()
            .unwrap()
    };
    let refused = futures::future::join(attempt(), attempt()).await;
    assert!(refused.0.summary.contains("Stopped") && refused.1.summary.contains("Stopped"));
}

#[tokio::test]
async fn a_full_account_names_a_few_keys_and_counts_the_rest() {
    let (model, context) = (Model::default(), context());
    let ids: Vec<String> = (0..10).map(|number| format!("k{number}")).collect();
    model.keys.lock().unwrap().extend(ids.clone());
    let account = connections(&model, &context).issuer;
    for (owned, words) in [
        (&ids[..0], "owns none of them"),
        (&ids[..1], "owns only k0."),
        (&ids[..], "owns all of them"),
    ] {
        let error = account.check(owned).await.unwrap_err();
        assert_eq!(error.kind, Kind::Limit);
        assert_eq!(error.summary, "model already has 10 keys");
        assert!(
            error.detail.contains("and 5 more") && error.detail.contains(words),
            "{error}"
        );
    }
    assert!(
        account.crowd(&ids[..2]).await.unwrap().is_none(),
        "2 of 10 are its own"
    );
    let (limit, others) = account.crowd(&ids[..1]).await.unwrap().unwrap();
    assert_eq!((limit, others.len()), (10, 9));
}

#[tokio::test]
async fn a_mint_whose_answer_was_lost_is_looked_for() {
    let (model, context) = (Model::default(), context());
    let account = connections(&model, &context).issuer;
    let error = account.mint("lost").await.unwrap_err();
    assert_eq!(error.kind, Kind::Uncertain);
    assert!(
        error.detail.contains("A new key has appeared, lost"),
        "{error}"
    );
}

#[tokio::test]
async fn a_key_that_is_listed_is_not_taken_for_gone() {
    let (mut model, context) = (Model::default(), context());
    model.keys.lock().unwrap().push("k0".into());
    model.forgetful = true;
    let account = connections(&model, &context).issuer;
    let error = account.revoke(KeyRef::of_id("k0"), None).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    account
        .revoke(KeyRef::of_id("nobody's"), None)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_keys_of_an_account_that_is_not_found_are_gone_only_where_that_proves_it() {
    let ids = ["k0".to_owned()];
    for (absence, expected) in [
        (Absence::Proved, Ok(vec![Some(KeyStatus::Missing)])),
        (Absence::OutOfSight, Err(Kind::Denied)),
    ] {
        let (mut model, context) = (Model::default(), context());
        model.keys.lock().unwrap().extend(ids.clone());
        model.unseen = Some(absence);
        let account = connections(&model, &context).issuer;
        let seen = account.inspect(&ids).await;
        assert_eq!(seen.map_err(|error| error.kind), expected);
        model.forgetful = true;
        let account = connections(&model, &context).issuer;
        let revoked = account.revoke(KeyRef::of_id("k0"), None).await;
        assert_eq!(revoked.is_ok(), expected.is_ok());
    }
}
