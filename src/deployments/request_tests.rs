use std::collections::BTreeMap;

use tf_provider::value::ValueAny;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::Clock;
use crate::error::Path;

fn text(value: &str) -> ValueAny {
    ValueAny::String(value.into())
}

fn map<const N: usize>(entries: [(&str, ValueAny); N]) -> BTreeMap<String, ValueAny> {
    entries.map(|(name, value)| (name.to_owned(), value)).into()
}

fn object<const N: usize>(entries: [(&str, ValueAny); N]) -> ValueAny {
    ValueAny::Map(map(entries))
}

fn read<const N: usize>(entries: [(&str, ValueAny); N]) -> Result<super::super::Wanted> {
    let context = Context::new(Clock::system(), CancellationToken::new(), BTreeMap::new());
    let fields = map(entries);
    super::super::connect(&Settings::new(Path::root("web"), &fields), &context)
}

fn request(url: &str) -> (&'static str, ValueAny) {
    ("request", object([("url", text(url))]))
}

fn poll(url: &str) -> (&'static str, ValueAny) {
    let until = object([("/status", text("done"))]);
    ("poll", object([("url", text(url)), ("until", until)]))
}

fn refused<const N: usize>(entries: [(&str, ValueAny); N]) -> (String, String) {
    let error = read(entries).map(drop).unwrap_err();
    (error.path.to_string(), error.to_string())
}

#[test]
fn what_cannot_work_or_would_give_something_away_is_refused() {
    let url = "https://ci.example.com/run";
    let header = |value: &str| ("headers", object([("Authorization", text(value))]));
    let with = |more: (&str, ValueAny)| ("request", object([("url", text(url)), more]));
    let cases = [
        (refused([]), "web", "Set request, aws_ecs or kubernetes"),
        (
            refused([request(url), ("aws_ecs", object([("service", text("s"))]))]),
            "web",
            "sets both request and aws_ecs",
        ),
        (
            refused([("aws_ecs", object([("service", text("s"))])), poll(url)]),
            "web",
            "Remove poll",
        ),
        // The secret is no placeholder, wherever one may stand.
        (
            refused([request("https://h/{{secret}}")]),
            "web.request.url",
            "{{secret}} is not a placeholder",
        ),
        (
            refused([with(header("Bearer {{secret}}"))]),
            "web.request.headers[\"Authorization\"]",
            "{{secret}} is not a placeholder",
        ),
        (
            refused([with(("body", text("{{secret}}")))]),
            "web.request.body",
            "{{secret}} is not a placeholder",
        ),
        (
            refused([request(url), poll("https://h/{{secret}}")]),
            "web.poll.url",
            "{{secret}} is not a placeholder",
        ),
        (
            refused([request("http://ci.example.com/")]),
            "web.request.url",
            "travel unencrypted",
        ),
        (
            refused([request("https://u:p@h/")]),
            "web.request.url",
            "user name or password",
        ),
        (
            refused([request(url), poll("https://h/{{id}}")]),
            "web.poll.url",
            "Set id in request",
        ),
        (
            refused([with(("id", text("id")))]),
            "web.request.id",
            "no JSON pointer",
        ),
        (
            refused([
                request(url),
                ("poll", object([("url", text(url)), ("until", object([]))])),
            ]),
            "web.poll.until",
            "Nothing would ever be done",
        ),
        (
            refused([request(url), ("timeout", text("0s"))]),
            "web.timeout",
            "Write at least",
        ),
    ]
    .map(|((path, message), expected_path, phrase)| {
        (path, message, expected_path.to_owned(), phrase.to_owned())
    });
    for (path, message, expected_path, phrase) in cases {
        assert_eq!(path, expected_path, "{message}");
        assert!(message.contains(&phrase), "{message}");
    }
}

#[test]
fn an_entry_has_sound_defaults() {
    let url = "https://ci.example.com/{{generation}}?key={{name}}&since={{requested_at}}";
    let wanted = read([request(url), poll("https://ci.example.com/runs")]).unwrap();
    assert!(wanted.required);
    assert_eq!(wanted.timeout.as_secs(), 600);
    // Neither path nor query is shown: people put credentials there.
    assert_eq!(wanted.target.place(), "request to ci.example.com");
}

#[test]
fn an_answer_is_judged_by_what_the_configuration_names() {
    let pairs = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(pointer, value)| ((*pointer).to_owned(), (*value).to_owned()))
            .collect()
    };
    let poll = Poll {
        url: Template::parse("https://h/", OF_A_POLL).unwrap(),
        until: pairs(&[("/runs/0/status", "completed"), ("/runs/0/ok", "true")]),
        fails_if: pairs(&[("/runs/0/status", "completed")]),
    };
    let judge = |runs: serde_json::Value| poll.judge(&serde_json::json!({ "runs": runs }));
    let running = |what: &str| Progress::Running(what.to_owned());
    assert_eq!(
        judge(serde_json::json!([])),
        running("/runs/0/ok is not \"true\" yet")
    );
    let half = serde_json::json!([{ "status": "queued-canary", "ok": true }]);
    assert_eq!(
        judge(half),
        running("/runs/0/status is not \"completed\" yet")
    );
    let done = serde_json::json!([{ "status": "completed", "ok": true }]);
    assert_eq!(judge(done), Progress::Done);
    // Completed, and not as it should be.
    let failed = serde_json::json!([{ "status": "completed", "ok": false }]);
    let why = "/runs/0/status is \"completed\"";
    assert_eq!(judge(failed), Progress::Failed(why.into()));
}

#[test]
fn values_are_escaped_in_an_address() {
    let occasion = Occasion {
        name: "a b&c".into(),
        generation: 7,
        fingerprint: "sha256:0123".into(),
        requested_at: crate::instant::Instant::from_unix(0),
        id: Some("x/y".into()),
    };
    let template =
        Template::parse("https://h/{{id}}?k={{name}}&g={{generation}}", OF_A_POLL).unwrap();
    let url = filled_url(&template, &Values::of(&occasion)).unwrap();
    assert_eq!(url.as_str(), "https://h/x%2Fy?k=a%20b%26c&g=7");
}

#[test]
fn a_value_that_would_lead_to_another_address_is_refused() {
    let template = Template::parse("https://h/poll/{{id}}?k={{name}}", OF_A_POLL).unwrap();
    let address = |id: &str| {
        let occasion = Occasion {
            name: String::new(),
            generation: 7,
            fingerprint: String::new(),
            requested_at: crate::instant::Instant::from_unix(0),
            id: Some(id.into()),
        };
        filled_url(&template, &Values::of(&occasion))
    };
    assert_eq!(address("7").unwrap().as_str(), "https://h/poll/7?k=");
    for id in ["", ".", ".."] {
        let refused = address(id).unwrap_err().to_string();
        assert!(refused.contains("{{id}} does not fit"), "{refused}");
    }
}
