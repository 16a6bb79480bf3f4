//! What is asked across accounts and resources, and what the audit trail attests of the answers.

use apikey::ledger::{Effect, KeyMark, KeyRecord, Ledger, Outcome, ResourceRef, Slot, Status};

use super::samples::{self, Sample, all, at, holding, intent, key, mark, resource};
use super::sql::{self, Place};
use crate::support::postgres::Postgres;

const LEASE: std::time::Duration = std::time::Duration::from_secs(60);

async fn mint(ledger: &dyn Ledger, name: &str, key_id: &str) {
    let id = format!("mint-{key_id}");
    ledger
        .begin(&intent(&id, name, Effect::Mint))
        .await
        .unwrap();
    let minted = Outcome::Done(Some(mark(key_id)));
    ledger.finish(&id, &minted, at(5)).await.unwrap();
}

fn names(found: &[(ResourceRef, KeyRecord)]) -> Vec<(&str, &str)> {
    let names = found.iter();
    names
        .map(|(whose, key)| (whose.name.as_str(), key.key.label()))
        .collect()
}

#[tokio::test]
async fn a_key_is_found_wherever_it_is_by_its_id_or_else_by_its_mark() {
    for Sample { name, ledger, .. } in all() {
        let nameless = |mark: &str| {
            let mut key = key("", Slot::Primary);
            key.key = KeyMark {
                key_id: None,
                mark: Some(mark.to_owned()),
            };
            key
        };
        let mut elsewhere = holding("b", vec![key("AKIAEXAMPLE3", Slot::Primary)]);
        elsewhere.account = "aws_iam 210987654321 user ci".into();
        for holding in [
            holding("a", vec![key("AKIAEXAMPLE2", Slot::Primary)]),
            elsewhere,
            holding("c", vec![nameless("sha256:c0ffee")]),
            holding("d", vec![nameless("sha256:decade")]),
        ] {
            ledger.record(&holding, at(9)).await.unwrap();
        }
        let asked = [
            KeyMark::new(Some("AKIAEXAMPLE3".into()), None),
            nameless("sha256:c0ffee").key,
            KeyMark::default(),
        ];
        let found = ledger.find_keys(&asked).await.unwrap();
        let expected = [("b", "AKIAEXAMPLE3"), ("c", "sha256:c0ffee")];
        assert_eq!(names(&found), expected, "{name}");
        assert_eq!(found[0].0, resource("b"), "{name}");

        // A document may not say the id of its key.
        let shared = [nameless("sha256:0a1b2c").key];
        let found = ledger.find_keys(&shared).await.unwrap();
        let expected = [("a", "AKIAEXAMPLE2"), ("b", "AKIAEXAMPLE3")];
        assert_eq!(names(&found), expected, "{name}");
        assert_eq!(ledger.find_keys(&[]).await.unwrap(), [], "{name}");
    }
}

#[tokio::test]
async fn whoever_delivers_to_a_place_is_named_while_it_has_a_live_key() {
    for Sample { name, ledger, .. } in all() {
        let places = |places: &[&str]| -> Vec<String> {
            places.iter().map(|place| (*place).to_owned()).collect()
        };
        let mut one = holding("one", vec![key("AKIAEXAMPLE2", Slot::Primary)]);
        one.places = places(&["file /a", "file /b"]);
        let mut two = holding("two", vec![key("AKIAEXAMPLE3", Slot::Primary)]);
        two.places = places(&["file /b", "file /c"]);
        for holding in [&one, &two] {
            ledger.record(holding, at(9)).await.unwrap();
        }
        let asked = places(&["file /a", "file /b", "file /d"]);
        let who = async || {
            let found = ledger.who_delivers_to(&asked).await.unwrap();
            let names = found.into_iter().map(|(place, whose)| (place, whose.name));
            let mut names: Vec<(String, String)> = names.collect();
            names.sort();
            names
        };
        let pair = |place: &str, whose: &str| (place.to_owned(), whose.to_owned());
        let both = [
            pair("file /a", "one"),
            pair("file /b", "one"),
            pair("file /b", "two"),
        ];
        assert_eq!(who().await, both, "{name}");

        one.places = places(&["file /c"]);
        ledger.record(&one, at(10)).await.unwrap();
        assert_eq!(who().await, [pair("file /b", "two")], "{name}");

        two.keys[0].status = Status::Revoked;
        two.keys[0].revoked_at = Some(at(11));
        ledger.record(&two, at(11)).await.unwrap();
        assert_eq!(who().await, [], "{name}");
    }
}

#[tokio::test]
async fn the_generation_is_what_was_recorded_last() {
    for Sample { name, ledger, .. } in all() {
        let generation = async || ledger.recall("id-of-k").await.unwrap().generation;
        mint(ledger.as_ref(), "k", "AKIAEXAMPLE2").await;
        assert_eq!(generation().await, None, "{name}");
        let mut seen = holding("k", vec![key("AKIAEXAMPLE2", Slot::Primary)]);
        for number in [1, 7] {
            seen.generation = number;
            ledger.record(&seen, at(9)).await.unwrap();
            assert_eq!(generation().await, Some(number), "{name}");
        }
    }
}

#[tokio::test]
async fn only_a_key_that_the_ledger_saw_minted_is_said_to_be() {
    for Sample { name, ledger, .. } in all() {
        mint(ledger.as_ref(), "k", "AKIAEXAMPLE2").await;
        let imported = key("AKIAEXAMPLE3", Slot::Retiring);
        let both = vec![key("AKIAEXAMPLE2", Slot::Primary), imported];
        ledger.record(&holding("k", both), at(9)).await.unwrap();
        let minted = |keys: Vec<KeyRecord>| -> Vec<bool> {
            keys.iter().map(|record| record.minted).collect()
        };
        let known = ledger.recall("id-of-k").await.unwrap().keys;
        let account = "aws_iam 123456789012 user ci";
        assert_eq!(minted(known), [true, false], "{name}");
        assert_eq!(
            minted(ledger.keys_in(account).await.unwrap()),
            [true, false],
            "{name}"
        );
        let found = ledger.find_keys(&[mark("AKIAEXAMPLE2")]).await.unwrap();
        assert!(found[0].1.minted, "{name}");
    }
}

#[tokio::test]
async fn an_open_intent_is_sealed_as_it_was_begun() {
    for Sample { name, ledger, .. } in all() {
        let begun = intent("m", "k", Effect::Mint);
        ledger.begin(&begun).await.unwrap();
        let memory = ledger.recall("id-of-k").await.unwrap();
        assert!(memory.sealed.contains("m"), "{name}");
        let memory = ledger.recall_never_confirmed(&begun.account).await.unwrap();
        assert!(memory.sealed.contains("m"), "{name}");
    }
}

/// A database with a way in for somebody who may write into its tables.
async fn written_into(text: &str) -> Vec<(&'static str, Box<dyn Ledger>)> {
    let home = tempfile::tempdir().unwrap().keep();
    let file = home.join("ledger.db");
    let schema = Postgres::schema();
    let ledgers: Vec<(&str, Box<dyn Ledger>, Place)> = vec![
        (
            "sqlite",
            Box::new(samples::sqlite(&file, LEASE)),
            Place::File(&file),
        ),
        (
            "postgres",
            Box::new(samples::postgres(&schema, LEASE)),
            Place::Schema(&schema),
        ),
    ];
    let mut written = Vec::new();
    for (name, ledger, place) in ledgers {
        mint(ledger.as_ref(), "k", "AKIAEXAMPLE2").await;
        let seen = holding("k", vec![key("AKIAEXAMPLE2", Slot::Primary)]);
        ledger.record(&seen, at(9)).await.unwrap();
        ledger.begin(&intent("m", "k", Effect::Mint)).await.unwrap();
        sql::run(place, text).await.unwrap();
        written.push((name, ledger));
    }
    written
}

#[tokio::test]
async fn a_row_that_was_put_in_is_not_attested() {
    let copy = "INSERT INTO keys (resource_id, issuer, account, key_id, slot, status, created_at, minted_by, updated_at) \
                SELECT resource_id, issuer, account, 'AKIAEXAMPLE9', slot, status, created_at, minted_by, updated_at \
                FROM keys";
    // An event with a seal of its own that nothing links to.
    let event = "INSERT INTO events SELECT 99, at, event, effect, action, resource_id, name, workspace, issuer, \
                 account, 'AKIAEXAMPLE9', mark, place, intent, detail, previous, hash FROM events WHERE seq = 2";
    for text in [copy.to_owned(), format!("{copy}; {event}")] {
        for (name, ledger) in written_into(&text).await {
            let keys = ledger.recall("id-of-k").await.unwrap().keys;
            let put_in = keys
                .iter()
                .find(|record| record.key.label() == "AKIAEXAMPLE9");
            assert!(!put_in.unwrap().minted, "{name}");
        }
    }
}

#[tokio::test]
async fn a_row_that_was_edited_says_what_the_trail_says() {
    let unconfirmed = "UPDATE keys SET confirmed_at = NULL";
    for (name, ledger) in written_into(unconfirmed).await {
        let keys = ledger.recall("id-of-k").await.unwrap().keys;
        assert_eq!(keys[0].confirmed_at, Some(at(9)), "{name}");
    }
    let moved = "INSERT INTO resources (resource_id, name, workspace, updated_at) \
                 SELECT 'id-of-other', name, workspace, updated_at FROM resources; \
                 UPDATE keys SET resource_id = 'id-of-other', confirmed_at = NULL";
    for (name, ledger) in written_into(moved).await {
        let keys = ledger.recall("id-of-other").await.unwrap().keys;
        assert!(!keys[0].minted, "{name}");
    }
    for edit in [
        "known_keys = '[]'",
        "begun_at = '2026-01-02T00:00:00Z'",
        "effect = 'revoke', key_id = 'AKIAEXAMPLE2'",
        "resource_id = 'id-of-k', name = 'other'",
        "intent = 'another'",
    ] {
        for (name, ledger) in
            written_into(&format!("UPDATE intents SET {edit} WHERE intent = 'm'")).await
        {
            let memory = ledger.recall("id-of-k").await.unwrap();
            assert_eq!(memory.open.len(), 1, "{name}: {edit}");
            assert!(memory.sealed.is_empty(), "{name}: {edit}");
        }
    }
}
