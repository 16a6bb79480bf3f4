//! Decoders of other people's text: files, stored documents, and what a person writes into a configuration.

use std::collections::BTreeMap;

use hunt::Target;
use tf_provider::value::ValueAny;

use crate::duration::Duration;
use crate::error::Path;
use crate::http::{Escape, Template};
use crate::instant::Instant;
use crate::issuers::generated::verify_checksum;
use crate::settings::Settings;
use crate::stores::document::Layout;
use crate::stores::file::dotenv;

pub(super) fn targets() -> Vec<Target> {
    vec![
        text(
            "a duration",
            &["90d", "1h30m", "20s", "0s", "36h15m1s"],
            |text| {
                if let Ok(duration) = Duration::parse(text) {
                    assert_eq!(Duration::parse(&duration.to_string()), Ok(duration));
                }
            },
        )
        .with_words(&[
            "d",
            "h",
            "m",
            "s",
            "w",
            "18446744073709551615",
            "٣",
            "-",
            "1",
        ]),
        text(
            "an instant",
            &["2026-01-01T00:00:00Z", "9999-12-31T23:59:59.9+23:59"],
            |text| {
                if let Some(instant) = Instant::parse(text) {
                    assert_eq!(Instant::parse(&instant.to_string()), Some(instant));
                    let _ = (instant + Duration::from_secs(u64::MAX)) - Duration::from_secs(1);
                }
            },
        )
        .with_words(&["-0001", "T", "Z", "+24:00", "60", "1969", "+00:00"]),
        text("a delivered document", DOCUMENTS, |text| {
            if let Some(document) = Layout::parse(text) {
                // Each layout reads what it wrote; slots are not read without their generation.
                assert!(Layout::parse(&Layout::Flat.render(&document)).is_some());
                let whole = document.generation.is_some();
                assert!(!whole || Layout::parse(&Layout::Slots.render(&document)).is_some());
            }
        })
        .with_words(&["null", "\"secret\":", "1e999", "\\ud800", "-1", "{", "[["]),
        variables(),
        text(
            "a request of verification",
            &["id={key_id}&s={secret}", "{{x}}", "Bearer {secret}"],
            |text| {
                if let Ok(template) = Template::parse(text, &["key_id", "secret"]) {
                    let values = [("key_id", "id"), ("secret", "made-up")];
                    let _ = template.outside_json_strings();
                    for escape in [
                        Escape::None,
                        Escape::for_content_type("application/json"),
                        Escape::for_content_type(text),
                    ] {
                        let _ = template.fill(&values, escape);
                    }
                }
            },
        )
        .with_words(&["{secret}", "{key_id}", "{", "}", "{{", "}}", "é"]),
        text(
            "a key with a checksum",
            &["made_0123456789abcdefABCDEF"],
            |text| {
                let _ = verify_checksum(text);
            },
        )
        .with_words(&["_", "é"]),
    ]
}

const DOCUMENTS: &[&str] = &[
    r#"{"primary":{"key_id":"k","secret":"made-up"},"secondary":null,"generation":1,"rotated_at":"2026-01-01T00:00:00Z"}"#,
    r#"{"primary":{"key_id":null,"secret":"a"},"secondary":{"key_id":"i","secret":"b"},"generation":2,"rotated_at":null}"#,
    r#"{"primary":"made-up","secondary":"other"}"#,
];

fn text(name: &str, seeds: &[&str], mut read: impl FnMut(&str) + 'static) -> Target {
    let seeds = seeds.iter().map(|seed| seed.as_bytes().to_vec());
    Target::new(name, seeds.collect(), move |bytes| {
        read(&String::from_utf8_lossy(bytes));
    })
}

/// A file that others write to as well: what is not ours is kept, byte for byte, and what we write is read back.
fn variables() -> Target {
    let seeds = [
        "API_KEY_PRIMARY=made-up\nAPI_KEY_SECONDARY=\n",
        "# a comment\nexport OTHER='x y'\r\nAPI_KEY_PRIMARY=\"a\\\"b\"\nAPI_KEY_PRIMARY_ID=i\nAPI_KEY_SECONDARY='c'\nLAST=\"no end",
        "API_KEY_PRIMARY=a\nAPI_KEY_PRIMARY=b\n\n\n",
    ];
    let fields = BTreeMap::from([("prefix".to_owned(), ValueAny::String("API_KEY".into()))]);
    let names = dotenv::Names::from_settings(&Settings::new(Path::root("file"), &fields));
    let document = Layout::parse(DOCUMENTS[1]).map(|document| dotenv::Lines::of(&document));
    let read = move |bytes: &[u8]| {
        let (Ok(names), Some(Ok(lines))) = (&names, &document) else {
            panic!("the samples are not right");
        };
        let before = dotenv::read(bytes, names);
        let after = dotenv::set(bytes, names, lines);
        // Written twice, it stays as it is.
        assert!(dotenv::set(&after, names, lines) == after);
        let cleared = dotenv::set(&after, names, &dotenv::Lines::none());
        let _ = (dotenv::read(&cleared, names), before);
    };
    let seeds = seeds.iter().map(|seed| seed.as_bytes().to_vec());
    Target::new("a file of variables", seeds.collect(), read).with_words(&[
        "API_KEY_PRIMARY",
        "API_KEY_SECONDARY",
        "_ID",
        "=",
        "export ",
        "\r\n",
        "\\\n",
        "$(",
        "'",
        "\"",
        "\u{feff}",
    ])
}
