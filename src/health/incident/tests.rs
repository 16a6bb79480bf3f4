use super::*;
use crate::domain::emergency::{Order, Witnessed};
use crate::domain::keys::ResourceRef;
use crate::domain::usage::Use;
use crate::health::postmortem::{self, Written};
use crate::instant::Instant;

const ID: &str = "INC-42";

fn at(second: i64) -> Instant {
    Instant::from_unix(1_772_330_400 + second)
}

fn mark(id: &str) -> KeyMark {
    KeyMark::new(Some(id.into()), None)
}

/// An event of a resource, so many seconds after the first.
fn event(seq: i64, word: &str, effect: &str, key: &str, detail: &str) -> Told {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Told {
        seq,
        hash: format!("{seq:064x}"),
        at: Some(at(seq)),
        event: word.into(),
        effect: some(effect),
        action: some("replace"),
        resource: ResourceRef {
            id: "key_1".into(),
            name: "payments".into(),
            workspace: "prod".into(),
        },
        issuer: "aws_iam".into(),
        account: "aws_iam 123456789012 user ci".into(),
        key: some(key).map(|key| mark(&key)).unwrap_or_default(),
        place: (effect == "deliver").then(|| "app: file /srv/k.json".into()),
        intent: Some(format!("intent {seq}")),
        detail: some(detail),
    }
}

fn noted(seq: i64, word: &str, detail: String) -> Told {
    Told {
        action: Some("emergency".into()),
        intent: Some(ID.into()),
        ..event(seq, word, "", "OLD", &detail)
    }
}

fn opened(seq: i64) -> Told {
    noted(seq, "opened", incident_of(None))
}

fn contained(seq: i64) -> Told {
    noted(seq, "contained", incident_of(Some(at(seq))))
}

fn incident_of(contained_at: Option<Instant>) -> String {
    let incident = Incident {
        id: ID.into(),
        reason: "a laptop | was stolen".into(),
        order: Order::ReplaceFirst,
        keys: vec![mark("OLD")],
        contained_at,
        called_off_at: None,
    };
    serde_json::to_string(&incident).unwrap()
}

fn sighted(seq: i64, moment: Moment, leads: &str, known: Known, run: &str) -> Told {
    let standing = Standing {
        place: Some("file /srv/k.json".into()),
        state: "delivered".into(),
        leads: Some(leads.into()),
    };
    let key = mark("OLD");
    let sighting = Sighting {
        run: Some(run.into()),
        places: BTreeMap::from([("app".into(), standing)]),
        keys: vec![Witnessed { key, known }],
    };
    noted(
        seq,
        &moment.to_string(),
        serde_json::to_string(&sighting).unwrap(),
    )
}

/// The first apply fails, the second is killed, the third goes on and ends.
fn three_applies() -> Vec<Told> {
    let run = |number: u8| format!("https://ci.example.com/runs/{number}");
    let last = Use {
        service: Some("s3".into()),
        region: Some("eu-central-1".into()),
        ..Use::at(at(-30))
    };
    vec![
        event(1, "done", "apply", "", ""),
        opened(2),
        sighted(
            3,
            Moment::Handling,
            "OLD",
            Known::UsedAt(Use::at(at(-60))),
            &run(1),
        ),
        event(4, "failed", "mint", "", "IAM did not answer\nin time"),
        sighted(5, Moment::Handled, "OLD", Known::Lives, &run(1)),
        event(6, "failed", "apply", "", "payments: no key was minted"),
        sighted(
            7,
            Moment::Handling,
            "OLD",
            Known::UseUnknown("access denied".into()),
            &run(2),
        ),
        event(8, "begun", "mint", "", ""),
        Told {
            intent: Some("intent 8".into()),
            ..event(9, "done", "mint", "NEW", "")
        },
        event(10, "begun", "deliver", "", ""),
        sighted(11, Moment::Handling, "OLD", Known::UsedAt(last), &run(3)),
        event(12, "done", "verify", "NEW", ""),
        event(13, "done", "deliver", "", ""),
        event(14, "done", "revoke", "OLD", ""),
        contained(15),
        sighted(16, Moment::Handled, "NEW", Known::Refused, &run(3)),
        event(17, "changed", "", "NEW", "slot none -> primary"),
        event(18, "done", "apply", "", &run(3)),
        event(19, "done", "mint", "LATER", ""),
    ]
}

fn written(record: &Record) -> String {
    let surroundings = Written {
        now: at(3600),
        trail: "The audit trail is sound.",
    };
    postmortem::text(record, &surroundings)
}

#[test]
fn every_attempt_is_told_from_the_first_note_to_the_end_of_the_apply_that_contained_it() {
    let record = record(ID, &three_applies()).unwrap();
    assert_eq!(
        (record.opened_at, record.contained_at),
        (Some(at(2)), Some(at(15)))
    );
    assert_eq!(record.failures, 2);
    assert!(record.seal.starts_with("18:"), "{}", record.seal);
    let case = &record.cases[0];
    let runs = [1, 2, 3].map(|number| format!("https://ci.example.com/runs/{number}"));
    assert_eq!(case.runs, runs);
    assert_eq!(case.minted, ["NEW"]);
    let key = &case.keys[0];
    assert_eq!(
        (key.last_used_at, key.revoked_at),
        (Some(at(-30)), Some(at(14)))
    );
    assert_eq!(key.last_used_service.as_deref(), Some("s3"));
    assert_eq!(key.last_used_region.as_deref(), Some("eu-central-1"));
    assert!(key.is_proved);
    let delivery = &case.deliveries[0];
    assert_eq!(delivery.before, "delivered, leads with OLD");
    assert_eq!(delivery.after, "delivered, leads with NEW");
}

#[test]
fn the_document_is_written_down() {
    let record = record(ID, &three_applies()).unwrap();
    let text = written(&record);
    assert_eq!(text, written(&record));
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/health/incident/example.md"
    );
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(file).unwrap_or_default());
}

#[test]
fn what_is_not_over_is_told_to_be_open() {
    let events = &three_applies()[..6];
    let record = record(ID, events).unwrap();
    assert_eq!(record.contained_at, None);
    assert!(record.seal.starts_with("6:"));
    let text = written(&record);
    assert!(
        text.contains("**NOT contained**") && text.contains("none: it was not revoked"),
        "{text}"
    );
}

#[test]
fn what_only_a_refresh_wrote_down_has_no_steps_and_says_so() {
    let late = noted(2, "contained", incident_of(Some(at(-9))));
    let events = [opened(1), late, event(3, "done", "apply", "", "")];
    let record = record(ID, &events).unwrap();
    assert_eq!(
        record.contained_at,
        Some(at(-9)),
        "when it was, not when it was heard of"
    );
    assert!(!record.cases[0].is_witnessed);
    assert!(record.seal.starts_with("2:"), "a later apply is none of it");
    let text = written(&record);
    assert!(
        text.contains("no apply wrote any down") && text.contains("heard of it later"),
        "{text}"
    );
    assert!(
        text.contains("nobody asked before it was revoked"),
        "{text}"
    );
}

#[test]
fn another_emergency_is_another_record() {
    assert_eq!(record("INC-1", &three_applies()), None);
    assert_eq!(record(ID, &[]), None);
}

#[test]
fn what_was_called_off_is_told_to_be_that_and_not_to_be_open() {
    let called_off = |seq: i64| {
        let incident = Incident {
            called_off_at: Some(at(seq)),
            ..serde_json::from_str(&incident_of(None)).unwrap()
        };
        noted(seq, "called_off", serde_json::to_string(&incident).unwrap())
    };
    let events = [
        opened(1),
        called_off(2),
        event(3, "done", "mint", "LATER", ""),
    ];
    let told = record(ID, &events).unwrap();
    assert_eq!((told.contained_at, told.called_off_at), (None, Some(at(2))));
    assert!(!told.is_open());
    assert!(told.seal.starts_with("2:"), "a later apply is none of it");
    let text = written(&told);
    for phrase in ["called off at", "since the emergency was called off"] {
        assert!(text.contains(phrase), "{text}");
    }
    for phrase in [
        "NOT contained",
        "no apply wrote any down",
        "before it was revoked",
    ] {
        assert!(!text.contains(phrase), "{text}");
    }

    // Who declares it again means it.
    let again = record(ID, &[opened(1), called_off(2), opened(3)]).unwrap();
    assert!(again.is_open());
    assert_eq!(again.called_off_at, None);
    let done = record(ID, &[opened(1), called_off(2), opened(3), contained(4)]).unwrap();
    assert_eq!((done.contained_at, done.called_off_at), (Some(at(4)), None));
}
