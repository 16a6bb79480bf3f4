//! What single calls answer, above all when something goes wrong.

use serde_json::json;

use super::client::tfplugin6::{
    self, apply_resource_change, call_function, import_resource_state, plan_resource_change,
    read_data_source, read_resource, upgrade_resource_state, validate_resource_config,
};
use super::client::{Plugin, json, value};
use super::demo::{CANARY, thing};

const TYPE: &str = "demo_thing";

fn private(changes: u32) -> Vec<u8> {
    rmp_serde::to_vec_named(&json!({ "changes": changes })).unwrap()
}

fn errors(diagnostics: &[tfplugin6::Diagnostic]) -> Vec<&str> {
    let error = i32::from(tfplugin6::diagnostic::Severity::Error);
    let errors = diagnostics.iter().filter(|it| it.severity == error);
    errors.map(|it| it.summary.as_str()).collect()
}

async fn read(plugin: &mut Plugin, mode: &str) -> read_resource::Response {
    let request = read_resource::Request {
        type_name: TYPE.into(),
        current_state: value(thing(mode)),
        private: private(3),
        ..Default::default()
    };
    plugin
        .provider
        .read_resource(request)
        .await
        .unwrap()
        .into_inner()
}

#[tokio::test]
async fn a_panic_becomes_a_diagnostic_and_the_server_lives_on() {
    let mut plugin = Plugin::start_with(&[("TF_LOG", "TRACE")]).await;
    let answer = read(&mut plugin, "panic").await;

    let error = &answer.diagnostics[0];
    assert!(
        error.detail.contains("tests/protocol/demo.rs:"),
        "{}",
        error.detail
    );
    assert_eq!(json(&answer.new_state), thing("panic"));
    assert!(errors(&read(&mut plugin, "").await.diagnostics).is_empty());

    let (ended_well, log) = plugin.end().await;
    assert!(ended_well);
    assert!(log.contains("tests/protocol/demo.rs:"), "{log}");
    assert!(!log.contains(CANARY) && !format!("{answer:?}").contains(CANARY));
}

#[tokio::test]
async fn a_read_that_fails_keeps_state_and_private_data() {
    let mut plugin = Plugin::start().await;
    let answer = read(&mut plugin, "unreadable").await;
    assert_eq!(errors(&answer.diagnostics), ["Cannot reach the thing"]);
    assert_eq!(json(&answer.new_state), thing("unreadable"));
    assert_eq!(answer.private, private(3));
}

#[tokio::test]
async fn a_read_that_finds_nothing_removes_the_object() {
    let mut plugin = Plugin::start().await;
    let answer = read(&mut plugin, "gone").await;
    assert!(answer.diagnostics.is_empty());
    assert_eq!(json(&answer.new_state), json!(null));
}

async fn plan(
    plugin: &mut Plugin,
    prior: serde_json::Value,
    proposed: serde_json::Value,
) -> plan_resource_change::Response {
    let request = plan_resource_change::Request {
        type_name: TYPE.into(),
        prior_state: value(prior),
        proposed_new_state: value(proposed.clone()),
        config: value(proposed),
        prior_private: private(3),
        ..Default::default()
    };
    let answer = plugin.provider.plan_resource_change(request).await;
    answer.unwrap().into_inner()
}

async fn plan_and_apply(
    plugin: &mut Plugin,
    prior: serde_json::Value,
    proposed: serde_json::Value,
) -> apply_resource_change::Response {
    let planned = plan(plugin, prior.clone(), proposed.clone()).await;
    assert!(errors(&planned.diagnostics).is_empty(), "{planned:?}");
    let request = apply_resource_change::Request {
        type_name: TYPE.into(),
        prior_state: value(prior),
        planned_state: planned.planned_state,
        config: value(proposed),
        planned_private: planned.planned_private,
        ..Default::default()
    };
    let answer = plugin.provider.apply_resource_change(request).await;
    answer.unwrap().into_inner()
}

#[tokio::test]
async fn an_update_gets_what_its_plan_remembered() {
    let mut plugin = Plugin::start().await;
    let answer = plan_and_apply(&mut plugin, thing(""), thing("new")).await;
    assert!(answer.diagnostics.is_empty());
    assert_eq!(json(&answer.new_state), thing("new"));
    assert_eq!(answer.private, private(4));
}

#[tokio::test]
async fn an_update_without_a_result_keeps_state_and_private_data_from_before() {
    let mut plugin = Plugin::start().await;
    let answer = plan_and_apply(&mut plugin, thing(""), thing("nothing")).await;
    assert_eq!(errors(&answer.diagnostics), ["Cannot update demo_thing"]);
    assert_eq!(json(&answer.new_state), thing(""));
    assert_eq!(answer.private, private(3));
}

#[tokio::test]
async fn a_create_without_a_result_leaves_nothing() {
    let mut plugin = Plugin::start().await;
    let answer = plan_and_apply(&mut plugin, json!(null), thing("nothing")).await;
    assert_eq!(errors(&answer.diagnostics), ["Cannot create demo_thing"]);
    assert_eq!(json(&answer.new_state), json!(null));
}

#[tokio::test]
async fn a_destroy_without_a_result_keeps_the_object() {
    let mut plugin = Plugin::start().await;
    let answer = plan_and_apply(&mut plugin, thing("indestructible"), json!(null)).await;
    assert_eq!(errors(&answer.diagnostics), ["Cannot destroy demo_thing"]);
    assert_eq!(json(&answer.new_state), thing("indestructible"));
    assert_eq!(answer.private, private(3));
}

#[tokio::test]
async fn a_destroy_that_succeeds_leaves_nothing() {
    let mut plugin = Plugin::start().await;
    let answer = plan_and_apply(&mut plugin, thing(""), json!(null)).await;
    assert!(answer.diagnostics.is_empty());
    assert_eq!(json(&answer.new_state), json!(null));
}

#[tokio::test]
async fn a_plan_without_a_result_names_the_attribute() {
    let mut plugin = Plugin::start().await;
    let answer = plan(&mut plugin, thing(""), thing("unplannable")).await;
    let path = answer.diagnostics[0].attribute.as_ref().unwrap();
    let selector = path.steps[0].selector.clone().unwrap();
    let mode = tfplugin6::attribute_path::step::Selector::AttributeName("mode".into());
    assert_eq!(selector, mode);
}

async fn upgrade(
    plugin: &mut Plugin,
    version: i64,
    stored: serde_json::Value,
) -> upgrade_resource_state::Response {
    let request = upgrade_resource_state::Request {
        type_name: TYPE.into(),
        version,
        raw_state: Some(tfplugin6::RawState {
            json: serde_json::to_vec(&stored).unwrap(),
            ..Default::default()
        }),
    };
    let answer = plugin.provider.upgrade_resource_state(request).await;
    answer.unwrap().into_inner()
}

#[tokio::test]
async fn a_stored_state_is_fitted_to_the_schema() {
    let mut plugin = Plugin::start().await;
    let stored =
        json!({"id": "1", "name": "x", "gone": 1, "parts": {"a": {"gone": 2, "count": 3.0}}});
    let answer = upgrade(&mut plugin, 2, stored).await;
    assert!(answer.diagnostics.is_empty(), "{answer:?}");
    let parts = json!({"a": {"count": 3, "text": null}});
    assert_eq!(
        json(&answer.upgraded_state),
        json!({"id": "1", "name": "x", "mode": null, "parts": parts, "size": null})
    );
}

#[tokio::test]
async fn an_older_state_is_migrated() {
    let mut plugin = Plugin::start().await;
    let answer = upgrade(&mut plugin, 1, json!({"id": "1", "title": "old name"})).await;
    assert_eq!(json(&answer.upgraded_state)["name"], "old name");
}

#[tokio::test]
async fn a_newer_state_asks_for_a_newer_provider() {
    let mut plugin = Plugin::start().await;
    let answer = upgrade(&mut plugin, 3, json!({"id": "1"})).await;
    assert!(answer.upgraded_state.is_none());
    assert!(
        answer.diagnostics[0]
            .summary
            .contains("newer version of the provider")
    );
}

#[tokio::test]
async fn an_import_gives_state_and_private_data() {
    let mut plugin = Plugin::start().await;
    let request = import_resource_state::Request {
        type_name: TYPE.into(),
        id: "thing-9".into(),
        ..Default::default()
    };
    let answer = plugin.provider.import_resource_state(request).await;
    let imported = &answer.unwrap().into_inner().imported_resources[0];
    assert_eq!(json(&imported.state)["id"], "thing-9");
    assert_eq!(imported.private, private(5));
}

#[tokio::test]
async fn a_data_source_answers() {
    let mut plugin = Plugin::start().await;
    let request = read_data_source::Request {
        type_name: "demo_echo".into(),
        config: value(json!({"text": "four", "length": null})),
        ..Default::default()
    };
    let answer = plugin.provider.read_data_source(request).await.unwrap();
    assert_eq!(json(&answer.into_inner().state)["length"], 4);
}

async fn double(plugin: &mut Plugin, argument: serde_json::Value) -> call_function::Response {
    let request = call_function::Request {
        name: "double".into(),
        arguments: value(argument).into_iter().collect(),
    };
    plugin
        .provider
        .call_function(request)
        .await
        .unwrap()
        .into_inner()
}

#[tokio::test]
async fn a_function_answers_or_blames_its_argument() {
    let mut plugin = Plugin::start().await;
    for argument in [json!(21), json!(21.0), json!("21")] {
        assert_eq!(json(&double(&mut plugin, argument).await.result), 42);
    }
    for argument in [json!(13), json!(0.5)] {
        let error = double(&mut plugin, argument).await.error.unwrap();
        assert_eq!(error.function_argument, Some(0));
    }
}

#[tokio::test]
async fn a_fraction_is_blamed_on_its_attribute() {
    let mut plugin = Plugin::start().await;
    let mut config = thing("");
    config["size"] = json!(0.5);
    let request = validate_resource_config::Request {
        type_name: TYPE.into(),
        config: value(config),
        ..Default::default()
    };
    let answer = plugin.provider.validate_resource_config(request).await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(errors(&answer.diagnostics), ["Not a whole number"]);
    assert!(answer.diagnostics[0].attribute.is_some());
}

#[tokio::test]
async fn what_does_not_exist_is_an_error_and_not_a_crash() {
    let mut plugin = Plugin::start().await;
    let request = read_resource::Request {
        type_name: "demo_other".into(),
        ..Default::default()
    };
    let answer = plugin.provider.read_resource(request).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!(
        errors(&answer.diagnostics),
        ["There is no resource demo_other"]
    );

    let status = plugin
        .provider
        .get_states(tfplugin6::get_states::Request::default());
    assert_eq!(status.await.unwrap_err().code(), tonic::Code::Unimplemented);
}

#[tokio::test]
async fn a_message_far_above_the_default_limit_comes_and_goes() {
    let mut plugin = Plugin::start().await;
    let mut stored = thing("");
    stored["name"] = json!("x".repeat(24 << 20));
    let answer = upgrade(&mut plugin, 2, stored.clone()).await;
    assert_eq!(json(&answer.upgraded_state), stored);
}
