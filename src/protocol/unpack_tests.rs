use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use tf_provider::value::{Value, ValueAny, ValueString};

use super::*;
use crate::resources::managed::model::Private;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Sort {
    Plain,
    Of(String),
    Pair(u8, bool),
    Named { a: Option<i64>, b: Vec<Sort> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Wrapper(f64);

#[test]
fn everything_that_serde_writes_is_read() {
    let inner = vec![Sort::Plain, Sort::Of("x".into()), Sort::Pair(200, true)];
    let value = (
        Sort::Named { a: None, b: inner },
        Some(Wrapper(0.5)),
        (-1i64, -200i64, i64::MIN, u64::MAX, 1.5f32),
        "long".repeat(40),
    );
    let bytes = rmp_serde::to_vec_named(&value).unwrap();
    assert_eq!(unpack(&bytes), Ok(value));
    let private = Private::default();
    let bytes = rmp_serde::to_vec_named(&private).unwrap();
    assert_eq!(unpack(&bytes), Ok(Some(private)));
}

#[test]
fn only_names_of_fields_are_told() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct One {
        a: bool,
    }
    let read = |json: serde_json::Value| {
        unpack::<One>(&rmp_serde::to_vec_named(&json).unwrap()).map(|it| it.a)
    };
    let text = |json| read(json).unwrap_err().to_string();
    assert_eq!(text(serde_json::json!({})), "missing field `a`");
    assert_eq!(text(serde_json::json!({ "b": 1 })), "unknown field `b`");
    assert!(!text(serde_json::json!({ "a": "made-up-canary" })).contains("canary"));
    assert_eq!(read(serde_json::json!({ "a": true })), Ok(true));
}

#[test]
fn depth_and_counts_are_bounded() {
    assert_eq!(
        unpack::<ValueAny>(&vec![0x91; 100_000]),
        Err(Unfit::Malformed)
    );
    assert!(unpack::<Vec<u64>>(&[0xdd, 0xff, 0xff, 0xff, 0xff, 1]).is_err());
    assert!(unpack::<ValueString>(&[0xdb, 0xff, 0xff, 0xff, 0xff, b'x']).is_err());
}

#[test]
fn text_that_is_not_utf_8_is_not_a_string() {
    let text = [0xa1, 0x80];
    assert_eq!(unpack::<String>(&text), Err(Unfit::Type));
    assert_eq!(unpack::<ValueString>(&text), Err(Unfit::Type));
    assert_eq!(unpack::<ValueAny>(&text), Err(Unfit::Type));
}

fn any_value() -> impl Strategy<Value = ValueAny> {
    let leaf = prop_oneof![
        Just(ValueAny::Null),
        Just(ValueAny::Unknown),
        any::<bool>().prop_map(ValueAny::Bool),
        any::<i64>().prop_map(ValueAny::Number),
        "\\PC{0,40}".prop_map(ValueAny::String),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(ValueAny::List),
            prop::collection::btree_map("[a-z]{1,3}", inner, 0..5).prop_map(ValueAny::Map),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_is_read_as_it_was_written(value in any_value()) {
        let bytes = rmp_serde::to_vec_named(&value).unwrap();
        prop_assert_eq!(unpack::<ValueAny>(&bytes), Ok(value));
    }

    #[test]
    fn what_rmp_serde_reads_is_read_alike(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(value) = rmp_serde::from_slice::<Value<ValueAny>>(&bytes) {
            prop_assert_eq!(unpack(&bytes), Ok(value));
        }
    }
}
