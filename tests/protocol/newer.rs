//! The newer parts of the protocol, through a client that checks every answer as Terraform does.

use std::collections::BTreeMap;

use serde_json::json;
use tf_provider::value::ValueAny;

use super::client::Plugin;
use super::client::tfplugin6::{self, deferred, get_metadata, validate_resource_config};
use super::demo::CANARY;
use crate::support::core::{Core, Object, encoded, value};

const VAULT: &str = "demo_vault";

async fn core() -> Core {
    let mut core = Core::new(Plugin::start().await).await;
    core.configure(json!({})).await.unwrap();
    core
}

fn vault(name: &str) -> serde_json::Value {
    json!({
        "name": name,
        "secret_wo": CANARY,
        "places": { "a": { "url": "x", "token_wo": CANARY } },
    })
}

#[tokio::test]
async fn metadata_names_everything_there_is() {
    let mut core = core().await;
    let answer = core
        .plugin
        .provider
        .get_metadata(get_metadata::Request {})
        .await;
    let answer = answer.unwrap().into_inner();
    let schemas = &core.schemas;
    assert_eq!(answer.resources.len(), schemas.resource_schemas.len());
    assert_eq!(answer.data_sources.len(), schemas.data_source_schemas.len());
    assert_eq!(answer.functions.len(), schemas.functions.len());
    assert_eq!(answer.ephemeral_resources[0].type_name, "demo_lease");
    assert_eq!(answer.list_resources[0].type_name, VAULT);
    assert_eq!(answer.actions[0].type_name, "demo_ring");
    let can = answer.server_capabilities.unwrap();
    assert_eq!(Some(can), schemas.server_capabilities);
    assert!(can.get_provider_schema_optional && can.move_resource_state && can.plan_destroy);
}

#[tokio::test]
async fn write_only_values_reach_the_resource_and_no_answer() {
    let mut core = core().await;
    let config = core.config(VAULT, vault("a"));
    let object = core.run(VAULT, &Object::absent(), &config).await.unwrap();
    let letters = CANARY.len();
    assert_eq!(
        object.text("told"),
        format!("secret of {letters} letters; planned before: no")
    );
    // Also where the resource itself hands one back, as this one does whenever it is read or imported.
    core.run(VAULT, &object, &config).await.unwrap();
    core.import(VAULT, "b", &ValueAny::Null).await.unwrap();
    let found = core
        .list(VAULT, json!({ "count": 2 }), true, 0)
        .await
        .unwrap();
    assert!(!format!("{object:?}{found:?}").contains(CANARY));
}

#[tokio::test]
async fn a_client_without_write_only_attributes_is_told_what_to_do() {
    let mut core = core().await;
    core.capabilities.write_only_attributes_allowed = false;
    let request = validate_resource_config::Request {
        type_name: VAULT.into(),
        config: encoded(&core.config(VAULT, vault("a"))),
        client_capabilities: Some(core.capabilities),
    };
    let answer = core.plugin.provider.validate_resource_config(request).await;
    let errors = answer.unwrap().into_inner().diagnostics;
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors
            .iter()
            .all(|it| it.detail.contains("needs Terraform 1.11 or OpenTofu 1.11"))
    );
    assert!(
        errors[0].detail.starts_with("places[\"a\"].token_wo: "),
        "{errors:?}"
    );
    let unset = core.config(VAULT, json!({ "name": "a" }));
    core.validate(VAULT, &unset).await.unwrap();
}

#[tokio::test]
async fn an_object_has_one_identity_for_all_its_life() {
    let mut core = core().await;
    let mut config = core.config(VAULT, json!({ "name": "a", "secret_wo_version": 1 }));
    let plan = core.plan(VAULT, &Object::absent(), &config).await.unwrap();
    assert_eq!(plan.identity, ValueAny::Null);
    let object = core.apply(VAULT, &plan, &config).await.unwrap();
    assert_eq!(
        object.identity,
        value(json!({ "name": "a", "zone": "here" }))
    );
    config = core.config(VAULT, json!({ "name": "a", "secret_wo_version": 2 }));
    let object = core.run(VAULT, &object, &config).await.unwrap();
    // Another name is another object.
    config = core.config(VAULT, json!({ "name": "b" }));
    let other = core.run(VAULT, &object, &config).await.unwrap();
    assert_eq!(
        other.identity,
        value(json!({ "name": "b", "zone": "here" }))
    );
    let gone = core.run(VAULT, &other, &ValueAny::Null).await.unwrap();
    assert!(!gone.exists());
}

#[tokio::test]
async fn an_object_is_imported_by_its_identity() {
    let mut core = core().await;
    let by = |zone| value(json!({ "name": "n", "zone": zone }));
    let object = core.import(VAULT, "", &by(None::<&str>)).await.unwrap();
    assert_eq!(object.text("id"), "vault-n");
    let refused = core
        .import(VAULT, "", &by(Some("elsewhere")))
        .await
        .unwrap_err();
    assert_eq!(refused[0].0, "Wrong zone");
    let neither = core.import(VAULT, "", &ValueAny::Null).await.unwrap_err();
    assert!(neither[0].0.contains("without an id"), "{neither:?}");
}

async fn upgraded_identity(
    core: &mut Core,
    version: i64,
    json: &str,
) -> tfplugin6::upgrade_resource_identity::Response {
    let request = tfplugin6::upgrade_resource_identity::Request {
        type_name: VAULT.into(),
        version,
        raw_identity: Some(tfplugin6::RawState {
            json: json.into(),
            ..Default::default()
        }),
    };
    let answer = core
        .plugin
        .provider
        .upgrade_resource_identity(request)
        .await;
    answer.unwrap().into_inner()
}

#[tokio::test]
async fn a_stored_identity_is_brought_to_the_current_version() {
    let mut core = core().await;
    let old = upgraded_identity(&mut core, 0, r#"{"title": "t", "gone": 1}"#).await;
    let identity = old.upgraded_identity.unwrap().identity_data;
    assert_eq!(
        super::client::json(&identity),
        json!({ "name": "t", "zone": null })
    );
    for (version, json, summary) in [
        (0, "{}", "An identity without a title"),
        (1, "{", "not valid JSON"),
        (1, r#""x""#, "does not fit its schema"),
        (2, "{}", "newer version of the provider"),
    ] {
        let answer = upgraded_identity(&mut core, version, json).await;
        assert!(answer.upgraded_identity.is_none());
        assert!(
            answer.diagnostics[0].summary.contains(summary),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn a_second_plan_knows_what_the_first_one_remembered() {
    let mut core = core().await;
    let config = core.config(VAULT, vault("a"));
    core.capabilities.store_planned_private = true;
    let plan = core.plan(VAULT, &Object::absent(), &config).await.unwrap();
    assert_eq!(plan.get("told"), ValueAny::Unknown);
    let object = core.apply(VAULT, &plan, &config).await.unwrap();
    assert!(
        object.text("told").ends_with("planned before: 41"),
        "{object:?}"
    );
}

#[tokio::test]
async fn a_list_is_as_long_as_it_is_wanted() {
    let mut core = core().await;
    let count = json!({ "count": 40 });
    assert_eq!(
        core.list(VAULT, count.clone(), false, 0)
            .await
            .unwrap()
            .len(),
        40
    );
    assert_eq!(
        core.list(VAULT, count.clone(), false, 7)
            .await
            .unwrap()
            .len(),
        7
    );
    let found = core.list(VAULT, count, true, 1).await.unwrap();
    assert_eq!(found[0].display_name, "v0");
    assert!(found[0].resource.is_some());
    let found = core
        .list(VAULT, json!({ "count": 5 }), true, 0)
        .await
        .unwrap();
    let silent = found.iter().filter(|it| it.resource.is_none());
    let warnings: Vec<_> = silent.flat_map(|it| &it.warnings).collect();
    assert_eq!(warnings, ["v3 is listed without its settings"]);
    let broken = core
        .list(VAULT, json!({ "count": -3 }), false, 0)
        .await
        .unwrap_err();
    assert_eq!(broken[0].0, "The list broke off");
}

#[tokio::test]
async fn a_panic_within_a_list_or_an_action_ends_only_that() {
    let mut core = core().await;
    let broken = core
        .list(VAULT, json!({ "count": 13 }), false, 0)
        .await
        .unwrap_err();
    assert!(broken[0].0.contains("crashed") && !broken[0].1.contains(CANARY));
    let (said, broken) = core
        .action("demo_ring", json!({ "times": 13 }))
        .await
        .unwrap_err();
    assert_eq!(said.len(), 13);
    assert!(broken[0].0.contains("crashed") && !broken[0].1.contains(CANARY));
    core.action("demo_ring", json!({ "times": 1 }))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_action_tells_what_it_does_and_then_that_it_is_over() {
    let mut core = core().await;
    let said = core
        .action("demo_ring", json!({ "times": 3 }))
        .await
        .unwrap();
    assert_eq!(said, ["ring 1", "ring 2", "ring 3"]);
    let (said, errors) = core
        .action("demo_ring", json!({ "times": -2 }))
        .await
        .unwrap_err();
    assert_eq!(said.len(), 2);
    assert_eq!(errors[0].0, "The rope tore");
}

#[tokio::test]
async fn an_ephemeral_resource_is_opened_renewed_and_closed() {
    let mut core = core().await;
    let result = core
        .ephemeral("demo_lease", json!({ "name": "n" }))
        .await
        .unwrap();
    assert_eq!(result, value(json!({ "name": "n", "token": "token of n" })));
}

#[tokio::test]
async fn a_state_of_a_type_that_is_known_moves_here_and_no_other() {
    let mut core = core().await;
    let old = ("registry.terraform.io/example/old", "old_vault");
    // As Terraform says it, as OpenTofu does, and as OpenTofu 1.10 to 1.12.3 did.
    for address in [
        old.0,
        "registry.opentofu.org/example/old",
        "example/old",
        "old",
    ] {
        let object = core
            .moved(VAULT, (address, old.1), json!({ "title": "t" }))
            .await
            .unwrap();
        assert_eq!(object.text("name"), "t");
        assert_eq!(
            object.identity,
            value(json!({ "name": "t", "zone": "here" }))
        );
    }
    let untitled = core.moved(VAULT, old, json!({})).await.unwrap_err();
    assert_eq!(untitled[0].0, "An old vault without a title");
    for stranger in [
        ("registry.terraform.io/example/bold", "old_vault"),
        ("registry.terraform.io/sample/old", "old_vault"),
        ("registry.terraform.io/notexample/old", "old_vault"),
        ("notexample/old", "old_vault"),
        ("more/registry.terraform.io/example/old", "old_vault"),
        ("bold", "old_vault"),
        ("", "old_vault"),
        ("registry.terraform.io/example/old", "old_safe"),
    ] {
        let refused = core
            .moved(VAULT, stranger, json!({ "title": "t" }))
            .await
            .unwrap_err();
        assert!(
            refused[0].1.contains("takes over old_vault of example/old"),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_state_moves_here_from_another_address_of_this_provider() {
    let mut core = core().await;
    let config = core.config(VAULT, json!({ "name": "a" }));
    let object = core.run(VAULT, &Object::absent(), &config).await.unwrap();
    let stored = serde_json::to_value(&object.state).unwrap();
    for address in [
        "registry.terraform.io/example/demo",
        "registry.opentofu.org/example/demo",
        "mirror.example.com/team/demo",
        "team/demo",
        "demo",
    ] {
        let moved = core.moved(VAULT, (address, VAULT), stored.clone()).await;
        assert_eq!(moved.unwrap().state, object.state);
    }
    for stranger in ["registry.terraform.io/example/demolition", "demos", ""] {
        let refused = core.moved(VAULT, (stranger, VAULT), stored.clone()).await;
        assert!(refused.is_err(), "{stranger:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_planned_yet_is_deferred_where_the_client_knows_how() {
    let mut core = core().await;
    let unknown = BTreeMap::from([
        ("name".to_owned(), ValueAny::String("later".into())),
        ("secret_wo_version".to_owned(), ValueAny::Unknown),
    ]);
    let unknown = core.config_of(VAULT, ValueAny::Map(unknown));
    let plan = core.plan(VAULT, &Object::absent(), &unknown).await.unwrap();
    assert_eq!(plan.deferred, None);
    core.capabilities.deferral_allowed = true;
    let plan = core.plan(VAULT, &Object::absent(), &unknown).await.unwrap();
    assert_eq!(plan.deferred, Some(deferred::Reason::ResourceConfigUnknown));
    // As in the second plan of a change, in an apply: Terraform says there that it allows deferral, and takes none.
    let known = core.config(VAULT, json!({ "name": "later" }));
    let plan = core.plan(VAULT, &Object::absent(), &known).await.unwrap();
    assert_eq!(plan.deferred, None);
}

/// What Terraform sends for `name = null`, which its own checks let pass.
#[tokio::test]
async fn null_is_refused_where_a_value_is_required_by_everything_that_is_served() {
    let mut core = core().await;
    let names = |errors: Vec<(String, String)>| -> Vec<String> {
        errors.into_iter().map(|(summary, _)| summary).collect()
    };
    let null = core.config(
        VAULT,
        json!({ "name": null, "places": { "a": { "url": null }, "b": { "url": "x" } } }),
    );
    let wanted = ["name is null", "url is null"];
    let refused = core.validate(VAULT, &null).await.unwrap_err();
    assert!(
        refused[1].1.starts_with("places[\"a\"].url: "),
        "{refused:?}"
    );
    assert_eq!(names(refused), wanted);
    let sound = core.config(VAULT, json!({ "name": "a" }));
    let object = core.run(VAULT, &Object::absent(), &sound).await.unwrap();
    for prior in [&Object::absent(), &object] {
        let refused = core.plan(VAULT, prior, &null).await.unwrap_err();
        assert_eq!(names(refused), wanted);
    }
    // A destroy has no configuration at all.
    core.run(VAULT, &object, &ValueAny::Null).await.unwrap();

    let lease = core.ephemeral("demo_lease", json!({ "name": null })).await;
    assert_eq!(names(lease.unwrap_err()), ["name is null"]);
    let list = core.list(VAULT, json!({ "count": null }), false, 0).await;
    assert_eq!(names(list.unwrap_err()), ["count is null"]);
    let (_, action) = core
        .action("demo_ring", json!({ "times": null }))
        .await
        .unwrap_err();
    assert_eq!(names(action), ["times is null"]);
    let echo = core.data("demo_echo", json!({ "text": null })).await;
    assert_eq!(names(echo.unwrap_err()), ["text is null"]);
    let number = core.called("double", &[ValueAny::Null]).await.unwrap_err();
    assert_eq!(number, "it is null, and a value is required");
}

#[tokio::test]
async fn a_text_that_nobody_would_write_is_refused_with_its_place() {
    let mut core = core().await;
    let long = "x".repeat(70_000);
    for (config, summary, place) in [
        (json!({ "name": long }), "name is too long", ""),
        (
            json!({ "name": "a", "places": { "p": { "url": long } } }),
            "url is too long",
            "places[\"p\"].url: ",
        ),
    ] {
        let config = core.config(VAULT, config);
        let refused = core.validate(VAULT, &config).await.unwrap_err();
        assert_eq!(refused[0].0, summary);
        assert!(
            refused[0]
                .1
                .starts_with(&format!("{place}It has 70000 bytes")),
            "{refused:?}"
        );
        core.plan(VAULT, &Object::absent(), &config)
            .await
            .unwrap_err();
    }
    let places = (0..1000).map(|index| (index.to_string(), json!({ "url": &long[..2000] })));
    let places: serde_json::Map<_, _> = places.collect();
    let many = core.config(VAULT, json!({ "name": "a", "places": places }));
    let refused = core.validate(VAULT, &many).await.unwrap_err();
    assert_eq!(refused[0].0, "This configuration is too large");
    let id = core
        .import(VAULT, &long, &ValueAny::Null)
        .await
        .unwrap_err();
    assert!(id[0].0.contains("so long an id"), "{id:?}");
}

#[tokio::test]
async fn a_configuration_is_made_of_a_state() {
    let mut core = core().await;
    let config = core.config(
        VAULT,
        json!({ "name": "a", "places": { "p": { "url": "x" } } }),
    );
    let object = core.run(VAULT, &Object::absent(), &config).await.unwrap();
    assert_eq!(core.generated(VAULT, &object).await.unwrap(), config);
}
