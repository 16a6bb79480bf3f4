//! The real provider under a client that checks every answer as Terraform does, with every capability that a
//! client can have.

use serde_json::json;
use tf_provider::value::ValueAny;

use super::client::Plugin;
use super::client::tfplugin6::deferred;
use crate::support::core::{Core, Object, value};

const KEY: &str = "apikey_managed";

/// A directory with delivered files. Every step is a process of its own, as under the command line.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The provider at this time, for a client that can do everything.
    async fn at(&self, now: &str) -> Core {
        let mut core = self.unconfigured(now).await;
        core.configure(json!({})).await.unwrap();
        core
    }

    async fn unconfigured(&self, now: &str) -> Core {
        let clock = [("APIKEY_CLOCK", now)];
        let plugin = Plugin::real(self.0.path(), &clock).await;
        let mut core = Core::new(plugin).await;
        core.capabilities.store_planned_private = true;
        core
    }

    fn delivered(&self) -> serde_json::Value {
        let text = std::fs::read(self.0.path().join("a.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }
}

fn key(owner: &str) -> serde_json::Value {
    json!({
        "name": "a",
        "owner": owner,
        "policy": {
            "name": "p", "rotation_interval": "40d", "stage_before": "4d",
            "propagation_delay": "1d", "grace_period": "2d",
        },
        "issuer": { "generated": { "prefix": "made" } },
        "deliveries": { "app": { "file": { "path": "a.json" } } },
    })
}

fn number(object: &Object, name: &str) -> i64 {
    match object.get(name) {
        ValueAny::Number(number) => number,
        other => panic!("{name} is {other:?}"),
    }
}

#[tokio::test]
async fn a_key_lives_its_whole_life_by_the_rules_of_terraform() {
    let home = Home::new();
    let mut core = home.at("2026-01-01T00:00:00Z").await;
    let config = core.config(KEY, key("me"));
    let mut object = core.run(KEY, &Object::absent(), &config).await.unwrap();
    let first = home.delivered()["primary"]["secret"].clone();
    for (at, step, phase) in [
        ("2026-01-02T00:00:00Z", "create", "single"),
        ("2026-02-06T00:00:00Z", "stage", "staged"),
        ("2026-02-06T12:00:00Z", "stage", "staged"),
        ("2026-02-11T00:00:00Z", "promote", "retiring"),
        ("2026-02-14T00:00:00Z", "revoke", "single"),
        // However many periods were missed, there is one rotation.
        ("2027-02-14T00:00:00Z", "stage", "staged"),
        ("2027-02-16T00:00:00Z", "promote", "retiring"),
    ] {
        let mut core = home.at(at).await;
        object = core.run(KEY, &object, &config).await.unwrap();
        assert_eq!(
            (object.text("last_action"), object.text("phase")),
            (step.into(), phase.into())
        );
        let noop = core.plan(KEY, &object, &config).await.unwrap();
        assert!(noop.is_noop(), "after {step} at {at}");
    }
    assert_ne!(home.delivered()["primary"]["secret"], first);
    let mut core = home.at("2027-02-17T00:00:00Z").await;
    let gone = core.run(KEY, &object, &ValueAny::Null).await.unwrap();
    assert!(!gone.exists());
}

/// A key that waits to be promoted since the eighth of February.
async fn staged(home: &Home) -> Object {
    let mut core = home.at("2026-01-01T00:00:00Z").await;
    let config = core.config(KEY, key("me"));
    let object = core.run(KEY, &Object::absent(), &config).await.unwrap();
    let mut core = home.at("2026-02-08T00:00:00Z").await;
    core.run(KEY, &object, &config).await.unwrap()
}

const DUE: &str = "2026-02-11T00:00:00Z";
const LATER: &str = "2026-03-30T00:00:00Z";

#[tokio::test]
async fn an_edit_and_a_step_that_is_due_are_planned_together_where_the_client_remembers_plans() {
    let home = Home::new();
    let object = staged(&home).await;
    let mut core = home.at(DUE).await;
    let config = core.config(KEY, key("somebody else"));
    // Without a refresh: only the clock knows that the rotation is due.
    let plan = core.plan(KEY, &object, &config).await.unwrap();
    assert_eq!(plan.get("last_action"), value(json!("promote")));
    assert_eq!(plan.get("owner"), value(json!("somebody else")));

    // By the time of the apply, more would be due; the second plan keeps to the first.
    let mut core = home.at(LATER).await;
    let object = core.apply(KEY, &plan, &config).await.unwrap();
    assert_eq!(number(&object, "generation"), 2);
    assert_eq!(object.text("owner"), "somebody else");
}

#[tokio::test]
async fn an_edit_is_planned_alone_where_the_client_forgets_plans() {
    let home = Home::new();
    let object = staged(&home).await;
    let mut core = home.at(DUE).await;
    core.capabilities.store_planned_private = false;
    let config = core.config(KEY, key("somebody else"));
    let plan = core.plan(KEY, &object, &config).await.unwrap();
    assert_eq!(plan.get("last_action"), value(json!("stage")));
    let mut core = home.at(LATER).await;
    core.capabilities.store_planned_private = false;
    let object = core.apply(KEY, &plan, &config).await.unwrap();
    assert_eq!(number(&object, "generation"), 1);
}

#[tokio::test]
async fn nothing_is_due_yet_in_the_first_plan_and_so_not_in_the_second() {
    let home = Home::new();
    let object = staged(&home).await;
    let mut core = home.at("2026-02-09T12:00:00Z").await;
    let config = core.config(KEY, key("somebody else"));
    let plan = core.plan(KEY, &object, &config).await.unwrap();
    assert_eq!(plan.get("last_action"), value(json!("stage")));
    let mut core = home.at(LATER).await;
    let object = core.apply(KEY, &plan, &config).await.unwrap();
    assert_eq!(number(&object, "generation"), 1);
    assert_eq!(object.text("owner"), "somebody else");
}

fn with_unknown_path(core: &Core) -> ValueAny {
    let mut config = value(key("me"));
    let mut at = &mut config;
    for step in ["deliveries", "app", "file"] {
        let ValueAny::Map(members) = at else { panic!() };
        at = members.get_mut(step).unwrap();
    }
    let ValueAny::Map(members) = at else { panic!() };
    members.insert("path".into(), ValueAny::Unknown);
    core.config_of(KEY, config)
}

#[tokio::test]
async fn a_key_whose_settings_are_unknown_is_deferred_where_the_client_knows_how() {
    let home = Home::new();
    let object = staged(&home).await;
    let mut core = home.at(DUE).await;
    let unknown = with_unknown_path(&core);
    let plan = core.plan(KEY, &object, &unknown).await.unwrap();
    assert_eq!(plan.deferred, None);
    assert!(
        plan.warnings.iter().any(|it| it.contains("not known yet")),
        "{plan:?}"
    );

    core.capabilities.deferral_allowed = true;
    let plan = core.plan(KEY, &object, &unknown).await.unwrap();
    assert_eq!(plan.deferred, Some(deferred::Reason::ResourceConfigUnknown));
    // As in the second plan of an apply, which takes no deferral, whatever it says.
    let known = core.config(KEY, key("me"));
    let plan = core.plan(KEY, &object, &known).await.unwrap();
    assert_eq!(plan.deferred, None);
    // A new key does not depend on what is decided now.
    let created = core.plan(KEY, &Object::absent(), &unknown).await.unwrap();
    assert_eq!(created.deferred, None);
}

/// As with -refresh=false, for every client: a deferral would keep keys from rotating.
#[tokio::test]
async fn settings_that_are_not_known_yet_make_it_a_plan_that_asks_nobody() {
    let home = Home::new();
    let object = staged(&home).await;
    let mut planned = None;
    for block in ["aws", "ledger"] {
        let mut core = home.unconfigured(DUE).await;
        core.capabilities.deferral_allowed = true;
        core.configure_unknown(block).await.unwrap();
        let config = core.config(KEY, key("me"));
        assert_eq!(core.refresh(KEY, &object).await.unwrap(), object);
        let plan = core.plan(KEY, &object, &config).await.unwrap();
        assert_eq!(plan.deferred, None);
        assert_eq!(plan.get("last_action"), ValueAny::String("promote".into()));
        let created = core.plan(KEY, &Object::absent(), &config).await.unwrap();
        assert_eq!(
            created.get("last_action"),
            ValueAny::String("create".into())
        );

        // Whatever acts or needs an answer says what it waits for.
        let (unchanged, errors) = core.apply(KEY, &plan, &config).await.unwrap_err();
        assert_eq!(unchanged, object);
        let wanted = format!("The {block} settings of the provider are not known yet");
        assert_eq!(errors[0].0, wanted);
        let inventory = core.data("apikey_inventory", json!({})).await;
        match block {
            "ledger" => assert_eq!(inventory.unwrap_err()[0].0, wanted),
            _ => drop(inventory.unwrap()),
        }
        if block == "aws" {
            let id = "aws_iam:AKIAIOSFODNN7EXAMPLE";
            let refused = core.import(KEY, id, &ValueAny::Null).await.unwrap_err();
            assert!(refused[0].0.contains("not known yet"), "{refused:?}");
        }
        planned = Some(plan);
    }
    let mut core = home.at(LATER).await;
    let config = core.config(KEY, key("me"));
    let applied = core.apply(KEY, &planned.unwrap(), &config).await.unwrap();
    assert_eq!(
        (number(&applied, "generation"), applied.text("phase")),
        (2, "retiring".into())
    );
}
