//! Configurations of one key `apikey_managed.k`, named `payments`, with one line changed at a time.

use crate::support::workspace::Workspace;

/// Staged at 80 s, due at 100 s, promoted 5 s after the delivery at the earliest, revoked 30 s after the swap.
pub const FAST: &str = r#"
  rotation_interval = "100s"
  stage_before      = "20s"
  propagation_delay = "5s"
  grace_period      = "30s"
"#;

/// One policy and one key that is delivered to `k.json`.
#[derive(Clone, Debug)]
pub struct Config {
    name: String,
    policy: String,
    issuer: String,
    deliveries: String,
    more: String,
    rest: String,
}

impl Config {
    pub fn new() -> Self {
        Self {
            name: "payments".into(),
            policy: FAST.into(),
            issuer: r#"{ generated = { prefix = "acme" } }"#.into(),
            deliveries: r#"{ app = { file = { path = "k.json" } } }"#.into(),
            more: String::new(),
            rest: String::new(),
        }
    }

    pub fn name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Replaces all settings of the policy.
    pub fn policy(mut self, settings: &str) -> Self {
        self.policy = settings.into();
        self
    }

    /// Adds a setting to the policy.
    pub fn and_policy(mut self, setting: &str) -> Self {
        self.policy = format!("{}\n  {setting}\n", self.policy);
        self
    }

    pub fn issuer(mut self, issuer: &str) -> Self {
        self.issuer = issuer.into();
        self
    }

    pub fn deliveries(mut self, deliveries: &str) -> Self {
        self.deliveries = deliveries.into();
        self
    }

    /// Two files of the same key: `a.json` and `b.json`.
    pub fn two_deliveries(self) -> Self {
        self.deliveries(
            r#"{ a = { file = { path = "a.json" } }, b = { file = { path = "b.json" } } }"#,
        )
    }

    /// Adds a setting to the key.
    pub fn with(mut self, setting: &str) -> Self {
        self.more = format!("{}\n  {setting}\n", self.more);
        self
    }

    /// Adds something beside the key.
    pub fn beside(mut self, block: &str) -> Self {
        self.rest = format!("{}\n{block}\n", self.rest);
        self
    }

    /// What stands beside the policy and the key, alone.
    pub fn without_the_key(&self) -> &str {
        &self.rest
    }

    pub fn text(&self) -> String {
        let Self {
            name,
            policy,
            issuer,
            deliveries,
            more,
            rest,
        } = self;
        format!(
            r#"
resource "apikey_rotation_policy" "p" {{
  name = "fast"
  {policy}
}}

resource "apikey_managed" "k" {{
  name       = "{name}"
  policy     = apikey_rotation_policy.p
  issuer     = {issuer}
  deliveries = {deliveries}
  {more}
}}
{rest}
"#
        )
    }
}

/// Workspaces in which the key of [`FAST`] has already lived for a while.
impl Config {
    /// At 0 s: the first key exists.
    #[track_caller]
    pub fn created(&self) -> Workspace {
        let ws = Workspace::with(&self.text());
        ws.apply().ok();
        ws
    }

    /// At 80 s: the second key is staged.
    #[track_caller]
    pub fn staged(&self) -> Workspace {
        let ws = self.created();
        ws.advance("80s").apply().ok();
        assert_eq!(ws.key("k").phase(), "staged");
        ws
    }

    /// At 100 s: the second key is primary, the first is retiring.
    #[track_caller]
    pub fn retiring(&self) -> Workspace {
        let ws = self.staged();
        ws.advance("20s").apply().ok();
        assert_eq!(ws.key("k").phase(), "retiring");
        ws
    }
}
