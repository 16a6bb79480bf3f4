use super::metrics::{Family, Kind, Measured};
use super::{EffectCount, Health, History, LastRun, ManagedKey, OpenAlert, Outcome, Status, Trail};
use super::{openmetrics, prometheus};
use crate::domain::anomalies;
use crate::domain::expected::{self, Oddity};
use crate::domain::keys::{KeyMark, KeyRecord, ResourceRef, Slot, Status as Life};
use crate::duration::Duration;
use crate::instant::Instant;

fn at(days: u64) -> Instant {
    Instant::from_unix(1_767_225_600) + Duration::from_days(days)
}

fn record(slot: Slot, created_at: Instant) -> KeyRecord {
    KeyRecord {
        key: KeyMark::new(Some("KEY1".into()), None),
        slot,
        status: Life::Live,
        created_at,
        delivered_at: None,
        verified_at: None,
        promoted_at: None,
        retired_at: None,
        revoked_at: None,
        last_used_at: None,
        noticed: None,
        confirmed_at: None,
        minted_by: None,
        minted: false,
    }
}

fn key(name: &str, seen: &str, due: u64) -> ManagedKey {
    ManagedKey {
        resource: ResourceRef {
            id: format!("key_{name}"),
            name: name.into(),
            workspace: "default".into(),
        },
        issuer: "aws_iam".into(),
        account: "aws_iam 123456789012 user ci".into(),
        group: None,
        environment: Some("prod".into()),
        owner: None,
        policy: None,
        seen_status: Some(seen.into()),
        seen_reason: None,
        due_at: Some(at(due)),
        overdue_at: Some(at(due + 30)),
        revocation_due_at: None,
        primary: record(Slot::Primary, at(0)),
        others: Vec::new(),
        last_apply: None,
        seen_at: None,
        leaks: Vec::new(),
        anomalies: Vec::new(),
        unfinished: 0,
    }
}

fn families(health: &Health, history: &History, trail: Trail) -> Vec<Family> {
    let measured = Measured {
        health,
        history,
        trail: Some(trail),
    };
    measured.families().collect()
}

fn history() -> History {
    History {
        effects: vec![EffectCount {
            workspace: "default".into(),
            effect: "mint".into(),
            outcome: Outcome::Done,
            count: 7,
        }],
        runs: vec![LastRun {
            workspace: "default".into(),
            outcome: Outcome::Failed,
            at: at(99),
        }],
    }
}

fn health(keys: Vec<ManagedKey>) -> Health {
    let health = Health {
        now: at(100),
        keys,
        orphaned: 1,
        leaks_of_dead_keys: 0,
        leaks_of_orphans: 0,
        anomalies_of_orphans: Vec::new(),
        unfinished: 0,
        lost_creates: Vec::new(),
    };
    health.in_order()
}

const TRAIL: Trail = Trail {
    is_intact: true,
    events: 21,
};

#[test]
fn time_makes_of_a_status_what_no_run_has_seen() {
    let mut quiet = key("a", "ok", 90);
    assert_eq!(quiet.status(at(89)), Status::Ok);
    assert_eq!(quiet.status(at(90)), Status::Due);
    assert_eq!(quiet.status(at(119)), Status::Due);
    assert_eq!(quiet.status(at(120)), Status::Overdue);
    quiet.revocation_due_at = Some(at(10));
    assert_eq!(quiet.status(at(9)), Status::Ok);
    assert_eq!(quiet.status(at(10)), Status::Due);
}

#[test]
fn time_never_makes_it_milder() {
    assert_eq!(key("a", "overdue", 90).status(at(1)), Status::Overdue);
    assert_eq!(key("a", "blocked", 90).status(at(95)), Status::Blocked);
    assert_eq!(key("a", "pending", 90).status(at(95)), Status::Pending);
}

#[test]
fn a_status_that_is_not_known_is_not_taken_for_fine() {
    assert_eq!(
        key("a", "word of tomorrow", 90).status(at(1)),
        Status::Blocked
    );
    let never_seen = ManagedKey {
        seen_status: None,
        seen_reason: None,
        ..key("a", "ok", 90)
    };
    assert_eq!(never_seen.status(at(1)), Status::Pending);
}

#[test]
fn the_gravest_comes_first() {
    let keys = vec![
        key("fine", "ok", 200),
        key("late", "ok", 60),
        key("due", "ok", 95),
        key("due-before", "ok", 91),
        key("stuck", "blocked", 300),
    ];
    let health = health(keys);
    let names: Vec<&str> = health
        .keys
        .iter()
        .map(|key| key.resource.name.as_str())
        .collect();
    assert_eq!(names, ["late", "stuck", "due-before", "due", "fine"]);
    let counts: Vec<(Status, usize)> = health.by_status().into_iter().collect();
    assert_eq!(
        counts,
        [
            (Status::Ok, 1),
            (Status::Due, 2),
            (Status::Blocked, 1),
            (Status::Overdue, 1)
        ]
    );
}

#[test]
fn a_failed_apply_counts_until_one_succeeds() {
    let failed = ManagedKey {
        last_apply: Some((Outcome::Failed, at(7))),
        ..key("a", "ok", 90)
    };
    assert_eq!(failed.failing_since(), Some(at(7)));
    let mended = ManagedKey {
        last_apply: Some((Outcome::Done, at(8))),
        ..failed
    };
    assert_eq!(mended.failing_since(), None);
}

#[test]
fn a_label_is_escaped_and_stays_on_its_line() {
    let odd = ManagedKey {
        owner: Some("a\"b\\c\nd".into()),
        ..key("a", "ok", 90)
    };
    let text = prometheus::text(families(&health(vec![odd]), &history(), TRAIL));
    assert!(text.contains(r#"owner="a\"b\\c\nd""#), "{text}");
    assert!(
        text.lines()
            .all(|line| line.starts_with("apikey_") || line.starts_with("# "))
    );
}

#[test]
fn exactly_one_status_of_a_key_is_1() {
    let families = families(&health(vec![key("a", "ok", 60)]), &history(), TRAIL);
    let status = families
        .iter()
        .find(|family| family.name == "apikey_status");
    let samples = &status.unwrap().samples;
    let set: Vec<_> = samples.iter().filter(|sample| sample.value == 1).collect();
    assert_eq!(set.len(), 1);
    assert_eq!(
        set[0].labels().last().unwrap(),
        &("status", "overdue".to_owned())
    );
}

#[test]
fn names_say_their_unit_and_both_formats_end_as_they_must() {
    let families = families(&health(vec![key("a", "ok", 60)]), &history(), TRAIL);
    for family in &families {
        assert_eq!(
            family.unit.is_some(),
            family.name.ends_with("_seconds"),
            "{}",
            family.name
        );
        assert!(family.help.ends_with('.') && !family.help.contains('\n'));
        let suffixed = family.name.ends_with("_total") || family.name.ends_with("_info");
        assert!(!suffixed, "{}", family.name);
    }
    let counters = families
        .iter()
        .filter(|family| family.kind == Kind::Counter);
    assert_eq!(counters.count(), 1);
    let text = prometheus::text(&families);
    assert!(
        text.contains("# TYPE apikey_effects_total counter\n"),
        "{text}"
    );
    assert!(text.ends_with("\"} 1\n"), "{text}");
    let mut open = String::new();
    openmetrics::write(&mut open, &families).unwrap();
    assert!(
        open.contains("# TYPE apikey_effects counter\n# HELP"),
        "{open}"
    );
    assert!(open.contains("\napikey_effects_total{"), "{open}");
    assert!(open.ends_with("\n# EOF\n"), "{open}");
}

/// The value of the line that begins so, and has the other parts.
#[track_caller]
fn value(text: &str, parts: &[&str]) -> i64 {
    let mut lines = text.lines();
    let line = lines
        .find(|line| line.starts_with(parts[0]) && parts.iter().all(|part| line.contains(part)));
    let line = line.unwrap_or_else(|| panic!("{parts:?} is not in {text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn open(number: &str, validity: Option<&str>) -> OpenAlert {
    OpenAlert {
        alert: format!("https://github.com/acme/{number}"),
        validity: validity.map(str::to_owned),
    }
}

fn burst() -> anomalies::Finding {
    anomalies::Finding {
        kind: anomalies::Kind::DeniedBurst,
        name: None,
        key_id: "KEY9".into(),
        first_at: at(98),
        last_at: at(99),
        allowed_at: None,
    }
}

/// Whoever reads them refuses what is told twice.
#[test]
fn of_two_keys_in_one_slot_the_older_one_is_measured() {
    let mut key = key("a", "pending", 200);
    key.others = vec![record(Slot::Retiring, at(1)), record(Slot::Retiring, at(2))];
    let text = prometheus::text(families(&health(vec![key]), &history(), TRAIL));
    let created = |line: &&str| line.starts_with("apikey_key_created") && line.contains("retiring");
    assert_eq!(text.lines().filter(created).count(), 1);
    let parts = ["apikey_key_created_timestamp_seconds{", "slot=\"retiring\""];
    assert_eq!(value(&text, &parts), at(1).unix());
}

/// An issuer may be busy once.
#[test]
fn an_issuer_that_does_not_tell_is_measured_when_a_later_refresh_has_asked_again() {
    let asked = |seen_at| {
        let mut key = key("a", "notice", 200);
        key.primary.noticed = Some(vec![Oddity::untold(at(5))]);
        key.seen_at = seen_at;
        // Whoever looks is told at once.
        assert_eq!(key.oddities().len(), 1);
        let text = prometheus::text(families(&health(vec![key]), &history(), TRAIL));
        text.contains("kind=\"untold\"")
    };
    let minutes = |many| Some(at(5) + Duration::from_mins(many));
    assert!(!asked(None));
    assert!(!asked(Some(at(4))));
    assert!(!asked(minutes(1)));
    assert!(asked(minutes(60)));
}

/// An alert on a number that nobody ever counts would be none.
#[test]
fn every_metric_moves_with_what_it_tells_of() {
    let quiet = Health {
        orphaned: 0,
        ..health(Vec::new())
    };
    let used = KeyRecord {
        promoted_at: Some(at(7)),
        last_used_at: Some(at(50)),
        noticed: Some(vec![Oddity {
            kind: expected::Kind::Region,
            name: Some("eu-west-3".into()),
            at: at(50),
        }]),
        ..record(Slot::Primary, at(3))
    };
    let busy = ManagedKey {
        primary: used,
        revocation_due_at: Some(at(37)),
        last_apply: Some((Outcome::Failed, at(99))),
        leaks: vec![open("1", Some("active")), open("2", None), open("3", None)],
        unfinished: 2,
        ..key("busy", "ok", 90)
    };
    let busy = Health {
        now: at(101),
        unfinished: 2,
        leaks_of_orphans: 4,
        anomalies_of_orphans: vec![burst(), burst(), burst()],
        ..health(vec![busy])
    };
    let trail = |is_intact, events| Trail { is_intact, events };
    let nothing = History {
        effects: Vec::new(),
        runs: Vec::new(),
    };
    let before = families(&quiet, &nothing, trail(true, 0));
    let after = families(&busy, &history(), trail(false, 7));
    for (before, after) in before.iter().zip(&after) {
        let is_build = after.name == "apikey_build";
        assert!(
            is_build || before.samples != after.samples,
            "{}",
            after.name
        );
        assert!(!after.samples.is_empty(), "{}", after.name);
    }

    let text = prometheus::text(&after);
    for (parts, expected) in [
        (&["apikey_key_info{"][..], 1),
        (&["apikey_status{", "status=\"due\""], 1),
        (
            &["apikey_key_created_timestamp_seconds{", "slot=\"primary\""],
            at(3).unix(),
        ),
        (
            &[
                "apikey_key_last_used_timestamp_seconds{",
                "slot=\"primary\"",
            ],
            at(50).unix(),
        ),
        (&["apikey_rotation_last_timestamp_seconds{"], at(7).unix()),
        (&["apikey_rotation_due_timestamp_seconds{"], at(90).unix()),
        (
            &["apikey_rotation_overdue_after_timestamp_seconds{"],
            at(120).unix(),
        ),
        (&["apikey_revocation_due_timestamp_seconds{"], at(37).unix()),
        (&["apikey_apply_failed_timestamp_seconds{"], at(99).unix()),
        (&["apikey_usage_anomalies{", "kind=\"region\""], 1),
        (&["apikey_leaks_open{", "validity=\"active\""], 1),
        (&["apikey_leaks_open{", "validity=\"unknown\""], 2),
        (&["apikey_keys "], 1),
        (&["apikey_keys_without_owner "], 1),
        (&["apikey_keys_orphaned "], 1),
        (&["apikey_leaks_orphaned "], 4),
        (&["apikey_usage_anomalies_orphaned "], 3),
        (&["apikey_effects_unfinished "], 2),
        (
            &[
                "apikey_effects_total{",
                "effect=\"mint\"",
                "outcome=\"done\"",
            ],
            7,
        ),
        (
            &["apikey_last_apply_timestamp_seconds{", "outcome=\"failed\""],
            at(99).unix(),
        ),
        (&["apikey_audit_trail_intact "], 0),
        (&["apikey_audit_events "], 7),
        (&["apikey_exported_timestamp_seconds "], at(101).unix()),
    ] {
        assert_eq!(value(&text, parts), expected, "{parts:?}");
    }
}
