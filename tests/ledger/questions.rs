//! The inventory: the same answers from both databases.

use std::time::Duration;

use apikey::ledger::inventory::{Page, Query, Sort};
use apikey::ledger::{Effect, Ledger, Outcome, Slot, Status};
use strum::IntoEnumIterator;

use super::samples::{Sample, all_with, at, holding, intent, key, mark};

const LEASE: Duration = Duration::from_secs(60);
const DAY: i64 = 86_400;

fn databases() -> impl Iterator<Item = Sample> {
    let samples = all_with(LEASE).into_iter();
    samples.filter(|sample| sample.memory.is_none())
}

/// Ten keys of five resources: `r0` to `r4`, each with a live one and a revoked one. Every second is alice's.
async fn fill(ledger: &dyn Ledger) {
    for number in 0..5 {
        let mut dead = key(&format!("dead{number}"), Slot::None);
        dead.status = Status::Revoked;
        dead.revoked_at = Some(at(5));
        let mut live = key(&format!("live{number}"), Slot::Primary);
        live.created_at = at(DAY * number);
        live.last_used_at = (number > 2).then(|| at(DAY * 20));
        let mut holding = holding(&format!("r{number}"), vec![dead, live]);
        holding.owner = (number % 2 == 0).then(|| "alice".into());
        holding.environment = (number != 3).then(|| "prod".into());
        ledger.record(&holding, at(9)).await.unwrap();
    }
}

fn ids(page: &Page) -> Vec<String> {
    let keys = page.keys.iter();
    keys.map(|listed| listed.key.key.key_id.clone().unwrap_or_default())
        .collect()
}

fn now() -> Query {
    Query::all(at(DAY * 30), 100)
}

#[tokio::test]
async fn every_filter_finds_what_it_names() {
    let some = |text: &str| Some(text.to_owned());
    let live = || Query {
        status: Some(Status::Live),
        ..now()
    };
    for Sample { name, ledger, .. } in databases() {
        fill(ledger.as_ref()).await;
        for (what, query, expected) in [
            (
                "owner",
                Query {
                    owner: some("alice"),
                    ..live()
                },
                "live0 live2 live4",
            ),
            (
                "no owner",
                Query {
                    without_owner: true,
                    ..live()
                },
                "live1 live3",
            ),
            (
                "name",
                Query {
                    name: some("r3"),
                    ..now()
                },
                "dead3 live3",
            ),
            (
                "environment",
                Query {
                    environment: some("prod"),
                    ..live()
                },
                "live0 live1 live2 live4",
            ),
            (
                "group",
                Query {
                    group: some("other"),
                    ..now()
                },
                "",
            ),
            (
                "policy",
                Query {
                    policy: some("standard"),
                    owner: some("alice"),
                    ..live()
                },
                "live0 live2 live4",
            ),
            (
                "issuer",
                Query {
                    issuer: some("generated"),
                    ..now()
                },
                "",
            ),
            (
                "workspace",
                Query {
                    workspace: some("staging"),
                    ..now()
                },
                "",
            ),
            (
                "age",
                Query {
                    created_until: Some(at(DAY)),
                    ..live()
                },
                "live0 live1",
            ),
            (
                "use",
                Query {
                    used_until: Some(at(DAY * 10)),
                    ..live()
                },
                "live0 live1 live2",
            ),
            (
                "status",
                Query {
                    status: Some(Status::Revoked),
                    limit: 2,
                    ..now()
                },
                "dead0 dead1",
            ),
            (
                "sort",
                Query {
                    sort_by: Sort::Name,
                    descending: true,
                    limit: 3,
                    ..live()
                },
                "live4 live3 live2",
            ),
            (
                "null sorts first",
                Query {
                    sort_by: Sort::Owner,
                    limit: 3,
                    ..live()
                },
                "live1 live3 live0",
            ),
        ] {
            let found = ledger.list(&query).await.unwrap();
            assert_eq!(ids(&found).join(" "), expected, "{name}: {what}");
        }
        let page = ledger.list(&Query { limit: 2, ..now() }).await.unwrap();
        assert_eq!((page.total, page.keys.len()), (10, 2), "{name}");
    }
}

#[tokio::test]
async fn pages_show_every_key_once_in_every_order() {
    for Sample { name, ledger, .. } in databases() {
        fill(ledger.as_ref()).await;
        for sort_by in Sort::iter() {
            for descending in [false, true] {
                let mut query = Query {
                    sort_by,
                    descending,
                    limit: 3,
                    ..now()
                };
                let whole = ledger
                    .list(&Query {
                        limit: 100,
                        ..query.clone()
                    })
                    .await
                    .unwrap();
                assert_eq!(whole.next, None, "{name}");
                let mut seen = Vec::new();
                for _ in 0..4 {
                    let page = ledger.list(&query).await.unwrap();
                    assert_eq!(page.total, 10, "{name}");
                    seen.extend(ids(&page));
                    query.after = page.next;
                }
                assert_eq!(query.after, None, "{name}: {sort_by}");
                assert_eq!(seen, ids(&whole), "{name}: {sort_by}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_that_no_state_ever_held_is_nobodys_once_its_apply_is_over() {
    for Sample { name, ledger, .. } in databases() {
        let orphans = async |now| {
            let query = Query {
                orphaned: true,
                ..Query::all(now, 100)
            };
            let found = ledger.list(&query).await.unwrap();
            assert!(found.keys.iter().all(|listed| listed.orphaned), "{name}");
            assert_eq!(found.total, found.keys.len() as i64, "{name}");
            ids(&found).join(" ")
        };
        fill(ledger.as_ref()).await;
        let lease = ledger.try_lock("account", "one").await.unwrap().unwrap();
        for who in ["held", "free"] {
            let mut apply = intent(&format!("apply-of-{who}"), who, Effect::Apply);
            let mut mint = intent(&format!("mint-of-{who}"), who, Effect::Mint);
            for intent in [&mut apply, &mut mint] {
                intent.fence = (who == "held").then(|| lease.fence.clone());
                ledger.begin(intent).await.unwrap();
            }
            let minted = Outcome::Done(Some(mark(who)));
            ledger.finish(&mint.id, &minted, at(5)).await.unwrap();
        }
        // Without a lock it may still be at work for a while; with one, as long as it holds it.
        assert_eq!(orphans(at(60)).await, "", "{name}");
        assert_eq!(orphans(at(7200)).await, "free", "{name}");
        ledger.unlock(&lease.fence).await.unwrap();
        assert_eq!(orphans(at(7200)).await, "held free", "{name}");

        // One ends in an orderly way: the next refresh will confirm its key.
        ledger
            .finish("apply-of-free", &Outcome::Done(None), at(100))
            .await
            .unwrap();
        assert_eq!(orphans(at(7200)).await, "held", "{name}");
        assert_eq!(orphans(at(100 + DAY)).await, "held free", "{name}");
        ledger
            .record(&holding("free", vec![key("free", Slot::Primary)]), at(200))
            .await
            .unwrap();
        assert_eq!(orphans(at(100 + DAY)).await, "held", "{name}");

        // A resource that keeps its key on destroy says so.
        let mut left = key("left", Slot::None);
        left.status = Status::Orphaned;
        ledger
            .record(&holding("left", vec![left]), at(300))
            .await
            .unwrap();
        assert_eq!(orphans(at(7200)).await, "left held", "{name}");
    }
}

#[tokio::test]
async fn a_new_key_is_its_owners_before_any_state_says_so() {
    for Sample { name, ledger, .. } in databases() {
        let mut owned = holding("k", vec![key("old", Slot::Primary)]);
        owned.owner = Some("alice".into());
        ledger.record(&owned, at(9)).await.unwrap();
        ledger.begin(&intent("m", "k", Effect::Mint)).await.unwrap();
        ledger
            .finish("m", &Outcome::Done(Some(mark("new"))), at(10))
            .await
            .unwrap();
        let query = Query {
            owner: Some("alice".into()),
            ..now()
        };
        let found = ledger.list(&query).await.unwrap();
        assert_eq!(ids(&found), ["old", "new"], "{name}");
    }
}
