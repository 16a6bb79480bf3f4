//! The actions of the provider in a workspace, called as Terraform 1.14 calls them: the real CLI of the tests may be older.

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::protocol::client::Plugin;
use crate::support::core::Core;
use crate::support::workspace::Workspace;

/// Rotates `apikey_managed.k` with `apikey_rotate_now`. Gives what was said.
pub fn rotate_now(ws: &Workspace) -> Vec<String> {
    let key = json!({ "key": ws.key("k").0 });
    invoke(ws, "apikey_rotate_now", key).unwrap()
}

/// Invokes an action. Gives what was said, or why it was refused.
pub fn invoke(ws: &Workspace, name: &str, config: Value) -> Result<Vec<String>, String> {
    let mut environment = ws.environment();
    let data = ws.path(".terraform").display().to_string();
    environment.push(("TF_DATA_DIR".into(), data));
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Runtime::new().unwrap().block_on(async {
        let plugin = Plugin::real(ws.home(), &environment).await;
        let mut core = Core::new(plugin).await;
        core.configure(json!({})).await.unwrap();
        let said = core.action(name, config).await;
        core.plugin.end().await;
        said.map_err(|(_, errors)| format!("{errors:?}"))
    })
}
