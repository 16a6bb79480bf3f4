//! The action that rotates a key between two applies, and the state that follows.

use serde_json::json;

use super::client::Plugin;
use super::features::run;
use crate::support::core::{Core, Object};

const KEY: &str = "apikey_managed";

/// A key of the built-in issuer that lives in a folder with a ledger.
struct Local(tempfile::TempDir);

impl Local {
    async fn at(&self, now: &str) -> Core {
        let now = format!("2026-01-01T00:{now}Z");
        let plugin = Plugin::real(self.0.path(), &[("APIKEY_CLOCK", &now)]).await;
        let mut core = Core::new(plugin).await;
        core.configure(json!({})).await.unwrap();
        core
    }

    fn config(&self) -> serde_json::Value {
        json!({
            "name": "payments",
            "policy": { "name": "p", "rotation_interval": "100s", "stage_before": "20s",
                        "propagation_delay": "5s", "grace_period": "30s" },
            "issuer": { "generated": { "prefix": "made" } },
            "deliveries": { "a": { "file": { "path": "a.json" } }, "b": { "file": { "path": "b.json" } } },
        })
    }

    async fn run(&self, now: &str, before: &Object, config: serde_json::Value) -> Object {
        let mut core = self.at(now).await;
        let config = core.config(KEY, config);
        core.run(KEY, before, &config).await.unwrap()
    }

    fn secret(&self, file: &str, slot: &str) -> String {
        let text = std::fs::read(self.0.path().join(file)).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
        document[slot]["secret"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

const ROTATE: &str = "apikey_rotate_now";

fn as_argument(object: &Object) -> serde_json::Value {
    json!({ "key": serde_json::from_str::<serde_json::Value>(&object.state.json()).unwrap() })
}

#[test]
fn a_rotation_by_an_action_is_followed_by_the_state_and_leaves_no_orphan() {
    let local = Local(tempfile::tempdir().unwrap());
    run(async {
        let created = local.run("00:00", &Object::absent(), local.config()).await;
        let settled = local.run("00:10", &created, local.config()).await;
        let first = local.secret("a.json", "primary");

        let mut core = local.at("00:20").await;
        let said = core.action(ROTATE, as_argument(&settled)).await.unwrap();
        let all = said.join("\n");
        for words in [
            "minting a new key",
            "delivering the new key as secondary",
            "delivering the new key as primary and the old one as secondary",
            "stays valid as secondary until 2026-01-01T00:00:50Z",
        ] {
            assert!(all.contains(words), "{all}");
        }
        let second = local.secret("a.json", "primary");
        assert_ne!(second, first);
        // The built-in issuer cannot try a key.
        assert!(!all.contains("verifying"), "{all}");
        assert!(!all.contains(&second) && !all.contains(&first), "{all}");
        for file in ["a.json", "b.json"] {
            assert_eq!(local.secret(file, "primary"), second);
            assert_eq!(local.secret(file, "secondary"), first);
        }

        let mut core = local.at("00:30").await;
        let followed = core.refresh(KEY, &settled).await.unwrap();
        assert_eq!(followed.text("phase"), "retiring");
        assert_eq!(followed.identity, settled.identity);
        let config = core.config(KEY, local.config());
        let plan = core.plan(KEY, &followed, &config).await.unwrap();
        assert!(plan.is_noop(), "{:?}", plan.warnings);
        assert_eq!(local.secret("a.json", "primary"), second);

        // The old key has its grace, and then it goes.
        let revoked = local.run("00:50", &followed, local.config()).await;
        assert_eq!(revoked.text("last_action"), "revoke");
        assert_eq!(local.secret("b.json", "primary"), second);
        assert_eq!(local.secret("b.json", "secondary"), "");
    });
}

#[test]
fn a_rotation_by_an_action_that_fails_changes_nothing() {
    let local = Local(tempfile::tempdir().unwrap());
    let mut config = local.config();
    config["verification"] = json!({
        "url": "http://127.0.0.1:1/", "headers": { "Authorization": "Bearer {{secret}}" },
        "timeout": "2s", "interval": "1s", "consecutive": 1,
    });
    run(async {
        let created = local.run("00:00", &Object::absent(), local.config()).await;
        let created = local.run("00:10", &created, config.clone()).await;
        let first = local.secret("a.json", "primary");
        let mut core = local.at("00:20").await;
        let (said, errors) = core
            .action(ROTATE, as_argument(&created))
            .await
            .unwrap_err();
        assert!(said.join("\n").contains("verifying"), "{said:?}");
        assert!(
            errors[0].0.contains("failed its verification"),
            "{errors:?}"
        );
        assert!(
            errors[0]
                .1
                .contains("was taken out of the deliveries and revoked again"),
            "{errors:?}"
        );
        for file in ["a.json", "b.json"] {
            assert_eq!(local.secret(file, "primary"), first);
            assert_eq!(local.secret(file, "secondary"), "");
        }
        let next = local.run("00:30", &created, config.clone()).await;
        let next = local.run("00:31", &next, config).await;
        assert_eq!(local.secret("a.json", "primary"), first);
        assert_eq!(local.secret("a.json", "secondary"), "");
        assert_eq!(next.text("phase"), "single");
    });
}

#[test]
fn a_rotation_that_the_state_could_not_follow_is_refused() {
    let local = Local(tempfile::tempdir().unwrap());
    run(async {
        let created = local.run("00:00", &Object::absent(), local.config()).await;
        let staged = local.run("01:20", &created, local.config()).await;
        let mut core = local.at("01:21").await;
        let refused = |core: Core, argument: serde_json::Value| async move {
            let mut core = core;
            core.action(ROTATE, argument).await.unwrap_err().1[0]
                .0
                .clone()
        };
        let words = refused(core, as_argument(&staged)).await;
        assert!(words.contains("holds a staged key"), "{words}");

        let mut stored = as_argument(&created);
        stored["key"]["store_secret_in_state"] = true.into();
        let words = refused(local.at("00:20").await, stored).await;
        assert!(words.contains("its secret is in the state"), "{words}");

        let mut paused = as_argument(&created);
        paused["key"]["policy"]["paused"] = true.into();
        let words = refused(local.at("00:20").await, paused).await;
        assert!(words.contains("paused"), "{words}");

        let plugin = Plugin::real(local.0.path(), &[]).await;
        core = Core::new(plugin).await;
        let none = json!({ "ledger": { "disabled": true } });
        core.configure(none).await.unwrap();
        let words = refused(core, as_argument(&created)).await;
        assert!(words.contains("there is no ledger"), "{words}");
    });
}
