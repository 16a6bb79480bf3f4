//! One managed key of one IAM user, delivered to one secret, and the administrator whom the provider runs as.

use apikey::instant::Instant;
use serde_json::Value;

use super::cloud::{Cloud, EVERYTHING, HandMade};
use crate::aws::unique;
use crate::support::keys::Config;
use crate::support::outcome::Outcome;
use crate::support::state::Key;
use crate::support::workspace::Workspace;

/// The address of the key.
pub const KEY: &str = "apikey_managed.k";

pub struct World {
    pub cloud: &'static Cloud,
    pub ws: Workspace,
    /// Whom the provider runs as.
    pub admin: String,
    pub admin_key: HandMade,
    /// Whose keys are managed.
    pub user: String,
    /// Where they are delivered.
    pub secret_id: String,
}

impl World {
    /// A world with the usual configuration.
    pub fn new() -> Self {
        Self::on(Cloud::shared())
    }

    /// The same on another server.
    pub fn on(cloud: &'static Cloud) -> Self {
        let world = Self::empty(cloud);
        world.write(&world.config());
        world
    }

    fn empty(cloud: &'static Cloud) -> Self {
        let (admin, user) = (unique("admin"), unique("ci"));
        for name in [&admin, &user] {
            cloud.create_user(name);
        }
        cloud.allow(&admin, EVERYTHING);
        let world = Self {
            ws: Workspace::new(),
            admin_key: cloud.create_key(&admin),
            secret_id: unique("prod/payments"),
            cloud,
            admin,
            user,
        };
        world
            .ws
            .env("AWS_ENDPOINT_URL", &cloud.url())
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        world.run_as(&world.admin_key.id, &world.admin_key.secret);
        world
    }

    /// From now on the provider runs with this key.
    pub fn run_as(&self, id: &str, secret: &str) {
        self.ws
            .env("AWS_ACCESS_KEY_ID", id)
            .env("AWS_SECRET_ACCESS_KEY", secret);
    }

    /// Sets the clock near the time at which the server notes what keys are used.
    pub fn at_the_servers_time(&self) {
        let since_epoch = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let now = Instant::from_unix(since_epoch as i64);
        self.ws.at(&now.to_string());
    }

    /// One key of the user, delivered to the secret as `app`.
    pub fn config(&self) -> Config {
        Config::new()
            .issuer(&issuer(&self.user))
            .deliveries(&format!("{{ app = {} }}", self.delivery()))
    }

    /// The same, and a file `k.json` as `local`.
    pub fn config_with_a_file(&self) -> Config {
        self.config().deliveries(&format!(
            r#"{{ app = {}, local = {{ file = {{ path = "k.json" }} }} }}"#,
            self.delivery()
        ))
    }

    pub fn delivery(&self) -> String {
        secrets_manager(&self.secret_id)
    }

    pub fn write(&self, config: &Config) -> &Self {
        self.ws.write(&config.text());
        self
    }

    /// The one managed key in the state.
    #[track_caller]
    pub fn key(&self) -> Key {
        self.ws.key("k")
    }

    /// The ids of the keys that the user has at the issuer.
    pub fn ids(&self) -> Vec<String> {
        self.cloud.ids_of(&self.user)
    }

    /// Somebody changes the secrets in the document by hand.
    pub fn alters(&self) {
        let mut document = self.document();
        for slot in ["primary", "secondary"] {
            if document[slot].is_object() {
                document[slot]["secret"] = "made-up-by-hand".into();
            }
        }
        self.cloud.overwrite(&self.secret_id, &document.to_string());
    }

    /// The delivered document; null if there is none.
    pub fn document(&self) -> Value {
        self.cloud.secret(&self.secret_id)
    }

    /// The id and the secret in a slot of the delivered document.
    #[track_caller]
    pub fn delivered(&self, slot: &str) -> (String, String) {
        let document = self.document();
        let text = |name: &str| document[slot][name].as_str().unwrap_or_default().to_owned();
        assert!(
            !text("secret").is_empty(),
            "nothing in {slot} of the delivery"
        );
        (text("key_id"), text("secret"))
    }

    /// Never more than two keys, and whoever reads the delivery now gets in with the primary.
    #[track_caller]
    pub fn in_order(&self) {
        let keys = self.cloud.keys_of(&self.user);
        assert!(keys.len() <= 2, "{keys:?}");
        let (id, secret) = self.delivered("primary");
        assert_eq!(id, self.key().text("primary.key_id"));
        assert!(self.cloud.accepts(&id, &secret), "{id} is refused");
    }

    /// Plans a change that the plan calls by this word, and applies it.
    #[track_caller]
    pub fn takes(&self, action: &str) -> Outcome {
        self.ws.plan().ok().code(2);
        let change = self.ws.change(KEY);
        assert_eq!(change.after("last_action"), action);
        let applied = self.ws.apply_plan().ok();
        self.in_order();
        applied
    }

    /// The first key exists.
    #[track_caller]
    pub fn created(self) -> Self {
        self.ws.apply().ok();
        self.in_order();
        self
    }

    /// A second key is staged.
    #[track_caller]
    pub fn staged(self) -> Self {
        self.ws.advance("80s");
        self.takes("stage");
        self
    }

    /// The second key is primary, the first one retires.
    #[track_caller]
    pub fn promoted(self) -> Self {
        self.ws.advance("20s");
        self.takes("promote");
        self
    }
}

pub fn issuer(user: &str) -> String {
    format!(r#"{{ aws_iam = {{ user_name = "{user}" }} }}"#)
}

pub fn secrets_manager(id: &str) -> String {
    format!(r#"{{ aws_secrets_manager = {{ secret_id = "{id}" }} }}"#)
}
