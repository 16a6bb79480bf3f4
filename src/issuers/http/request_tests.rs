use std::collections::BTreeMap;

use proptest::prelude::*;
use tf_provider::value::ValueAny;

use super::*;
use crate::error::Kind;
use crate::http::{Repeat, Values};

const NAMES: &[&str] = &["user", "key_id", "secret"];

fn text(text: &str) -> ValueAny {
    ValueAny::String(text.into())
}

fn read(fields: &[(&str, ValueAny)]) -> Result<Request> {
    let fields: BTreeMap<String, ValueAny> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    Request::read(&Settings::new(Path::root("here"), &fields), &CREATE, NAMES)
}

fn map(name: &str, value: &str) -> ValueAny {
    ValueAny::Map(BTreeMap::from([(name.to_owned(), text(value))]))
}

fn sent(request: &Request, values: &Values) -> (String, String) {
    let filled = request.fill(values).unwrap();
    let pairs = filled.pairs();
    let call = filled.call(&pairs, Repeat::Freely, &[]);
    (call.path.to_owned(), call.body.text().to_owned())
}

#[test]
fn a_value_is_escaped_for_its_place() {
    let request = read(&[
        ("path", text("/users/{{user}}/keys")),
        (
            "json",
            text(r#"{"note": "{{user}}", "number": {{key_id}}}"#),
        ),
    ])
    .unwrap();
    let (path, body) = sent(&request, &[("user", "a/b \"c\"?"), ("key_id", "17")]);
    assert_eq!(path, "/users/a%2Fb%20%22c%22%3F/keys");
    assert_eq!(body, r#"{"note": "a/b \"c\"?", "number": 17}"#);
    let request = read(&[("path", text("/x")), ("form", map("k&", "{{user}}"))]).unwrap();
    assert_eq!(sent(&request, &[("user", "a&b=c")]).1, "k%26=a%26b%3Dc");
}

#[test]
fn a_value_that_would_change_the_request_is_not_sent() {
    let request = read(&[
        ("path", text("/users/{{user}}")),
        ("headers", map("X-User", "{{user}}")),
        ("json", text(r#"[{{key_id}}]"#)),
    ])
    .unwrap();
    for (user, id) in [
        ("..", "1"),
        (".", "1"),
        ("", "1"),
        ("a\nb", "1"),
        ("a", "1, 2"),
        ("a", "007"),
        ("a", "\"x\""),
        ("a", ""),
    ] {
        let error = request.fill(&[("user", user), ("key_id", id)]).err();
        let error = error.unwrap_or_else(|| panic!("{user} {id}"));
        assert_eq!(error.kind, Kind::Invalid);
    }
    assert!(request.fill(&[("user", "a"), ("key_id", "-12")]).is_ok());
}

#[test]
fn a_secret_never_stands_in_an_address() {
    for fields in [
        vec![("path", text("/keys/{{secret}}"))],
        vec![
            ("path", text("/keys")),
            ("query", map("key", "{{ secret }}")),
        ],
    ] {
        let error = read(&fields).err().unwrap();
        assert_eq!(error.summary, "The secret would stand in an address");
    }
    assert!(
        read(&[
            ("path", text("/keys")),
            ("headers", map("X-Key", "{{secret}}"))
        ])
        .is_ok()
    );
}

#[test]
fn what_cannot_work_is_refused_with_its_place() {
    for (fields, at) in [
        (vec![], "here.path"),
        (vec![("path", text("keys"))], "here.path"),
        (vec![("path", text("/keys?all=1"))], "here.path"),
        (vec![("path", text("/a/../b"))], "here.path"),
        (vec![("path", text("/{{usr}}"))], "here.path"),
        (
            vec![("path", text("/")), ("query", map("q", "{{usr}}"))],
            "here.query[\"q\"]",
        ),
        (
            vec![("path", text("/")), ("headers", map("a b", "c"))],
            "here.headers[\"a b\"]",
        ),
        (vec![("path", text("/")), ("json", text("{"))], "here.json"),
        (
            vec![("path", text("/")), ("method", text("HEAD"))],
            "here.method",
        ),
        (
            vec![
                ("path", text("/")),
                ("json", text("{}")),
                ("form", map("a", "b")),
            ],
            "here.form",
        ),
        (
            vec![
                ("path", text("/")),
                ("success", ValueAny::List(vec![ValueAny::Number(404)])),
            ],
            "here.success",
        ),
    ] {
        let error = read(&fields).err().unwrap_or_else(|| panic!("{at}"));
        assert_eq!(error.path.to_string(), at, "{error}");
    }
}

proptest! {
    #[test]
    fn no_value_leaves_its_step_of_a_path(value in "\\PC{1,20}") {
        let request = read(&[("path", text("/a/{{user}}/b"))]).unwrap();
        if let Ok(filled) = request.fill(&[("user", value.as_str())]) {
            let mut url = reqwest::Url::parse("https://api.example.com/").unwrap();
            url.set_path(&filled.path);
            let steps: Vec<&str> = url.path_segments().unwrap().collect();
            prop_assert_eq!(steps.len(), 3);
            prop_assert_eq!((steps[0], steps[2]), ("a", "b"));
            prop_assert_eq!(url.query(), None);
        }
    }

    #[test]
    fn no_value_leaves_its_place_in_json(value in "\\PC*|[\\x00-\\x7f]*") {
        let request = read(&[("path", text("/")), ("json", text(r#"{"a":"{{user}}"}"#))]).unwrap();
        let (_, body) = sent(&request, &[("user", value.as_str())]);
        let read: serde_json::Value = serde_json::from_str(&body).unwrap();
        prop_assert_eq!(read["a"].as_str(), Some(value.as_str()));
    }
}
