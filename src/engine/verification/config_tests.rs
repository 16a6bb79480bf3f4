use std::collections::BTreeMap;

use tf_provider::value::ValueAny;

use super::*;
use crate::error::Path;

fn text(value: &str) -> ValueAny {
    ValueAny::String(value.into())
}

fn map<const N: usize>(entries: [(&str, ValueAny); N]) -> BTreeMap<String, ValueAny> {
    entries.map(|(name, value)| (name.to_owned(), value)).into()
}

fn read<const N: usize>(entries: [(&str, ValueAny); N]) -> Result<Verification> {
    let http = Arc::new(Http::new(tokio_util::sync::CancellationToken::new()));
    Verification::from_settings(
        &Settings::new(Path::root("verification"), &map(entries)),
        http,
    )
}

fn refused<const N: usize>(entries: [(&str, ValueAny); N]) -> (String, String) {
    let error = read(entries).unwrap_err();
    (
        error.path.to_string(),
        format!("{}: {}", error.summary, error.detail),
    )
}

fn bearer() -> ValueAny {
    ValueAny::Map(map([("Authorization", text("Bearer {{secret}}"))]))
}

#[test]
fn a_request_goes_unencrypted_to_this_machine_only() {
    for url in [
        "http://127.0.0.1:1/",
        "http://localhost/",
        "http://[::1]:80/x",
        "https://example.com/",
    ] {
        assert!(
            read([("url", text(url)), ("headers", bearer())]).is_ok(),
            "{url}"
        );
    }
    for url in [
        "http://example.com/",
        "http://10.0.0.1/",
        "http://localhost.example.com/",
        "http://127.0.0.1.nip.io/",
    ] {
        for header in ["Bearer {{secret}}", "{{key_id}}"] {
            let headers = ValueAny::Map(map([("Authorization", text(header))]));
            let (path, message) = refused([("url", text(url)), ("headers", headers)]);
            assert_eq!(path, "verification.url");
            assert!(message.contains("would travel unencrypted"), "{message}");
        }
    }
}

#[test]
fn a_request_without_the_key_proves_nothing() {
    let (path, message) = refused([("url", text("https://example.com/health"))]);
    assert_eq!(path, "verification");
    assert!(
        message.contains("would say nothing of the key"),
        "{message}"
    );
}

#[test]
fn what_cannot_work_is_refused_with_its_attribute() {
    let url = || ("url", text("https://example.com/"));
    let cases = [
        (refused([]), "verification.url", "url is missing"),
        (
            refused([("url", text("https://h/?k={{secret}}"))]),
            "verification.url",
            "end up in the logs",
        ),
        (
            refused([("url", text("https://h/{{key_id}}"))]),
            "verification.url",
            "end up in the logs",
        ),
        (
            refused([("url", text("https://u:p@h/"))]),
            "verification.url",
            "Send them in a header",
        ),
        (
            refused([("url", text("ftp://h/"))]),
            "verification.url",
            "neither https",
        ),
        (
            refused([("url", text("h/x"))]),
            "verification.url",
            "cannot be read",
        ),
        (
            refused([url(), ("method", text("BREW"))]),
            "verification.method",
            "is not known here. Write \"GET\"",
        ),
        (
            refused([url(), ("body", text("x"))]),
            "verification.method",
            "There is a body",
        ),
        (
            refused([url(), ("body", text("{{x}}")), ("method", text("POST"))]),
            "verification.body",
            "{{x}} is not a placeholder",
        ),
        (
            refused([url(), ("headers", ValueAny::Map(map([("a b", text("x"))])))]),
            "verification.headers[\"a b\"]",
            "Its name holds",
        ),
        (
            refused([
                url(),
                ("headers", ValueAny::Map(map([("a", text("x\ny"))]))),
            ]),
            "verification.headers[\"a\"]",
            "Its value holds",
        ),
        (
            refused([
                url(),
                ("headers", bearer()),
                (
                    "basic_auth",
                    ValueAny::Map(map([("username", text("u")), ("password", text("p"))])),
                ),
            ]),
            "verification.basic_auth",
            "two authorizations",
        ),
        (
            refused([
                url(),
                (
                    "expected_status",
                    ValueAny::List(vec![ValueAny::Number(99)]),
                ),
            ]),
            "verification.expected_status",
            "99 is not",
        ),
        (
            refused([url(), ("interval", text("0s"))]),
            "verification.interval",
            "It is zero",
        ),
        (
            refused([url(), ("timeout", text("soon"))]),
            "verification.timeout",
            "is not a duration",
        ),
        (
            refused([url(), ("consecutive", ValueAny::Number(0))]),
            "verification.consecutive",
            "not between 1 and 100",
        ),
        (
            refused([url(), ("timeout", text("4s"))]),
            "verification.timeout",
            "Make timeout longer than 4s",
        ),
    ];
    for ((path, message), expected_path, expected) in cases {
        assert_eq!(path, expected_path, "{message}");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn what_the_configuration_holds_is_not_printed() {
    let verification = read([
        ("url", text("https://h/?token=canary")),
        ("headers", bearer()),
    ])
    .unwrap();
    assert_eq!(format!("{verification:?}"), "Verification(GET https://h/)");
}

#[test]
fn the_need_of_an_id_is_known_before_a_key_is() {
    let pair = ValueAny::Map(map([
        ("username", text("{{key_id}}")),
        ("password", text("{{secret}}")),
    ]));
    assert!(
        read([("url", text("https://h/")), ("basic_auth", pair)])
            .unwrap()
            .needs_key_id()
    );
    assert!(
        !read([("url", text("https://h/")), ("headers", bearer())])
            .unwrap()
            .needs_key_id()
    );
}
