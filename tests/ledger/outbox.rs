//! What people are to be told, and how long it is remembered.

use apikey::domain::notices::{Audience, Event, Occurrence, Route, Telling};
use apikey::duration::Duration;
use apikey::ledger::Outbox;
use apikey::ledger::outbox::{Claim, Ended};

use super::samples;

#[tokio::test]
async fn what_was_sent_long_ago_is_forgotten_and_nothing_is_told_twice_by_that() {
    let home = tempfile::tempdir().unwrap();
    let minute = std::time::Duration::from_secs(60);
    let ledger = samples::sqlite(&home.path().join("ledger.db"), minute);
    let telling = |generation: &str| Telling {
        audience: Audience {
            routes: vec![Route {
                to: "pager".into(),
                events: vec![Event::Notice],
                guide_url: None,
            }],
            ..Audience::default()
        },
        conditions: vec![Occurrence::new(Event::Notice, generation)],
    };
    let tell = async |generation: &str, days: u64| {
        let now = samples::at(0) + Duration::from_days(days);
        let resource = samples::resource("k");
        let telling = telling(generation);
        let noticed = ledger.notice(&resource, "generated", &telling, now);
        noticed.await.unwrap();
        let claim = Claim {
            by: format!("{generation} {days}"),
            channel: "pager".into(),
            most: 10,
            now,
            until: now + Duration::from_mins(1),
        };
        let messages = ledger.claim(&claim).await.unwrap();
        for message in &messages {
            ledger
                .conclude(&message.id, &Ended::Sent(now))
                .await
                .unwrap();
        }
        messages.len()
    };
    let kept = async || {
        let place = super::sql::Place::File(&home.path().join("ledger.db"));
        let rows = super::sql::run(place, "SELECT subject FROM notifications ORDER BY id");
        rows.await.unwrap()
    };
    assert_eq!(tell("1", 0).await, 1);
    assert_eq!(tell("2", 20).await, 1);
    assert_eq!(kept().await, ["1", "2"]);
    assert_eq!(tell("3", 40).await, 1);
    assert_eq!(kept().await, ["2", "3"]);
    assert_eq!(tell("3", 400).await, 0, "it is told once");
    assert_eq!(kept().await, ["2", "3"]);
}

/// What a destination does not take holds up what follows it.
#[tokio::test]
async fn an_emergency_is_handed_out_before_what_waits_for_longer() {
    let home = tempfile::tempdir().unwrap();
    let minute = std::time::Duration::from_secs(60);
    let ledger = samples::sqlite(&home.path().join("ledger.db"), minute);
    let now = samples::at(0);
    let events = [Event::Notice, Event::Emergency];
    for event in events {
        let telling = Telling {
            audience: Audience {
                routes: vec![Route {
                    to: "pager".into(),
                    events: events.to_vec(),
                    guide_url: None,
                }],
                ..Audience::default()
            },
            conditions: vec![Occurrence::new(event, "1")],
        };
        let resource = samples::resource("k");
        let noticed = ledger.notice(&resource, "generated", &telling, now);
        noticed.await.unwrap();
    }
    let claim = Claim {
        by: "whoever".into(),
        channel: "pager".into(),
        most: 10,
        now,
        until: now + Duration::from_mins(1),
    };
    let messages = ledger.claim(&claim).await.unwrap();
    let told: Vec<Event> = messages.iter().map(|it| it.told.event).collect();
    assert_eq!(told, [Event::Emergency, Event::Notice]);
}
