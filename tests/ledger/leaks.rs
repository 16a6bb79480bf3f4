//! Open alerts about keys, by whoever has heard of them.

use std::time::Duration;

use apikey::ledger::inventory::Query;
use apikey::ledger::leaks::{Leak, Survey};
use apikey::ledger::{Inventory, Slot};

use super::samples::{self, at, holding, key};
use crate::support::postgres::Postgres;

const LEASE: Duration = Duration::from_secs(60);

fn survey(source: &str, open: &[(&str, Option<&str>)]) -> Survey {
    let leak = |(alert, validity): &(&str, Option<&str>)| Leak {
        alert: (*alert).into(),
        mark: samples::mark("").mark.unwrap(),
        validity: validity.map(str::to_owned),
        found_at: None,
    };
    Survey {
        source: source.into(),
        open: open.iter().map(leak).collect(),
        over: Vec::new(),
    }
}

#[tokio::test]
async fn an_alert_that_two_sources_know_is_one_and_as_grave_as_the_graver_says() {
    let home = tempfile::tempdir().unwrap();
    let file = samples::sqlite(&home.path().join("ledger.db"), LEASE);
    for ledger in [file, samples::postgres(&Postgres::schema(), LEASE)] {
        let seen = holding("k", vec![key("AKIAEXAMPLE2", Slot::Primary)]);
        ledger.record(&seen, at(9)).await.unwrap();
        for survey in [
            survey(
                "a",
                &[
                    ("alert-1", None),
                    ("alert-2", Some("inactive")),
                    ("alert-3", None),
                ],
            ),
            survey(
                "b",
                &[("alert-1", Some("unknown")), ("alert-2", Some("active"))],
            ),
        ] {
            ledger.note_leaks(&survey, at(10)).await.unwrap();
        }
        let health = ledger.health(&Query::all(at(20), 1)).await.unwrap();
        let leaks = health.keys[0].leaks.iter();
        let told: Vec<_> = leaks
            .map(|it| (it.to_string(), it.validity.as_deref()))
            .collect();
        let expected = [
            ("alert-1", Some("unknown")),
            ("alert-2", Some("active")),
            ("alert-3", None),
        ];
        assert_eq!(
            told,
            expected.map(|(alert, validity)| (alert.to_owned(), validity))
        );
    }
}

#[tokio::test]
async fn a_key_whose_revocation_has_failed_hides_no_leak_of_the_one_that_is_staged_beside_it() {
    let home = tempfile::tempdir().unwrap();
    let ledger = samples::sqlite(&home.path().join("ledger.db"), LEASE);
    let other = |id: &str, mark: &str, slot| {
        let mut other = key(id, slot);
        other.key.mark = Some(mark.into());
        other
    };
    let primary = || other("AKIAEXAMPLE2", "sha256:222222", Slot::Primary);
    let retiring = other("AKIAEXAMPLE1", "sha256:111111", Slot::Retiring);
    let before = holding("k", vec![retiring, primary()]);
    ledger.record(&before, at(9)).await.unwrap();
    // The state has it among pending_revocations now, and in no slot.
    let staged = key("AKIAEXAMPLE3", Slot::Staged);
    let seen = holding("k", vec![primary(), staged]);
    ledger.record(&seen, at(10)).await.unwrap();
    let survey = survey("a", &[("alert-1", None)]);
    ledger.note_leaks(&survey, at(11)).await.unwrap();
    let health = ledger.health(&Query::all(at(20), 1)).await.unwrap();
    let slots = health.keys[0].slots();
    let slots: Vec<_> = slots.map(|(slot, _)| slot).collect();
    assert_eq!(slots, [Slot::Primary, Slot::Retiring, Slot::Staged]);
    assert_eq!(health.keys[0].leaks.len(), 1);
}
