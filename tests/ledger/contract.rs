//! What every sort of ledger keeps to.

use std::time::Duration;

use apikey::error::Kind;
use apikey::ledger::{
    Effect, Holding, Intent, Inventory, Journal, KeyMark, Memory, Outcome, Slot, Status,
};

use super::samples::{self, Sample, all, at, holding, intent, key, mark};
use super::sql::{self, Place};

#[tokio::test]
async fn an_intent_stays_open_until_its_outcome() {
    for Sample { name, ledger, .. } in all() {
        let mut deliver = intent("i2", "k", Effect::Deliver);
        deliver.key = Some(mark("AKIAEXAMPLE2"));
        deliver.place = Some("app: secrets/k.json".into());
        let apply = intent("i1", "k", Effect::Apply);
        for intent in [&apply, &deliver, &intent("i3", "other", Effect::Apply)] {
            ledger.begin(intent).await.unwrap();
        }
        let open = ledger.recall("id-of-k").await.unwrap().open;
        assert_eq!(open, [apply.clone(), deliver], "{name}");

        let failed = Outcome::Failed("it was on fire".into());
        ledger.finish("i2", &failed, at(5)).await.unwrap();
        assert_eq!(
            ledger.recall("id-of-k").await.unwrap().open,
            [apply],
            "{name}"
        );
        ledger
            .finish("i1", &Outcome::Done(None), at(6))
            .await
            .unwrap();
        assert_eq!(ledger.recall("id-of-k").await.unwrap().open, [], "{name}");
    }
}

#[tokio::test]
async fn a_mint_lists_its_key_and_a_revocation_ends_it() {
    for Sample { name, ledger, .. } in all() {
        ledger.begin(&intent("m", "k", Effect::Mint)).await.unwrap();
        assert_eq!(ledger.recall("id-of-k").await.unwrap().keys, [], "{name}");
        let minted = Outcome::Done(Some(mark("AKIAEXAMPLE2")));
        ledger.finish("m", &minted, at(5)).await.unwrap();
        let known = ledger.recall("id-of-k").await.unwrap().keys;
        assert_eq!(known.len(), 1, "{name}");
        assert_eq!(known[0].key, mark("AKIAEXAMPLE2"), "{name}");
        assert_eq!(known[0].slot, Slot::None, "{name}");
        assert_eq!(known[0].status, Status::Live, "{name}");
        assert_eq!(known[0].created_at, at(5), "{name}");
        assert_eq!(known[0].confirmed_at, None, "{name}");
        assert_eq!(known[0].minted_by.as_deref(), Some("apply-of-k"), "{name}");

        let mut revoke = intent("r", "k", Effect::Revoke);
        revoke.key = Some(mark("AKIAEXAMPLE2"));
        ledger.begin(&revoke).await.unwrap();
        ledger
            .finish("r", &Outcome::Done(None), at(9))
            .await
            .unwrap();
        let dead = ledger.recall("id-of-k").await.unwrap().keys;
        assert_eq!(dead[0].status, Status::Revoked, "{name}");
        assert_eq!(dead[0].revoked_at, Some(at(9)), "{name}");
    }
}

#[tokio::test]
async fn a_second_outcome_changes_nothing() {
    for Sample { name, ledger, .. } in all() {
        ledger.begin(&intent("m", "k", Effect::Mint)).await.unwrap();
        let first = Outcome::Done(Some(mark("AKIAEXAMPLE2")));
        ledger.finish("m", &first, at(5)).await.unwrap();
        let before = ledger.recall("id-of-k").await.unwrap();
        let second = Outcome::Done(Some(mark("AKIAEXAMPLE3")));
        ledger.finish("m", &second, at(6)).await.unwrap();
        ledger.finish("never begun", &second, at(6)).await.unwrap();
        assert_eq!(ledger.recall("id-of-k").await.unwrap(), before, "{name}");
    }
}

#[tokio::test]
async fn a_revocation_that_failed_leaves_the_key_alive() {
    for Sample { name, ledger, .. } in all() {
        let live = holding("k", vec![key("AKIAEXAMPLE2", Slot::Primary)]);
        ledger.record(&live, at(9)).await.unwrap();
        let mut revoke = intent("r", "k", Effect::Revoke);
        revoke.key = Some(mark("AKIAEXAMPLE2"));
        ledger.begin(&revoke).await.unwrap();
        let failed = Outcome::Failed("it said no".into());
        ledger.finish("r", &failed, at(10)).await.unwrap();
        assert_eq!(
            ledger.recall("id-of-k").await.unwrap().keys,
            live.keys,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_short_mark_revokes_no_key_of_another_resource() {
    for Sample { name, ledger, .. } in all() {
        let without_id = |slot| {
            let mut key = key("", slot);
            key.key.key_id = None;
            key
        };
        for resource in ["one", "two"] {
            let holding = holding(resource, vec![without_id(Slot::Primary)]);
            ledger.record(&holding, at(9)).await.unwrap();
        }
        let mut revoke = intent("r", "one", Effect::Revoke);
        revoke.key = Some(without_id(Slot::None).key);
        ledger.begin(&revoke).await.unwrap();
        ledger
            .finish("r", &Outcome::Done(None), at(10))
            .await
            .unwrap();
        let dead = ledger.recall("id-of-one").await.unwrap().keys;
        assert_eq!(dead[0].status, Status::Revoked, "{name}");
        let alive = ledger.recall("id-of-two").await.unwrap().keys;
        assert_eq!(alive[0].status, Status::Live, "{name}");
    }
}

#[tokio::test]
async fn private_data_that_a_state_has_lost_stays_as_it_was_recorded() {
    for Sample { name, ledger, .. } in all() {
        for (private_data, recorded) in [
            (Some("{}"), "{}"),
            (Some("{\"former\":[]}"), "{\"former\":[]}"),
            (None, "{\"former\":[]}"),
            (Some("{}"), "{}"),
        ] {
            let said = Holding {
                private_data: private_data.map(str::to_owned),
                ..holding("k", vec![key("AKIAEXAMPLE2", Slot::Primary)])
            };
            ledger.record(&said, at(9)).await.unwrap();
            let recalled = ledger.recall("id-of-k").await.unwrap();
            assert_eq!(recalled.private_data.as_deref(), Some(recorded), "{name}");
        }
    }
}

#[tokio::test]
async fn a_state_fills_a_fresh_ledger_and_moves_it_on() {
    for Sample { name, ledger, .. } in all() {
        let mut old = key("AKIAEXAMPLE2", Slot::Primary);
        let first = holding("k", vec![old.clone()]);
        ledger.record(&first, at(9)).await.unwrap();
        assert_eq!(
            ledger.recall("id-of-k").await.unwrap().keys,
            first.keys,
            "{name}"
        );

        old.slot = Slot::Retiring;
        old.retired_at = Some(at(20));
        old.last_used_at = Some(at(19));
        let second = holding("k", vec![key("AKIAEXAMPLE3", Slot::Primary), old.clone()]);
        ledger.record(&second, at(21)).await.unwrap();
        let known = ledger.recall("id-of-k").await.unwrap().keys;
        assert_eq!(
            known,
            [old.clone(), key("AKIAEXAMPLE3", Slot::Primary)],
            "{name}"
        );

        // A key that the state does not hold any more is left as it is.
        let third = holding("k", vec![key("AKIAEXAMPLE3", Slot::Primary)]);
        ledger.record(&third, at(22)).await.unwrap();
        assert_eq!(
            ledger.recall("id-of-k").await.unwrap().keys[0],
            old,
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_key_that_was_left_to_itself_and_is_held_again_is_one_key() {
    for Sample { name, ledger, .. } in all() {
        let mut left = key("AKIAEXAMPLE2", Slot::None);
        left.status = Status::Orphaned;
        let twin = key("AKIAEXAMPLE3", Slot::Primary);
        let before = holding("gone", vec![left, twin.clone()]);
        ledger.record(&before, at(9)).await.unwrap();

        let held = holding("heir", vec![key("AKIAEXAMPLE2", Slot::Primary)]);
        ledger.record(&held, at(20)).await.unwrap();
        assert_eq!(
            ledger.recall("id-of-heir").await.unwrap().keys,
            held.keys,
            "{name}"
        );
        let others = ledger.recall("id-of-gone").await.unwrap().keys;
        assert_eq!(others, [twin], "{name}");
    }
}

#[tokio::test]
async fn a_key_is_confirmed_once_and_keeps_who_minted_it() {
    for Sample { name, ledger, .. } in all() {
        ledger.begin(&intent("m", "k", Effect::Mint)).await.unwrap();
        let minted = Outcome::Done(Some(mark("AKIAEXAMPLE2")));
        ledger.finish("m", &minted, at(5)).await.unwrap();

        let mut seen = key("AKIAEXAMPLE2", Slot::Primary);
        for (confirmed, expected) in [
            (None, None),
            (Some(at(9)), Some(at(9))),
            (Some(at(30)), Some(at(9))),
            (None, Some(at(9))),
        ] {
            seen.confirmed_at = confirmed;
            let holding = holding("k", vec![seen.clone()]);
            ledger.record(&holding, at(9)).await.unwrap();
            let known = ledger.recall("id-of-k").await.unwrap().keys;
            assert_eq!(known.len(), 1, "{name}");
            assert_eq!(known[0].confirmed_at, expected, "{name}");
            assert_eq!(known[0].minted_by.as_deref(), Some("apply-of-k"), "{name}");
        }
    }
}

#[tokio::test]
async fn an_imported_key_gets_its_mark_when_it_is_seen() {
    for Sample { name, ledger, .. } in all() {
        let mut imported = key("AKIAEXAMPLE2", Slot::Primary);
        imported.key.mark = None;
        ledger
            .record(&holding("k", vec![imported]), at(9))
            .await
            .unwrap();
        let seen = key("AKIAEXAMPLE2", Slot::Primary);
        ledger
            .record(&holding("k", vec![seen.clone()]), at(10))
            .await
            .unwrap();
        assert_eq!(
            ledger.recall("id-of-k").await.unwrap().keys,
            [seen],
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_lock_has_one_holder_and_its_number_grows() {
    for Sample { name, ledger, .. } in all() {
        let first = ledger.try_lock("account", "one").await.unwrap().unwrap();
        assert_eq!(
            ledger.try_lock("account", "two").await.unwrap(),
            None,
            "{name}"
        );
        assert!(
            ledger.try_lock("other", "two").await.unwrap().is_some(),
            "{name}"
        );
        ledger.renew(&first.fence).await.unwrap();
        ledger.unlock(&first.fence).await.unwrap();

        let second = ledger.try_lock("account", "two").await.unwrap().unwrap();
        assert!(second.fence.number > first.fence.number, "{name}");
        // Whoever wakes up late neither holds on, nor acts, nor takes it away.
        let renewed = ledger.renew(&first.fence).await.unwrap_err();
        assert_eq!(renewed.kind, Kind::Stale, "{name}");
        let mut late = intent("late", "k", Effect::Mint);
        late.fence = Some(first.fence.clone());
        assert_eq!(
            ledger.begin(&late).await.unwrap_err().kind,
            Kind::Stale,
            "{name}"
        );
        assert_eq!(ledger.recall("id-of-k").await.unwrap().open, [], "{name}");
        ledger.unlock(&first.fence).await.unwrap();
        assert_eq!(
            ledger.try_lock("account", "three").await.unwrap(),
            None,
            "{name}"
        );
        let mut now = intent("now", "k", Effect::Mint);
        now.fence = Some(second.fence);
        ledger.begin(&now).await.unwrap();
    }
}

/// Time as databases see it passes by itself; in memory it is told to.
async fn taken_over(sample: &Sample, name: &str) -> apikey::ledger::Lease {
    for _ in 0..600 {
        if let Some(memory) = &sample.memory {
            memory.expire_locks();
        }
        if let Some(lease) = sample.ledger.try_lock(name, "heir").await.unwrap() {
            return lease;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{}: the lock of the dead was never free", sample.name);
}

#[tokio::test]
async fn the_lock_of_a_dead_holder_is_taken_over() {
    for sample in samples::all_with(Duration::from_secs(1)) {
        let dead = sample
            .ledger
            .try_lock("account", "dead")
            .await
            .unwrap()
            .unwrap();
        let heir = taken_over(&sample, "account").await;
        assert!(heir.fence.number > dead.fence.number, "{}", sample.name);
        let late = sample.ledger.renew(&dead.fence).await.unwrap_err();
        assert_eq!(late.kind, Kind::Stale, "{}", sample.name);
    }
}

#[tokio::test]
async fn what_an_unfinished_create_left_is_found_by_its_name() {
    for Sample { name, ledger, .. } in all() {
        let lease = ledger.try_lock("account", "one").await.unwrap().unwrap();
        let mut left = Vec::new();
        for (id, effect) in [("a", Effect::Apply), ("m", Effect::Mint)] {
            let mut intent = intent(id, "k", effect);
            intent.fence = Some(lease.fence.clone());
            ledger.begin(&intent).await.unwrap();
            left.push(intent);
        }
        let minted = Outcome::Done(Some(mark("AKIAEXAMPLE2")));
        ledger.finish("m", &minted, at(5)).await.unwrap();
        left.pop();

        let account = left[0].account.clone();
        let living = ledger.recall_never_confirmed(&account).await.unwrap();
        assert!(living.is_busy(), "{name}");

        ledger.unlock(&lease.fence).await.unwrap();
        let found = ledger.recall_never_confirmed(&account).await.unwrap();
        assert!(!found.is_busy(), "{name}");
        assert_eq!(found.open, left, "{name}");
        assert_eq!(found.keys.len(), 1, "{name}");
        assert_eq!(found.keys[0].key, mark("AKIAEXAMPLE2"), "{name}");
        let all = ledger.keys_in(&account).await.unwrap();
        assert_eq!(all, found.keys, "{name}");

        let elsewhere = ledger.recall_never_confirmed("another account").await;
        assert_eq!(elsewhere.unwrap(), Memory::default(), "{name}");
    }
}

#[tokio::test]
async fn a_key_without_an_id_ends_with_the_create_that_another_one_has_repeated() {
    for Sample { name, ledger, .. } in all() {
        let cases = [
            ("k", Outcome::REPEATED, Status::Revoked),
            ("l", "every effect of it was looked at", Status::Live),
        ];
        for (of, how, status) in cases {
            let create = Intent {
                id: format!("apply-of-{of}"),
                private_data: Some(r#"{"former":[]}"#.into()),
                ..intent("", of, Effect::Apply)
            };
            let mint = intent(&format!("mint-of-{of}"), of, Effect::Mint);
            for intent in [&create, &mint] {
                ledger.begin(intent).await.unwrap();
            }
            let nameless = KeyMark {
                key_id: None,
                mark: Some(format!("sha256:{of}")),
            };
            let minted = Outcome::Done(Some(nameless));
            ledger.finish(&mint.id, &minted, at(5)).await.unwrap();
            let id = create.resource.id.clone();
            let open = ledger.recall(&id).await.unwrap().open;
            assert_eq!(open, std::slice::from_ref(&create), "{name}");
            ledger.settle(&[(create.id, how)], at(9)).await.unwrap();
            let left = ledger.recall(&id).await.unwrap();
            assert_eq!(left.open, [], "{name}");
            let ended = (status == Status::Revoked).then_some(at(9));
            assert_eq!(left.keys[0].status, status, "{name}: {how}");
            assert_eq!(left.keys[0].revoked_at, ended, "{name}: {how}");
        }
    }
}

#[tokio::test]
async fn a_key_without_anything_to_tell_it_by_is_nobody_elses() {
    for Sample { name, ledger, .. } in all() {
        let mut nameless = key("", Slot::Primary);
        nameless.key = KeyMark::default();
        assert!(!nameless.key.is(&KeyMark::default()), "{name}");
        ledger
            .begin(&intent("i", "k", Effect::Apply))
            .await
            .unwrap();
        let open = ledger.recall("id-of-k").await.unwrap().open;
        assert_eq!(open[0].key, None, "{name}");
    }
}

#[tokio::test]
async fn what_ended_long_ago_leaves_the_journal_and_stays_in_the_audit_trail() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("ledger.db");
    let ledger = samples::sqlite(&file, Duration::from_secs(60));
    let month = 31 * 86_400;
    for (id, ended) in [("old", 10), ("new", month), ("last", month + 20)] {
        for effect in [Effect::Revoke, Effect::Apply] {
            let id = format!("{id}-{effect:?}");
            ledger.begin(&intent(&id, "k", effect)).await.unwrap();
            let failed = Outcome::Failed("it said no".into());
            ledger.finish(&id, &failed, at(ended)).await.unwrap();
        }
    }
    let left = "SELECT intent, outcome, error FROM intents ORDER BY id";
    let expected = ["new-Revoke", "new-Apply", "last-Revoke", "last-Apply"];
    assert_eq!(
        sql::run(Place::File(&file), left).await.unwrap(),
        expected.map(|intent| format!("{intent}|failed|it said no"))
    );
    let told = "SELECT COUNT(*) FROM events WHERE intent = 'old-Revoke'";
    assert_eq!(sql::run(Place::File(&file), told).await.unwrap(), ["2"]);
    assert_eq!(ledger.verify(None).await.unwrap().broken, None);
}

#[tokio::test]
async fn an_apply_is_not_said_to_be_done_once_its_lock_was_taken_over() {
    for Sample { name, ledger, .. } in all() {
        let lease = ledger.try_lock("account", "one").await.unwrap().unwrap();
        let mut apply = intent("a", "k", Effect::Apply);
        apply.fence = Some(lease.fence.clone());
        ledger.begin(&apply).await.unwrap();
        ledger.unlock(&lease.fence).await.unwrap();
        ledger.try_lock("account", "two").await.unwrap().unwrap();
        let done = ledger.finish("a", &Outcome::Done(None), at(5)).await;
        assert_eq!(done.unwrap_err().kind, Kind::Stale, "{name}");
        let open = ledger.recall("id-of-k").await.unwrap().open;
        assert_eq!(open, [apply], "{name}");
        // Whoever has the lock now may say what became of it.
        let settled = [("a".to_owned(), "it was looked at")];
        ledger.settle(&settled, at(6)).await.unwrap();
        let open = ledger.recall("id-of-k").await.unwrap().open;
        assert_eq!(open, [], "{name}");
    }
}

#[tokio::test]
async fn whoever_leaves_keys_alive_is_written_down() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("ledger.db");
    let ledger = samples::sqlite(&file, Duration::from_secs(60));
    let live = holding("k", vec![key("AKIAEXAMPLE2", Slot::Primary)]);
    ledger.record(&live, at(9)).await.unwrap();
    let mut left = holding("k", vec![key("AKIAEXAMPLE2", Slot::None)]);
    left.keys[0].status = Status::Orphaned;
    left.left_by = Some("a host, process 7".into());
    ledger.record(&left, at(20)).await.unwrap();
    let said = "SELECT left_by, left_at FROM resources";
    let expected = format!("a host, process 7|{}", at(20));
    assert_eq!(
        sql::run(Place::File(&file), said).await.unwrap(),
        [expected]
    );
    let told = "SELECT detail FROM events ORDER BY seq DESC LIMIT 1";
    let expected = "status live -> orphaned, slot primary -> none, left by a host, process 7";
    assert_eq!(
        sql::run(Place::File(&file), told).await.unwrap(),
        [expected]
    );
}
