//! What is unusual in the calls of keys: it stays known, and the trail has it once.

use std::time::Duration;

use apikey::domain::anomalies::{Allow, Anomaly, Kind, Survey};
use apikey::instant::Instant;
use apikey::ledger::inventory::Query;
use apikey::ledger::leaks;
use apikey::ledger::sql::Database;
use apikey::ledger::{Inventory, Slot, Status};

use super::samples::{self, at, holding, key};
use super::sql::{self, Place};
use crate::support::postgres::Postgres;

const LEASE: Duration = Duration::from_secs(60);

fn survey(last: i64, services: &[&str]) -> Survey {
    let burst = samples::burst("AKIAEXAMPLE2", last);
    let iam = Anomaly {
        kind: Kind::NewService,
        name: Some("iam".into()),
        ..burst.clone()
    };
    let strange = samples::burst("AKIANOBODYS", last);
    let services: Vec<String> = services.iter().map(|name| (*name).to_owned()).collect();
    let found = [burst, iam, strange].into_iter();
    let is_allowed = |it: &Anomaly| it.name.as_ref().is_some_and(|it| services.contains(it));
    Survey {
        found: found.filter(|it| !is_allowed(it)).collect(),
        allow: Allow {
            services: services.clone(),
            ..Allow::default()
        },
        ..samples::unusual("")
    }
}

/// What is told at an instant by `status` and by the inventory.
async fn told(ledger: &Database, now: Instant) -> Vec<String> {
    let health = ledger.health(&Query::all(now, 1)).await.unwrap();
    let unusual = health.keys.iter().flat_map(|key| key.unusual());
    let unusual: Vec<String> = unusual.map(|(_, _, it)| it.kind.to_string()).collect();
    let listed = ledger.list(&Query::all(now, 10)).await.unwrap().keys;
    let listed = listed.iter().flat_map(|it| &it.anomalies);
    let listed: Vec<String> = listed.map(|it| it.kind.to_string()).collect();
    assert_eq!(unusual, listed);
    unusual
}

#[tokio::test]
async fn a_finding_outlives_a_refresh_and_ends_when_it_is_allowed_for_after_a_time_and_with_its_key()
 {
    let home = tempfile::tempdir().unwrap();
    let (file, schema) = (home.path().join("ledger.db"), Postgres::schema());
    let ledgers = [
        (samples::sqlite(&file, LEASE), Place::File(&file)),
        (samples::postgres(&schema, LEASE), Place::Schema(&schema)),
    ];
    for (ledger, place) in ledgers {
        // Of keys that nobody knows there is nothing to remember, nor is a ledger made for it.
        ledger
            .note_anomalies(&survey(20, &[]), at(20))
            .await
            .unwrap();
        assert!(ledger.is_there().await.is_err());

        let seen = holding("k", vec![key("AKIAEXAMPLE2", Slot::Primary)]);
        ledger.record(&seen, at(9)).await.unwrap();
        for last in [20, 20, 30] {
            ledger
                .note_anomalies(&survey(last, &[]), at(40))
                .await
                .unwrap();
        }
        ledger.record(&seen, at(7_200)).await.unwrap();
        assert_eq!(
            told(&ledger, at(7_200)).await,
            ["new_service", "denied_burst"]
        );

        ledger
            .note_anomalies(&survey(30, &["iam"]), at(7_300))
            .await
            .unwrap();
        assert_eq!(told(&ledger, at(7_300)).await, ["denied_burst"]);
        assert_eq!(told(&ledger, at(30 * 86_400 + 29)).await, ["denied_burst"]);
        assert!(told(&ledger, at(30 * 86_400 + 30)).await.is_empty());

        let events = "SELECT event, name, key_id, detail FROM events WHERE event IN ('noticed', 'allowed') ORDER BY seq";
        assert_eq!(
            sql::run(place, events).await.unwrap(),
            [
                "noticed|k|AKIAEXAMPLE2|was used from 2026-01-01T00:00:10Z to 2026-01-01T00:00:20Z for many calls that were denied",
                "noticed|k|AKIAEXAMPLE2|was used from 2026-01-01T00:00:10Z to 2026-01-01T00:00:20Z with service iam, \
                 which was not called before",
                "allowed|k|AKIAEXAMPLE2|was used from 2026-01-01T00:00:10Z to 2026-01-01T00:00:30Z with service iam, \
                 which was not called before",
            ]
        );
        let mut dead = key("AKIAEXAMPLE2", Slot::None);
        dead.status = Status::Revoked;
        dead.revoked_at = Some(at(7_400));
        let seen = holding("k", vec![dead, key("AKIAEXAMPLE3", Slot::Primary)]);
        ledger.record(&seen, at(7_400)).await.unwrap();
        assert!(told(&ledger, at(7_400)).await.is_empty());
        let verdict = ledger.verify(None).await.unwrap();
        assert_eq!(verdict.broken, None);
    }
}

/// A revocation that failed, or a key that was left to itself: whoever holds it, it works.
#[tokio::test]
async fn a_finding_about_a_live_key_in_no_slot_is_told_until_a_resource_takes_it_over() {
    let home = tempfile::tempdir().unwrap();
    let file = samples::sqlite(&home.path().join("ledger.db"), LEASE);
    for ledger in [file, samples::postgres(&Postgres::schema(), LEASE)] {
        let keys = vec![
            key("AKIAEXAMPLE2", Slot::None),
            key("AKIAEXAMPLE3", Slot::Primary),
        ];
        ledger.record(&holding("k", keys), at(9)).await.unwrap();
        let survey = samples::unusual("AKIAEXAMPLE2");
        ledger.note_anomalies(&survey, at(20)).await.unwrap();
        let leak = survey_of_a_leak("ticket-7");
        ledger.note_leaks(&leak, at(20)).await.unwrap();
        let orphans = async |query: Query| {
            let health = ledger.health(&query).await.unwrap();
            let findings = health.anomalies_of_orphans.iter();
            let findings = findings.map(|it| format!("{} {it}", it.key_id));
            (findings.collect::<Vec<_>>(), health.leaks_of_orphans)
        };
        let everything = || Query::all(at(40), 1);
        let (told, _) = orphans(everything()).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("AKIAEXAMPLE2 was used from"),
            "{told:?}"
        );
        let other = Query {
            name: Some("another".into()),
            ..everything()
        };
        assert_eq!(orphans(other).await, (Vec::new(), 0));

        // The resource that has it tells of it now, and nobody tells of it twice.
        let taken = holding("m", vec![key("AKIAEXAMPLE2", Slot::Primary)]);
        ledger.record(&taken, at(30)).await.unwrap();
        assert_eq!(orphans(everything()).await, (Vec::new(), 0));
        let health = ledger.health(&everything()).await.unwrap();
        let of_keys = health.keys.iter().flat_map(|key| key.unusual());
        assert_eq!(of_keys.count(), 1);
    }
}

fn survey_of_a_leak(alert: &str) -> leaks::Survey {
    leaks::Survey {
        source: "a".into(),
        open: vec![leaks::Leak {
            alert: alert.into(),
            mark: samples::mark("").mark.unwrap(),
            validity: None,
            found_at: None,
        }],
        over: Vec::new(),
    }
}

#[tokio::test]
async fn that_a_state_was_seen_is_written_down_to_the_hour() {
    let home = tempfile::tempdir().unwrap();
    let ledger = samples::sqlite(&home.path().join("ledger.db"), LEASE);
    let seen = holding("k", vec![key("AKIAEXAMPLE2", Slot::Primary)]);
    for (now, written) in [(9, 9), (3_608, 9), (3_609, 3_609), (8, 8)] {
        ledger.record(&seen, at(now)).await.unwrap();
        let health = ledger.health(&Query::all(at(now), 1)).await.unwrap();
        assert_eq!(health.keys[0].seen_at, Some(at(written)), "{now}");
    }
}
