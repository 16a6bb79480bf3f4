//! The checks themselves find what they are there to find.

use serde_json::json;

use super::checks;
use super::values::value;
use crate::protocol::client::tfplugin6::schema::{Attribute, Block, Object, object};

fn attribute(name: &str, shape: impl FnOnce(&mut Attribute)) -> Attribute {
    let mut attribute = Attribute {
        name: name.into(),
        r#type: br#""string""#.to_vec(),
        ..Default::default()
    };
    shape(&mut attribute);
    attribute
}

fn block() -> Block {
    let inner = vec![
        attribute("url", |it| it.required = true),
        attribute("token_wo", |it| {
            it.optional = true;
            it.write_only = true;
        }),
    ];
    Block {
        attributes: vec![
            attribute("id", |it| it.computed = true),
            attribute("name", |it| it.required = true),
            attribute("group", |it| {
                it.optional = true;
                it.computed = true;
            }),
            attribute("places", |it| {
                it.optional = true;
                it.r#type = Vec::new();
                it.nested_type = Some(Object {
                    attributes: inner,
                    nesting: object::NestingMode::Map.into(),
                    ..Default::default()
                });
            }),
        ],
        ..Default::default()
    }
}

fn state(
    name: &str,
    group: Option<&str>,
    places: serde_json::Value,
) -> tf_provider::value::ValueAny {
    value(json!({ "id": "i", "name": name, "group": group, "places": places }))
}

#[test]
fn a_plan_may_fill_in_what_is_computed_and_nothing_else() {
    let (prior, none) = (state("a", Some("g"), json!(null)), json!(null));
    let mut config = value(json!({ "id": null, "name": "a", "group": null, "places": null }));
    let faults = |config: &_, planned: &_| checks::plan_is_valid(&block(), &prior, config, planned);
    assert!(faults(&config, &state("a", Some("other"), none.clone())).is_empty());
    assert_eq!(faults(&config, &state("b", None, none.clone())).len(), 1);
    let invented = state("a", None, json!({ "p": { "url": "x", "token_wo": null } }));
    assert_eq!(faults(&config, &invented).len(), 1);
    config = value(json!({ "id": null, "name": "a", "group": "mine", "places": null }));
    assert_eq!(faults(&config, &state("a", Some("yours"), none)).len(), 1);
}

#[test]
fn a_plan_keeps_the_elements_of_the_configuration() {
    let config = value(json!({
        "id": null, "name": "a", "group": null,
        "places": { "p": { "url": "x", "token_wo": "made-up" } },
    }));
    let faults = |places| {
        let none = tf_provider::value::ValueAny::Null;
        checks::plan_is_valid(&block(), &none, &config, &state("a", None, places))
    };
    assert!(faults(json!({ "p": { "url": "x", "token_wo": null } })).is_empty());
    assert_eq!(
        faults(json!({ "p": { "url": "y", "token_wo": null } })).len(),
        1
    );
    assert_eq!(
        faults(json!({ "q": { "url": "x", "token_wo": null } })).len(),
        1
    );
    assert_eq!(faults(json!(null)).len(), 1);
}

#[test]
fn a_write_only_value_is_found_at_any_depth() {
    let open = state(
        "a",
        None,
        json!({ "p": { "url": "x", "token_wo": "made-up" } }),
    );
    assert_eq!(checks::withheld(&block(), &open).len(), 1);
    let closed = state("a", None, json!({ "p": { "url": "x", "token_wo": null } }));
    assert!(checks::withheld(&block(), &closed).is_empty());
}

#[test]
fn a_value_has_the_attributes_and_the_types_of_its_schema() {
    let good = state("a", None, json!({}));
    assert!(checks::fits(&block(), &good).is_empty());
    for bad in [
        json!({ "id": "i", "name": "a", "group": null }),
        json!({ "id": "i", "name": "a", "group": null, "places": null, "more": 1 }),
        json!({ "id": "i", "name": 3, "group": null, "places": null }),
        json!({ "id": "i", "name": "a", "group": null, "places": { "p": { "url": "x" } } }),
    ] {
        assert_eq!(checks::fits(&block(), &value(bad)).len(), 1);
    }
}

#[test]
fn what_a_plan_knew_stays_and_what_it_left_open_may_be_anything() {
    use tf_provider::value::ValueAny;
    let mut planned = state(
        "a",
        Some("g"),
        json!({ "p": { "url": "x", "token_wo": null } }),
    );
    let became = planned.clone();
    assert!(checks::kept_promises("", &planned, &became).is_empty());
    if let ValueAny::Map(members) = &mut planned {
        members.insert("id".into(), ValueAny::Unknown);
        members.insert("name".into(), ValueAny::String("b".into()));
    }
    assert_eq!(
        checks::kept_promises("", &planned, &became),
        [".name was planned otherwise"]
    );
    assert_eq!(checks::known(&planned).len(), 1);
}
