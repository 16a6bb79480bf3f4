use std::collections::BTreeMap;

use proptest::prelude::*;
use tf_provider::value::{Value, ValueAny, ValueNumber};

use super::super::shape::Field;
use super::*;

const TRUNCATED: Problem = Problem::Malformed("it ends too early");

fn object(fields: &[(&str, Shape)]) -> Shape {
    let field =
        |(name, shape): &(&str, Shape)| ((*name).to_owned(), Field::nullable(shape.clone()));
    Shape::Object(fields.iter().map(field).collect())
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8], shape: &Shape) -> T {
    rmp_serde::from_slice(&normalise(bytes, shape).unwrap()).unwrap()
}

#[test]
fn what_needs_no_change_is_not_copied() {
    let bytes = [0x81, 0xa1, b'a', 0xd4, 0x00, 0x00];
    let shape = object(&[("a", Shape::Plain)]);
    assert!(matches!(normalise(&bytes, &shape), Ok(Cow::Borrowed(_))));
}

#[test]
fn a_refined_unknown_decodes_as_unknown_at_any_depth() {
    // {"a": [refined unknown with the map {1: false}]}
    let bytes = [0x81, 0xa1, b'a', 0x91, 0xc7, 0x03, 0x0c, 0x81, 0x01, 0xc2];
    let shape = object(&[("a", Shape::List(Shape::Plain.into()))]);
    let decoded: BTreeMap<String, ValueAny> = decode(&bytes, &shape);
    assert_eq!(decoded["a"], ValueAny::List(vec![ValueAny::Unknown]));
}

#[test]
fn a_whole_number_decodes_however_it_is_written() {
    let float = [&[0xcb][..], &3.0f64.to_be_bytes()].concat();
    let short_float = [&[0xca][..], &3.0f32.to_be_bytes()].concat();
    for bytes in [
        &[0x03][..],
        &float,
        &short_float,
        &[0xa1, b'3'],
        &[0xcc, 3],
        &[0xd2, 0, 0, 0, 3],
    ] {
        let number: ValueNumber = decode(bytes, &Shape::Number);
        assert_eq!(number, Value::Value(3), "{bytes:?}");
    }
}

#[test]
fn a_refreshed_number_is_a_decimal_at_any_depth_and_nothing_else_is() {
    let shape = object(&[
        ("count", Shape::Number),
        ("text", Shape::Plain),
        ("all", Shape::List(Shape::Number.into())),
    ]);
    let numbers = serde_json::json!([i64::MIN, -1, 0, 300, i64::MAX, null]);
    let state = serde_json::json!({"count": 7, "text": "7", "all": numbers});
    let bytes = rmp_serde::to_vec_named(&state).unwrap();
    let decimals = in_decimals(&bytes, &shape).unwrap();
    let written: serde_json::Value = rmp_serde::from_slice(&decimals).unwrap();
    let all = [
        "-9223372036854775808",
        "-1",
        "0",
        "300",
        "9223372036854775807",
    ];
    assert_eq!(written["count"], "7");
    assert_eq!(written["text"], "7");
    assert_eq!(
        written["all"].as_array().unwrap()[..5],
        all.map(serde_json::Value::from)
    );
    let read: ValueAny = decode(&decimals, &shape);
    assert_eq!(read, rmp_serde::from_slice(&bytes).unwrap());
}

#[test]
fn text_of_digits_stays_text_where_the_schema_wants_text() {
    let decoded: ValueAny = decode(&[0xa1, b'3'], &Shape::Plain);
    assert_eq!(decoded, ValueAny::String("3".into()));
}

#[test]
fn a_fraction_is_blamed_on_its_attribute() {
    let half = [&[0x81, 0xa1, b'n', 0xcb][..], &0.5f64.to_be_bytes()].concat();
    let shape = object(&[("n", Shape::Number)]);
    let step = AttributePathStep::Attribute("n".into());
    assert_eq!(normalise(&half, &shape), Err(Problem::Number(vec![step])));
}

#[test]
fn nesting_is_bounded() {
    let bytes = vec![0x91; 1_000_000];
    assert!(matches!(
        normalise(&bytes, &Shape::Plain),
        Err(Problem::Malformed(_))
    ));
}

#[test]
fn a_huge_count_ends_with_the_bytes() {
    let bytes = [0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0];
    assert_eq!(normalise(&bytes, &Shape::Plain), Err(TRUNCATED));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        let shape = object(&[("a", Shape::Number)]);
        let _ = normalise(&bytes, &shape);
    }

    #[test]
    fn a_truncated_value_is_refused(text in ".{1,40}", cut in 0usize..8) {
        let bytes = rmp_serde::to_vec(&(text, 7, vec![true])).unwrap();
        let cut = cut.min(bytes.len() - 1) + 1;
        prop_assert_eq!(normalise(&bytes[..bytes.len() - cut], &Shape::Plain), Err(TRUNCATED));
    }
}
