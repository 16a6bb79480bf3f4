use std::fs;

use serde_json::json;

use crate::support::forms::assert_hidden;
use crate::support::kubernetes::{ADMIN, Cluster, encoded};
use crate::support::outcome::Outcome;
use crate::support::workspace::Workspace;

struct Life<'a> {
    cluster: &'a Cluster,
    namespace: String,
    ws: Workspace,
    secrets: Vec<String>,
    printed: Vec<String>,
}

impl<'a> Life<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        Self::within(cluster, cluster.namespace("life"))
    }

    fn within(cluster: &'a Cluster, namespace: String) -> Self {
        let ws = Workspace::new();
        for (name, value) in cluster.environment(ADMIN) {
            ws.env(name, &value);
        }
        ws.env("TF_LOG", "TRACE");
        ws.env("TF_LOG_PATH", ws.path("trace.log").to_str().unwrap());
        Self {
            cluster,
            namespace,
            ws,
            secrets: Vec::new(),
            printed: Vec::new(),
        }
    }

    fn write(&self, delivery: &str) {
        self.ws.write(&format!(
            r#"
resource "apikey_rotation_policy" "p" {{
  name              = "fast"
  rotation_interval = "100s"
  stage_before      = "20s"
  propagation_delay = "5s"
  grace_period      = "30s"
}}

resource "apikey_managed" "k" {{
  name       = "payments"
  policy     = apikey_rotation_policy.p
  issuer     = {{ generated = {{ prefix = "acme" }} }}
  deliveries = {{ app = {{ kubernetes_secret = {{ namespace = "{}", name = "key"{delivery} }} }} }}
}}
"#,
            self.namespace
        ));
    }

    /// Which of the secrets so far stand in the slots.
    fn stands(&mut self) -> Vec<usize> {
        let data = self.cluster.data(&self.namespace, "key");
        let slots = ["API_KEY_PRIMARY", "API_KEY_SECONDARY"];
        let there: Vec<String> = slots
            .iter()
            .filter_map(|slot| data.get(*slot))
            .filter(|it| !it.is_empty())
            .cloned()
            .collect();
        for secret in &there {
            if !self.secrets.contains(secret) {
                self.secrets.push(secret.clone());
            }
        }
        there
            .iter()
            .map(|it| self.secrets.iter().position(|known| known == it).unwrap())
            .collect()
    }

    fn saw(&mut self, outcome: Outcome) {
        let outcome = outcome.ok();
        self.printed
            .push(format!("{}{}", outcome.stdout, outcome.stderr));
    }

    fn nothing_leaked(&self) {
        let files = [
            "terraform.tfstate",
            "trace.log",
            ".terraform/apikey.db",
            "apikey.db",
        ];
        let files = files
            .iter()
            .filter_map(|name| fs::read(self.ws.path(name)).ok());
        let all: Vec<Vec<u8>> = files
            .chain(self.printed.iter().map(|it| it.clone().into_bytes()))
            .collect();
        for secret in self.secrets.iter().map(String::as_str).chain([ADMIN]) {
            for bytes in &all {
                assert_hidden("what was printed or kept", bytes, secret);
            }
        }
    }
}

#[test]
fn a_generated_key_lives_in_a_secret() {
    for cluster in Cluster::all() {
        let mut life = Life::new(&cluster);
        life.write("");
        for (wait, expected) in [
            ("0s", &[0][..]),
            ("80s", &[0, 1]),
            ("20s", &[1, 0]),
            ("30s", &[1]),
        ] {
            let applied = life.ws.advance(wait).apply();
            life.saw(applied);
            assert_eq!(life.stands(), expected, "{} after {wait}", cluster.name());
            life.ws.plan().ok().code(0);
        }
        assert_eq!(life.secrets.len(), 2);
        life.nothing_leaked();
        let destroyed = life.ws.destroy();
        life.saw(destroyed);
        assert!(
            cluster.secret(&life.namespace, "key").is_null(),
            "{}",
            cluster.name()
        );
    }
}

#[test]
fn a_key_moves_to_another_layout_and_what_is_left_is_taken_away() {
    let cluster = Cluster::fake();
    let mut life = Life::new(&cluster);
    life.write("");
    life.ws.apply().ok();
    assert_eq!(life.stands(), [0]);
    life.write(", layout = \"slots\"");
    life.ws.apply().ok();
    life.ws.plan().ok().code(0);
    let data = cluster.data(&life.namespace, "key");
    assert_eq!(data.keys().collect::<Vec<_>>(), ["api-key.json"]);
    assert!(data["api-key.json"].contains(&life.secrets[0]));
}

/// A namespace of this name, so that messages are the same each time.
fn payments(cluster: &Cluster) -> Life<'_> {
    cluster.create_namespace("payments");
    let life = Life::within(cluster, "payments".to_owned());
    life.write("");
    life
}

#[test]
fn an_immutable_secret_is_refused_before_a_key_is_minted() {
    let cluster = Cluster::fake();
    let life = payments(&cluster);
    let theirs = json!({ "metadata": { "name": "key" }, "immutable": true });
    cluster.create("payments", "kubectl-create", theirs);
    life.ws.apply().failed().reads("secret-that-is-immutable");
    assert!(
        life.ws
            .find_key("k")
            .is_none_or(|key| key.0["primary"].is_null())
    );
    assert!(cluster.data("payments", "key").is_empty());
}

#[test]
fn a_secret_that_others_manage_keeps_what_it_holds() {
    let cluster = Cluster::fake();
    let mut life = payments(&cluster);
    life.ws.apply().ok();
    assert_eq!(life.stands(), [0]);
    let theirs = json!({ "data": { "API_KEY_GENERATION": encoded("7") } });
    cluster.edit("payments", "key", "argocd-controller", theirs);
    let refused = life.ws.advance("80s").apply().failed();
    refused.reads("secret-that-others-manage");
    assert_eq!(life.stands(), [0], "nothing was written");
}
