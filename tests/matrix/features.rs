//! What every supported command line can do. What each of these means in detail is tested elsewhere.

use std::fs;

use super::Feature;
use crate::acceptance::mocks;
use crate::aws_life::world::{KEY, World};
use crate::support::foreign;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

#[test]
fn a_key_lives_its_life() {
    Feature::everywhere("the life of a key").works_everywhere(|| {
        let ws = Config::new().retiring();
        ws.plan().ok().code(0);
        ws.advance("30s").apply().ok();
        assert_eq!(ws.key("k").last_action(), "revoke");
        ws.plan().ok().code(0);
        ws.destroy().ok();
        assert!(!ws.path("k.json").exists());
    });
}

#[test]
fn a_refresh_shows_what_is_due() {
    Feature::everywhere("`plan -refresh-only`, `-refresh=false`").works_everywhere(|| {
        let ws = Config::new().created();
        ws.advance("80s");
        ws.plan_with(&["-refresh-only"]).ok();
        ws.plan_with(&["-refresh=false"]).ok().code(2);
        assert_eq!(ws.change(KEY).after("last_action"), "stage");
    });
}

#[test]
fn a_key_is_imported_by_its_id() {
    Feature::everywhere("`import` by id").works_everywhere(|| {
        let world = World::new();
        let made = world.cloud.create_key(&world.user);
        let import = format!(
            "import {{\n  to = {KEY}\n  id = \"aws_iam:{}\"\n}}",
            made.id
        );
        world.at_the_servers_time();
        world.write(&world.config().beside(&import));
        world.ws.apply().ok();
        assert_eq!(world.key().text("primary.key_id"), made.id);
        assert_eq!(world.ids(), [made.id]);
    });
}

#[test]
fn a_password_becomes_a_key() {
    Feature::everywhere("`moved` from `random_password`").works_everywhere(|| {
        let password = "made-up-canary-of-a-random-password";
        let ws = Workspace::with(&format!(
            "resource \"random_password\" \"k\" {{\n  result = {password:?}\n}}\n"
        ));
        foreign::install(&ws);
        ws.apply().ok();
        let moved = format!("moved {{\n  from = random_password.k\n  to   = {KEY}\n}}");
        ws.write(&Config::new().beside(&moved).text()).apply().ok();
        assert_eq!(ws.secret("k.json", "primary"), password);
        ws.plan().ok().code(0);
    });
}

#[test]
fn a_secret_is_handed_over_write_only() {
    Feature::everywhere("write-only attributes").works_everywhere(|| {
        let secret = "made-up-canary-in-use-today";
        let config = Config::new().with("existing_secret_wo = var.secret");
        let variable = "variable \"secret\" {\n  type      = string\n  ephemeral = true\n}";
        let ws = Workspace::with(&config.beside(variable).text());
        ws.env("TF_VAR_secret", secret).apply().ok();
        assert_eq!(ws.secret("k.json", "primary"), secret);
        assert!(!ws.state().to_string().contains(secret));
        ws.plan().ok().code(0);
    });
}

#[test]
fn a_secret_is_read_without_a_trace() {
    Feature::everywhere("ephemeral resource `apikey_secret`").works_everywhere(|| {
        let ephemeral = r#"
ephemeral "apikey_secret" "k" {
  delivery    = apikey_managed.k.deliveries["app"]
  fingerprint = apikey_managed.k.primary.fingerprint
}

resource "apikey_managed" "copy" {
  name               = "copy"
  policy             = apikey_rotation_policy.p
  issuer             = { generated = { prefix = "acme" } }
  deliveries         = { app = { file = { path = "copy.json" } } }
  existing_secret_wo = ephemeral.apikey_secret.k.primary.secret
}
"#;
        let ws = Config::new().created();
        ws.write(&Config::new().beside(ephemeral).text())
            .apply()
            .ok();
        let secret = ws.secret("k.json", "primary");
        assert_eq!(ws.secret("copy.json", "primary"), secret);
        assert!(!ws.state().to_string().contains(&secret));
        ws.plan().ok().code(0);
    });
}

#[test]
fn functions_are_called() {
    Feature::everywhere("functions").works_everywhere(|| {
        let output =
            "output \"seconds\" {\n  value = provider::apikey::parse_duration(\"1h30m\").seconds\n}";
        let ws = Workspace::with(output);
        ws.apply().ok();
        assert_eq!(ws.state()["outputs"]["seconds"]["value"], 5400);
    });
}

#[test]
fn the_inventory_is_read() {
    Feature::everywhere("data source `apikey_inventory`").works_everywhere(|| {
        let ws = Config::new().created();
        let inventory = "data \"apikey_inventory\" \"all\" {}\n\
                         output \"names\" {\n  value = data.apikey_inventory.all.keys[*].name\n}";
        ws.write(&Config::new().beside(inventory).text())
            .apply()
            .ok();
        let names = &ws.state()["outputs"]["names"]["value"];
        assert_eq!(names, &serde_json::json!(["payments"]));
    });
}

#[test]
fn a_configuration_is_tested_with_a_mock() {
    Feature::everywhere("`test` with and without `mock_provider`").works_everywhere(|| {
        let ws = Workspace::with(&Config::new().text());
        fs::create_dir(ws.path("tests")).unwrap();
        let configured = [
            "rotation_interval",
            "stage_before",
            "propagation_delay",
            "grace_period",
        ];
        let mocks = mocks::without(&mocks::blocks()[0], &configured);
        let single = |name: &str| {
            format!(
                "run {name:?} {{\n  assert {{\n    condition     = apikey_managed.k.name == \"payments\"\n    \
                 error_message = \"no name\"\n  }}\n}}\n"
            )
        };
        let mocked = format!("mock_provider \"apikey\" {{\n{mocks}}}\n{}", single("mocked"));
        fs::write(ws.path("tests/real.tftest.hcl"), single("real")).unwrap();
        fs::write(ws.path("tests/mocked.tftest.hcl"), mocked).unwrap();
        ws.run(&["test", "-no-color"])
            .ok()
            .says("2 passed, 0 failed");
        assert!(!ws.path("k.json").exists());
    });
}
