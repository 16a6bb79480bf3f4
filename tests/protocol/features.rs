//! What Terraform 1.11 does not know: identities, lists and actions of the real provider, against a server that checks
//! signatures and policies.

use std::path::PathBuf;
use std::time::Duration;

use apikey::ledger::{Inventory, Journal, Locks, Slot, Status};
use serde_json::json;
use tf_provider::value::ValueAny;

use super::client::Plugin;
use crate::aws_life::{Cloud, EVERYTHING, HandMade};
use crate::ledger::samples::{at, holding, key, sqlite};
use crate::support::core::{Core, Object, value};
use crate::support::golden;

const KEY: &str = "apikey_managed";
const POLICY: &str = "apikey_rotation_policy";
pub const REVOKE: &str = "apikey_revoke";
/// Later than every key that the server makes.
const NOW: &str = "2100-01-01T00:00:00Z";

/// The provider, run by an administrator of the server.
pub struct Home {
    pub cloud: &'static Cloud,
    admin: HandMade,
    admin_name: String,
    folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        let cloud = Cloud::shared();
        let admin_name = crate::aws::unique("admin");
        cloud.create_user(&admin_name);
        cloud.allow(&admin_name, EVERYTHING);
        Self {
            admin: cloud.create_key(&admin_name),
            cloud,
            admin_name,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub async fn core(&self) -> Core {
        self.core_with(&[]).await
    }

    pub async fn core_with(&self, environment: &[(&str, &str)]) -> Core {
        let environment = [&[("APIKEY_CLOCK", NOW)], environment].concat();
        let plugin = Plugin::real(self.folder.path(), &environment).await;
        let mut core = Core::new(plugin).await;
        let url = self.cloud.url();
        let block = json!({ "aws": {
            "region": "eu-central-1",
            "access_key": self.admin.id,
            "secret_key": self.admin.secret,
            "endpoints": { "iam": url, "sts": url, "secretsmanager": url },
        }, "ledger": { "lock_lease": "2s" } });
        core.configure(block).await.unwrap();
        core
    }

    /// A user with keys that were made by hand.
    pub fn user(&self, name: &str, keys: usize) -> (String, Vec<HandMade>) {
        let name = crate::aws::unique(name);
        self.cloud.create_user(&name);
        let keys = (0..keys).map(|_| self.cloud.create_key(&name)).collect();
        (name, keys)
    }
}

fn of_user(name: &str) -> serde_json::Value {
    json!({ "issuer": { "aws_iam": { "user_name": name } } })
}

fn id(object: &ValueAny) -> String {
    match object {
        ValueAny::Map(fields) => match &fields["id"] {
            ValueAny::String(id) => id.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_of_one_user_are_listed_and_each_can_be_imported_by_its_identity() {
    let home = Home::new();
    let (user, keys) = home.user("ci", 2);
    home.cloud.deactivate_key(&user, &keys[1].id);
    run(async {
        let mut core = home.core().await;
        let listed = core.list(KEY, of_user(&user), true, 0).await.unwrap();
        let ids: Vec<String> = listed.iter().map(|it| id(&it.identity)).collect();
        let wanted = keys.iter().map(|key| format!("aws_iam:{}", key.id));
        assert_eq!(ids, wanted.collect::<Vec<_>>());
        for (found, (key, words)) in listed
            .iter()
            .zip(keys.iter().zip(["(active, ", "(inactive, "]))
        {
            let name = &found.display_name;
            for words in [
                &format!("user {user}: {}", key.id),
                words,
                " days old, created 20",
            ] {
                assert!(name.contains(words), "{name}: {words}");
            }
        }

        let imported = core.import(KEY, "", &listed[0].identity).await;
        let imported = imported.unwrap();
        assert_eq!(imported.state, listed[0].resource.clone().unwrap());
        assert_eq!(imported.identity, listed[0].identity);
        // The identity stays through a refresh.
        let read = core.refresh(KEY, &imported).await.unwrap();
        assert_eq!(read.identity, listed[0].identity);
        core.generated(KEY, &imported).await.unwrap();
    });
    assert_eq!(home.cloud.ids_of(&user).len(), 2, "nothing was changed");
}

#[test]
fn keys_of_all_users_are_listed_up_to_the_limit() {
    let home = Home::new();
    let (one, _) = home.user("list-one", 1);
    let (two, _) = home.user("list-two", 2);
    run(async {
        let mut core = home.core().await;
        let everybody = json!({ "issuer": { "aws_iam": {} } });
        let all = core.list(KEY, everybody.clone(), false, 0).await.unwrap();
        let count = |user: &str| {
            let of = format!("user {user}: ");
            all.iter()
                .filter(|it| it.display_name.contains(&of))
                .count()
        };
        assert_eq!((count(&one), count(&two)), (1, 2));
        assert_eq!(count(&home.admin_name), 1);
        let admin = all
            .iter()
            .find(|it| it.display_name.contains(&home.admin.id))
            .unwrap();
        assert!(
            admin.display_name.contains("last used 20"),
            "{}",
            admin.display_name
        );
        let some = core.list(KEY, everybody, false, 2).await.unwrap();
        assert_eq!(some.len(), 2);
    });
}

#[test]
fn a_search_that_cannot_be_right_is_refused() {
    let home = Home::new();
    run(async {
        let mut core = home.core().await;
        for (issuer, words) in [
            (json!({}), "No issuer"),
            (
                json!({ "aws_iam": { "user_name": "arn:aws:iam::1:user/x" } }),
                "user_name is not valid",
            ),
            (
                json!({ "aws_iam": { "path_prefix": "machines" } }),
                "path_prefix is not valid",
            ),
            (
                json!({ "aws_iam": { "user_name": "x", "path_prefix": "/" } }),
                "exclude each other",
            ),
        ] {
            let errors = core
                .list(KEY, json!({ "issuer": issuer }), false, 0)
                .await
                .unwrap_err();
            assert!(errors[0].0.contains(words), "{errors:?}");
        }
        let nobody = crate::aws::unique("nobody");
        let errors = core
            .list(KEY, of_user(&nobody), false, 0)
            .await
            .unwrap_err();
        assert!(errors[0].0.contains(&nobody), "{errors:?}");
    });
}

#[test]
fn a_revoked_key_is_dead_and_every_step_is_told() {
    let home = Home::new();
    let (user, keys) = home.user("leak", 2);
    let config = |id: &str| json!({ "issuer": { "aws_iam": { "user_name": user } }, "key_id": id });
    run(async {
        let mut core = home.core().await;
        let said = core.action(REVOKE, config(&keys[0].id)).await.unwrap();
        let all = said.join("\n");
        for words in ["is active", "switching off and deleting", "is dead"] {
            assert!(all.contains(words), "{all}");
        }
        let again = core.action(REVOKE, config(&keys[0].id)).await.unwrap();
        assert!(again.join("\n").contains("nothing to do"), "{again:?}");
    });
    assert!(!home.cloud.accepts(&keys[0].id, &keys[0].secret));
    assert!(home.cloud.accepts(&keys[1].id, &keys[1].secret));
    assert_eq!(home.cloud.ids_of(&user), [keys[1].id.clone()]);
}

/// What an action was refused with is that of `refusals/<name>.txt`.
fn refused(name: &str, errors: &[(String, String)]) {
    let texts = errors.iter();
    golden::told(
        name,
        "Error",
        texts.map(|(summary, detail)| (&**summary, &**detail)),
    );
}

#[test]
fn a_key_that_lives_elsewhere_is_not_said_to_be_gone() {
    let home = Home::new();
    let (user, keys) = home.user("ci", 1);
    let (other, _) = home.user("admin", 0);
    let nobody = crate::aws::unique("nobody");
    let id = &keys[0].id;
    run(async {
        let mut core = home.core().await;
        for named in [&other, &nobody] {
            let config = json!({ "issuer": { "aws_iam": { "user_name": named } }, "key_id": id });
            let (said, errors) = core.action(REVOKE, config).await.unwrap_err();
            assert!(said.is_empty(), "{said:?}");
            assert!(errors[0].0.contains(&user), "{errors:?}");
            if *named == other {
                refused("action-on-a-key-of-another-user", &errors);
            }
        }
        // Nobody here has this one, and whoever misspelt the user may mean another account.
        let config = json!({
            "issuer": { "aws_iam": { "user_name": nobody } },
            "key_id": "AKIAIOSFODNN7EXAMPLE",
        });
        let (_, errors) = core.action(REVOKE, config).await.unwrap_err();
        refused("action-on-a-key-that-nobody-knows", &errors);
    });
    assert!(home.cloud.accepts(id, &keys[0].secret));
}

#[test]
fn a_key_that_the_ledger_knows_in_another_account_is_not_said_to_be_gone() {
    let home = Home::new();
    let (user, _) = home.user("leak", 0);
    run(async {
        let mut core = home.core().await;
        let file = home.path(".terraform/apikey/ledger.db");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let ledger = sqlite(&file, Duration::from_secs(60));
        let mut elsewhere = holding("payments", vec![key("AKIAIOSFODNN7EXAMPLE", Slot::Primary)]);
        elsewhere.account = "aws_iam 210987654321 user ci".into();
        ledger.record(&elsewhere, at(9)).await.unwrap();
        let config = json!({
            "issuer": { "aws_iam": { "user_name": user } },
            "key_id": "AKIAIOSFODNN7EXAMPLE",
        });
        let (_, errors) = core.action(REVOKE, config).await.unwrap_err();
        refused("action-on-a-key-of-another-account", &errors);
    });
}

#[test]
fn a_revocation_by_an_action_is_in_the_ledger() {
    let home = Home::new();
    let (user, keys) = home.user("leak", 1);
    run(async {
        let mut core = home.core().await;
        let identity = value(json!({ "id": format!("aws_iam:{}", keys[0].id) }));
        let imported = core.import(KEY, "", &identity).await.unwrap();
        core.refresh(KEY, &imported).await.unwrap();
        let ledger = sqlite(
            &home.path(".terraform/apikey/ledger.db"),
            Duration::from_secs(60),
        );
        let account = format!("aws_iam 123456789012 user {user}");
        let status = async || ledger.keys_in(&account).await.unwrap()[0].status;
        assert_eq!(status().await, Status::Live);

        let config =
            json!({ "issuer": { "aws_iam": { "user_name": user } }, "key_id": keys[0].id });
        core.action(REVOKE, config).await.unwrap();
        assert_eq!(status().await, Status::Revoked);
        assert_eq!(ledger.lock_holder(&account).await.unwrap(), None);
        assert_eq!(ledger.verify(None).await.unwrap().broken, None);
        assert_eq!(ledger.recall("").await.unwrap().open, []);
    });
}

#[test]
fn without_its_ledger_an_action_revokes_nothing() {
    let home = Home::new();
    let (user, keys) = home.user("leak", 1);
    // A directory where the file should be.
    let obstacle = home.path(".terraform/apikey/ledger.db");
    std::fs::create_dir_all(obstacle).unwrap();
    run(async {
        let mut core = home.core().await;
        let config =
            json!({ "issuer": { "aws_iam": { "user_name": user } }, "key_id": keys[0].id });
        let (_, errors) = core.action(REVOKE, config).await.unwrap_err();
        assert!(errors[0].0.contains("ledger"), "{errors:?}");
    });
    assert!(home.cloud.accepts(&keys[0].id, &keys[0].secret));
}

#[test]
fn before_the_provider_is_configured_an_action_looks_nothing_up_and_revokes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let mut core = Core::new(Plugin::real(folder.path(), &[]).await).await;
        let config = json!({ "issuer": { "aws_iam": { "user_name": "x" } }, "key_id": "x" });
        let (said, errors) = core.action(REVOKE, config).await.unwrap_err();
        assert!(said.is_empty(), "{said:?}");
        assert_eq!(errors[0].0, "The provider is not configured");
    });
}

#[test]
fn a_revocation_that_is_refused_or_impossible_says_so() {
    let home = Home::new();
    let (user, keys) = home.user("leak", 1);
    run(async {
        let mut core = home.core().await;
        for (issuer, key_id, words) in [
            (
                json!({ "generated": { "prefix": "acme" } }),
                "acme_x",
                "generated cannot revoke a key by its id",
            ),
            (
                json!({ "aws_iam": { "user_name": user } }),
                " ",
                "key_id is empty",
            ),
            (json!({}), "AKIAX", "No issuer"),
        ] {
            let config = json!({ "issuer": issuer, "key_id": key_id });
            let (said, errors) = core.action(REVOKE, config).await.unwrap_err();
            assert!(said.is_empty(), "{said:?}");
            assert!(errors[0].0.contains(words), "{errors:?}");
        }
    });
    let changes = r#""iam:UpdateAccessKey","iam:DeleteAccessKey""#;
    home.cloud.deny(&home.admin_name, changes);
    run(async {
        let mut core = home.core().await;
        let config =
            json!({ "issuer": { "aws_iam": { "user_name": user } }, "key_id": keys[0].id });
        let (said, errors) = core.action(REVOKE, config).await.unwrap_err();
        assert!(said.join("\n").contains("is active"), "{said:?}");
        assert!(errors[0].1.contains("AccessDenied"), "{errors:?}");
    });
    assert!(home.cloud.accepts(&keys[0].id, &keys[0].secret));
}

#[test]
fn an_identity_that_names_no_key_is_explained() {
    let home = Home::new();
    run(async {
        let mut core = home.core().await;
        for id in ["key_0123456789abcdef0123", "AKIAIOSFODNN7EXAMPLE", ""] {
            let identity = value(json!({ "id": id }));
            let refused = core.import(KEY, "", &identity).await.unwrap_err();
            let text = format!("{refused:?}");
            assert!(
                text.contains("aws_iam:<id of the access key>") || text.contains("without an id"),
                "{text}"
            );
        }
    });
}

#[test]
fn a_key_keeps_its_identity_through_its_whole_life() {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({
        "name": "a",
        "policy": { "name": "p", "rotation_interval": "100s", "stage_before": "20s",
                    "propagation_delay": "5s", "grace_period": "30s" },
        "issuer": { "generated": { "prefix": "made" } },
        "deliveries": { "app": { "file": { "path": "a.json" } } },
    });
    run(async {
        let mut object = Object::absent();
        let mut identities = Vec::new();
        for at in ["00:00", "01:20", "01:40", "02:10"] {
            let clock = format!("2026-01-01T00:{at}Z");
            let plugin = Plugin::real(folder.path(), &[("APIKEY_CLOCK", &clock)]).await;
            let mut core = Core::new(plugin).await;
            core.configure(json!({})).await.unwrap();
            let config = core.config(KEY, config.clone());
            object = core.run(KEY, &object, &config).await.unwrap();
            identities.push(object.identity.clone());
        }
        assert_eq!(object.text("last_action"), "revoke");
        identities.dedup();
        assert_eq!(identities, [value(json!({ "id": object.text("id") }))]);
    });
}

#[test]
fn a_policy_is_imported_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let plugin = Plugin::real(folder.path(), &[]).await;
        let mut core = Core::new(plugin).await;
        core.configure(json!({})).await.unwrap();
        let identity = value(json!({ "name": "high" }));
        let imported = core.import(POLICY, "", &identity).await.unwrap();
        assert_eq!(imported.identity, identity);
        let config = core.config(POLICY, json!({ "name": "high", "tier": "standard" }));
        let applied = core.run(POLICY, &imported, &config).await.unwrap();
        assert_eq!(applied.text("rotation_interval"), "90d");
        assert_eq!(applied.identity, identity);
    });
}

/// A plan and an apply open it with the same call, and an apply takes no deferral, whatever it says.
#[test]
fn a_secret_that_is_not_there_yet_is_an_error_to_every_client() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let plugin = Plugin::real(folder.path(), &[]).await;
        let mut core = Core::new(plugin).await;
        core.configure(json!({})).await.unwrap();
        let delivery = json!({ "delivery": { "file": { "path": "a.json" } } });
        for allowed in [true, false] {
            core.capabilities.deferral_allowed = allowed;
            let opened = core.ephemeral("apikey_secret", delivery.clone()).await;
            let errors = opened.unwrap_err();
            assert!(errors[0].0.contains("There is no document"), "{errors:?}");
        }
    });
}

pub fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

#[test]
fn a_key_that_is_managed_already_is_not_listed() {
    let home = Home::new();
    let (user, _) = home.user("managed", 1);
    let config = json!({
        "name": "managed",
        "policy": { "name": "p", "rotation_interval": "1000d", "on_destroy": "retain" },
        "issuer": { "aws_iam": { "user_name": user } },
        "deliveries": { "app": { "file": { "path": "a.json" } } },
    });
    run(async {
        let mut core = home.core().await;
        let config = core.config(KEY, config);
        let created = core.run(KEY, &Object::absent(), &config).await.unwrap();
        let listed = core.list(KEY, of_user(&user), false, 0).await.unwrap();
        assert_eq!(listed.len(), 1, "the one that was made by hand: {listed:?}");
        let mut all = of_user(&user);
        all["include_managed"] = true.into();
        let listed = core.list(KEY, all, false, 0).await.unwrap();
        let names: Vec<&str> = listed.iter().map(|it| it.display_name.as_str()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        let told = "managed as managed";
        assert_eq!(
            names.iter().filter(|name| name.contains(told)).count(),
            1,
            "{names:?}"
        );
        // What is left behind on purpose belongs to no resource.
        let mut core = home.core().await;
        core.run(KEY, &created, &ValueAny::Null).await.unwrap();
        let listed = core.list(KEY, of_user(&user), false, 0).await.unwrap();
        assert_eq!(listed.len(), 2, "{listed:?}");
    });
}

#[test]
fn a_client_that_would_store_a_write_only_secret_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let plugin = Plugin::real(folder.path(), &[]).await;
        let mut core = Core::new(plugin).await;
        core.capabilities.write_only_attributes_allowed = false;
        let mut config = json!({
            "name": "a", "policy": { "name": "p", "rotation_interval": "30d" },
            "issuer": { "generated": { "prefix": "made" } },
            "verification": { "url": "https://example.com/", "headers": { "A": "{{secret}}" } },
        });
        let plain = core.config(KEY, config.clone());
        core.validate(KEY, &plain).await.unwrap();
        config["existing_secret_wo"] = "made-up-canary".into();
        config["verification"]["headers_wo"] = json!({ "X": "made-up-canary" });
        let secret = core.config(KEY, config);
        let errors = core.validate(KEY, &secret).await.unwrap_err();
        assert_eq!(errors.len(), 2, "{errors:?}");
        for (summary, detail) in errors {
            assert!(summary.contains("does not know write-only attributes"));
            assert!(detail.contains("Terraform 1.11") && !detail.contains("canary"));
        }
    });
}
