//! Blocks and options that say which objects there are, and what becomes of those that are no more.

use std::fs;

use serde_json::Value;

use crate::aws_life::world::World;
use crate::matrix::Feature;
use crate::matrix::newer::UNSUPPORTED;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

#[test]
fn a_key_that_is_not_enabled_is_revoked_and_one_that_is_again_is_new() {
    let feature = Feature::of_opentofu("`lifecycle { enabled }`", [1, 11]);
    let world = World::new();
    let enabled = |enabled: bool| {
        world.write(
            &world
                .config()
                .with(&format!("lifecycle {{\n    enabled = {enabled}\n  }}")),
        );
    };
    enabled(true);
    let here = || {
        world.ws.apply().ok();
        world.in_order();
        let first = world.ids();
        enabled(false);
        world.ws.apply().ok();
        assert!(world.ids().is_empty() && world.document().is_null());
        enabled(true);
        world.ws.apply().ok();
        world.in_order();
        assert!(world.ids().len() == 1 && world.ids() != first);
        world.ws.plan().ok().code(0);
    };
    feature.works(here, || world.ws.plan(), &UNSUPPORTED);
}

#[test]
fn what_is_excluded_from_an_apply_stays_as_it_is() {
    let feature = Feature::of_opentofu("`-exclude`", [1, 9]);
    let other = "resource \"apikey_managed\" \"other\" {\n  name       = \"other\"\n  policy     = apikey_rotation_policy.p\n  \
         issuer     = { generated = { prefix = \"acme\" } }\n  deliveries = { app = { file = { path = \"other.json\" } } }\n}";
    let ws = Workspace::with(&Config::new().beside(other).text());
    let exclude = || ws.apply_with(&["-exclude=apikey_managed.other"]);
    let here = || {
        ws.apply().ok();
        ws.advance("80s");
        exclude().ok();
        assert_eq!(ws.key("k").phase(), "staged");
        assert_eq!(ws.key("other").phase(), "single");
        assert!(ws.delivered("other.json")["secondary"].is_null());
        ws.apply().ok();
        assert_eq!(ws.key("other").phase(), "staged");
        ws.plan().ok().code(0);
    };
    feature.works(
        here,
        exclude,
        &["flag provided but not defined", "-exclude"],
    );
}

/// The old key is nobody's from then on: it works, and somebody has to end it.
#[test]
fn a_key_that_is_replaced_without_a_destroy_is_left_to_whoever_has_it() {
    let feature = Feature::of_opentofu("`lifecycle { destroy = false }`", [1, 12]);
    let world = World::new();
    let keep = "lifecycle {\n    destroy = false\n  }";
    world.write(&world.config().with(keep));
    let here = || {
        world.ws.apply().ok();
        let (old_id, old_secret) = world.delivered("primary");
        // OpenTofu 1.12.3 cannot save such a plan.
        let replaced = world.ws.apply_with(&["-replace=apikey_managed.k"]);
        // Its document is not taken from it unseen; what to do is said.
        assert!(world.cloud.accepts(&old_id, &old_secret), "{replaced}");
        assert!(world.ids().contains(&old_id));
        if replaced.code == 0 {
            world.in_order();
            assert_eq!(world.ids().len(), 2);
            assert_ne!(world.delivered("primary").0, old_id);
        } else {
            replaced.complains(&["payments"]);
            assert_eq!(world.delivered("primary").0, old_id);
        }
    };
    feature.works(here, || world.ws.plan(), &UNSUPPORTED);
}

#[test]
fn providers_of_a_for_each_have_a_ledger_each() {
    let feature = Feature::of_opentofu("provider `for_each`, a ledger each", [1, 9]);
    let ws = Workspace::with(
        r#"
variable "teams" {
  default = ["blue", "red"]
}

provider "apikey" {
  alias    = "team"
  for_each = toset(var.teams)
  ledger   = { url = "sqlite://${path.root}/${each.key}.db" }
}

resource "apikey_managed" "k" {
  for_each   = toset(var.teams)
  provider   = apikey.team[each.key]
  name       = each.key
  policy     = { name = "p", rotation_interval = "100s", stage_before = "20s", propagation_delay = "5s", grace_period = "30s" }
  issuer     = { generated = { prefix = "acme" } }
  deliveries = { app = { file = { path = "${each.key}.json" } } }
}
"#,
    );
    let here = || {
        ws.apply().ok();
        for team in ["blue", "red"] {
            let names = names_in(&ws, &format!("{team}.db"));
            assert_eq!(names, [team], "each ledger knows the key of its team only");
        }
        let first = ws.secret("red.json", "primary");
        ws.advance("80s").apply().ok();
        ws.advance("20s").apply().ok();
        assert_eq!(ws.secret("red.json", "secondary"), first);
        ws.plan().ok().code(0);
        ws.destroy().ok();
        assert!(!ws.path("blue.json").exists() && !ws.path("red.json").exists());
    };
    let refusals = ["Reserved argument name", "Unsupported", "Invalid provider"];
    feature.works(here, || ws.plan(), &refusals);
}

/// The names of the resources that a ledger knows, by its own command.
fn names_in(ws: &Workspace, ledger: &str) -> Vec<String> {
    let url = format!("sqlite://{}", ws.path(ledger).display());
    let inventory = format!(
        "terraform {{\n  required_providers {{\n    apikey = {{ source = \"apikey-dev/apikey\" }}\n  }}\n}}\n\
         provider \"apikey\" {{\n  ledger = {{ url = {url:?} }}\n}}\ndata \"apikey_inventory\" \"all\" {{}}\n\
         output \"names\" {{\n  value = data.apikey_inventory.all.keys[*].name\n}}\n"
    );
    let reader = Workspace::new();
    fs::write(reader.path("main.tf"), inventory).unwrap();
    reader.apply().ok();
    let names = reader.state()["outputs"]["names"]["value"].take();
    let Value::Array(names) = names else {
        return Vec::new();
    };
    let names = names.iter().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}
