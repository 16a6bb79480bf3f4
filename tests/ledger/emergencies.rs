//! Emergencies, as they are told of before their apply has ended.

use std::time::Duration;

use apikey::domain::emergency::{Incident, Order};
use apikey::domain::notices::Audience;
use apikey::ledger::inventory::Query;
use apikey::ledger::{Inventory, Journal, Noted, Slot};

use super::samples::{at, holding, key, mark, postgres, resource, sqlite};
use crate::support::postgres::Postgres;

#[tokio::test]
async fn a_resource_is_compromised_from_the_moment_at_which_its_emergency_was_opened() {
    let home = tempfile::tempdir().unwrap();
    let minute = Duration::from_secs(60);
    for ledger in [
        sqlite(&home.path().join("ledger.db"), minute),
        postgres(&Postgres::schema(), minute),
    ] {
        let held = holding("payments", vec![key("AKIAEXAMPLE1", Slot::Primary)]);
        ledger.record(&held, at(10)).await.unwrap();
        let opened = Noted {
            resource: resource("payments"),
            issuer: held.issuer.clone(),
            account: held.account.clone(),
            incident: Incident {
                id: "INC-1".into(),
                reason: "made up".into(),
                order: Order::ReplaceFirst,
                keys: vec![mark("AKIAEXAMPLE1")],
                contained_at: None,
                called_off_at: None,
            },
            audience: Audience::default(),
            at: at(20),
        };
        ledger.note_incident(&opened).await.unwrap();
        let health = ledger.health(&Query::all(at(21), 1)).await.unwrap();
        assert_eq!(health.keys[0].seen_status.as_deref(), Some("compromised"));
        // To call it off is an event as well, and to declare it again another one.
        let remembered = async || {
            let memory = ledger.recall(&opened.resource.id).await.unwrap();
            memory.incidents[0].called_off_at
        };
        let mut called_off = opened.clone();
        called_off.incident.called_off_at = Some(at(30));
        ledger.note_incident(&called_off).await.unwrap();
        ledger.note_incident(&called_off).await.unwrap();
        assert_eq!(remembered().await, Some(at(30)));
        ledger.note_incident(&opened).await.unwrap();
        assert_eq!(remembered().await, None);
    }
}

/// Somebody deleted it: what is left is a resource without a key, and no resource that is no more.
#[tokio::test]
async fn a_resource_whose_primary_is_dead_is_told_of_until_it_is_destroyed_or_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let minute = Duration::from_secs(60);
    for ledger in [
        sqlite(&home.path().join("ledger.db"), minute),
        postgres(&Postgres::schema(), minute),
    ] {
        let mut old = key("AKIAEXAMPLE1", Slot::Primary);
        old.promoted_at = Some(at(1));
        let mut held = holding("payments", vec![old.clone()]);
        ledger.record(&held, at(10)).await.unwrap();
        let mut new = key("AKIAEXAMPLE2", Slot::Primary);
        new.promoted_at = Some(at(20));
        old.end(at(20));
        held.keys = vec![new.clone(), old];
        ledger.record(&held, at(20)).await.unwrap();
        new.end(at(30));
        held.keys = vec![new];
        held.status = "blocked".into();
        ledger.record(&held, at(30)).await.unwrap();

        let health = ledger.health(&Query::all(at(31), 1)).await.unwrap();
        let there = &health.keys[0];
        assert_eq!(there.seen_status.as_deref(), Some("blocked"));
        assert!(there.primary.key.is(&mark("AKIAEXAMPLE2")));
        ledger
            .forget(&resource("payments").id, "somebody", at(40))
            .await
            .unwrap();
        assert!(
            ledger
                .health(&Query::all(at(41), 1))
                .await
                .unwrap()
                .keys
                .is_empty()
        );
    }
}
