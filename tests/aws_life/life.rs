//! The life of a key from create to revoke, and that its secrets are nowhere but in the delivery.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::world::{KEY, World};
use crate::support::outcome::Outcome;
use crate::support::zip;

const TRACE: &str = "trace.log";

/// Every secret that ever was, and every word that was said.
struct Audit<'a> {
    world: &'a World,
    secrets: Vec<String>,
    said: Vec<String>,
    plans: usize,
}

impl<'a> Audit<'a> {
    fn new(world: &'a World) -> Self {
        Self {
            secrets: vec![world.admin_key.secret.clone()],
            said: Vec::new(),
            plans: 0,
            world,
        }
    }

    fn hears(&mut self, outcome: Outcome) {
        self.said
            .push(format!("{}{}", outcome.stdout, outcome.stderr));
    }

    /// Plans, applies the saved plan, and keeps all that there is to search.
    fn step(&mut self, action: &str) {
        let ws = &self.world.ws;
        self.hears(ws.plan().ok().code(2));
        assert_eq!(ws.change(KEY).after("last_action"), action);
        self.plans += 1;
        fs::write(ws.path(&format!("plan-{}.zip", self.plans)), ws.plan_file()).unwrap();
        self.hears(ws.run(&["show", "-json", "saved.tfplan"]).ok());
        self.hears(ws.run(&["show", "-no-color", "saved.tfplan"]).ok());
        self.hears(ws.apply_plan().ok());
        self.hears(ws.run(&["show", "-json"]).ok());
        self.world.in_order();
        let document = self.world.document();
        for slot in ["primary", "secondary"] {
            self.secrets
                .extend(document[slot]["secret"].as_str().map(str::to_owned));
        }
    }

    /// Everything, unpacked: what was said, the state with its private data, the plans, the log.
    fn everything(&self) -> Vec<(String, Vec<u8>)> {
        let ws = &self.world.ws;
        let said = self.said.join("\n").into_bytes();
        let mut all = vec![
            ("output".to_owned(), said),
            ("private data".to_owned(), private(&ws.state())),
        ];
        read_all(&ws.path(""), &mut all);
        for plan in 1..=self.plans {
            let archive = fs::read(ws.path(&format!("plan-{plan}.zip"))).unwrap();
            let entries = zip::entries(&archive).into_iter();
            all.extend(entries.map(|(name, bytes)| (format!("plan-{plan}/{name}"), bytes)));
        }
        all
    }
}

fn private(state: &serde_json::Value) -> Vec<u8> {
    let resources = state["resources"].as_array().into_iter().flatten();
    let instances = resources.flat_map(|resource| resource["instances"].as_array().unwrap());
    let encoded = instances.filter_map(|instance| instance["private"].as_str());
    encoded
        .flat_map(|text| BASE64_STANDARD.decode(text).unwrap())
        .collect()
}

fn read_all(directory: &Path, all: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, all);
        } else {
            all.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn a_key_lives_from_create_to_revoke_and_its_secrets_are_nowhere_but_in_the_delivery() {
    let world = World::new();
    let ws = &world.ws;
    ws.env("TF_LOG", "TRACE")
        .env("TF_LOG_PATH", &ws.path(TRACE).display().to_string());
    let mut audit = Audit::new(&world);

    audit.step("create");
    let (first, first_secret) = world.delivered("primary");
    assert_eq!(world.ids(), std::slice::from_ref(&first));
    assert_eq!(world.key().phase(), "single");
    let created = world.key().text("delivery_status.app.version");
    assert_eq!(
        world.cloud.stages(&world.secret_id),
        json!({ created.as_str(): ["AWSCURRENT"] })
    );
    audit.hears(ws.plan().ok().code(0));

    ws.advance("80s");
    audit.step("stage");
    let (second, second_secret) = world.delivered("secondary");
    assert_eq!(world.delivered("primary").0, first);
    assert_eq!(world.ids().len(), 2);
    assert!(world.cloud.accepts(&second, &second_secret));
    let staged = world.key().text("delivery_status.app.version");
    assert_eq!(
        world.cloud.stages(&world.secret_id),
        json!({ staged.as_str(): ["AWSCURRENT"], created.as_str(): ["AWSPREVIOUS"] })
    );
    audit.hears(ws.plan().ok().code(0));

    ws.advance("20s");
    audit.step("promote");
    assert_eq!(world.delivered("primary"), (second.clone(), second_secret));
    assert_eq!(world.delivered("secondary").0, first);
    assert!(
        world.cloud.accepts(&first, &first_secret),
        "it is in its grace period"
    );
    audit.hears(ws.plan().ok().code(0));

    ws.advance("30s");
    audit.step("revoke");
    assert_eq!(world.ids(), std::slice::from_ref(&second));
    assert!(
        !world.cloud.accepts(&first, &first_secret),
        "a revoked key works"
    );
    assert!(world.document()["secondary"].is_null());
    audit.hears(ws.plan().ok().code(0).does_not_warn("payments"));

    assert_eq!(audit.secrets.len(), 1 + 1 + 2 + 2 + 1);
    let everything = audit.everything();
    let found_in = |text: &str| -> Vec<&str> {
        let holding = everything.iter().filter(|(_, bytes)| holds(bytes, text));
        holding.map(|(place, _)| place.as_str()).collect()
    };
    for place in ["output", "terraform.tfstate", TRACE, "plan-3/tfplan"] {
        let searched = found_in(&second);
        assert!(
            searched.iter().any(|path| path.ends_with(place)),
            "{place} was not searched: {searched:?}"
        );
    }
    for secret in &audit.secrets {
        assert_eq!(secret.len(), 40);
        assert_eq!(found_in(secret), Vec::<&str>::new());
    }
}
