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
