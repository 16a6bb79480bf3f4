//! `apikey_resolve_leak`: says at GitHub that a leaked key is revoked, once the ledger knows that it is.

use async_trait::async_trait;
use serde::Deserialize;
use tf_provider::Diagnostics;
use tf_provider::schema::{AttributeType, Block, Description, Schema};
use tf_provider::value::Value;

use crate::context::{Context, SharedContext};
use crate::error::{Error, Kind, Path, Result};
use crate::ledger::{KeyMark, KeyRecord, ResourceRef, Status};
use crate::protocol::authoring::{Action, Progress};
use crate::resources::diagnostics;
use crate::schema::{attributes, optional, required};
use crate::vendors::github::alerts::{Address, Alert, alert, resolve};
use crate::vendors::github::{self, Client};

/// The action.
pub struct ResolveLeak {
    context: SharedContext,
}

/// Which alert.
#[derive(Deserialize)]
#[allow(missing_docs, reason = "described in the schema")]
pub struct Request {
    pub alert: Value<String>,
    pub comment: Value<String>,
}

impl ResolveLeak {
    /// An action that will use the context once the provider is configured.
    pub fn new(context: SharedContext) -> Self {
        Self { context }
    }
}

#[async_trait]
impl Action for ResolveLeak {
    type Config<'a> = Request;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(schema())
    }

    async fn validate<'a>(&self, diags: &mut Diagnostics, config: Request) -> Option<()> {
        let Some(url) = config.alert.as_deref_option() else {
            return Some(());
        };
        diagnostics::collect(diags, address(url)).map(drop)
    }

    async fn invoke<'a>(
        &self,
        diags: &mut Diagnostics,
        config: Request,
        progress: &Progress,
    ) -> Option<()> {
        let context = diagnostics::collect(diags, self.context.settled())?;
        let url = config.alert.as_deref_option().unwrap_or_default();
        let comment = config.comment.as_deref_option();
        let done = resolved(url, comment, context, progress).await;
        diagnostics::collect(diags, done)
    }
}

fn schema() -> Schema {
    Schema {
        version: 0,
        block: Block {
            attributes: attributes([
                (
                    "alert",
                    required(
                        AttributeType::String,
                        "URL of the alert, as `apikey_leaks` has it: `https://github.com/acme/payments/security/secret-scanning/7`.",
                    ),
                ),
                (
                    "comment",
                    optional(
                        AttributeType::String,
                        "What is written beside it. Default: which key it was, and when it was revoked.",
                    ),
                ),
            ]),
            description: Description::markdown(
                "Resolves an alert of GitHub's secret scanning as `revoked`. Refused while the key lives, and where the ledger does \
                 not know the key, for then nobody can tell that it is dead. An alert that is resolved already is left as it is.",
            ),
            ..Block::default()
        },
    }
}

fn address(url: &str) -> Result<Address> {
    Address::of(url).ok_or_else(|| {
        Error::invalid(
            Path::root("alert"),
            "alert is no URL of an alert",
            format!(
                "{url:?} does not look like https://github.com/acme/payments/security/secret-scanning/7. Take url from \
                 data.apikey_leaks."
            ),
        )
    })
}

async fn resolved(
    url: &str,
    comment: Option<&str>,
    context: &Context,
    progress: &Progress,
) -> Result<()> {
    let address = address(url)?;
    let client: std::sync::Arc<Client> = github::client(context)?;
    let found = alert(&client, &address).await?;
    if found.html_url != url {
        return Err(refused(
            "The alert is another one",
            format!(
                "{} has {} under this address. Check base_url of the github block, and write the URL as it is there.",
                client.host(),
                found.html_url
            ),
        ));
    }
    if found.state == "resolved" {
        let how = found.resolution.as_deref().unwrap_or("unknown");
        progress.say(format!(
            "the alert is resolved already, as {how}: nothing to do"
        ));
        return Ok(());
    }
    let (whose, record) = revoked(&found, context).await?;
    let label = record.key.label();
    progress.say(format!("key {label} of {} is revoked", whose.name));
    let at = record
        .revoked_at
        .map_or_else(String::new, |at| format!(" at {at}"));
    let usual = format!(
        "Key {label} of apikey_managed {} was revoked{at}.",
        whose.name
    );
    resolve(&client, &address, comment.unwrap_or(&usual)).await?;
    progress.say("the alert is resolved as revoked");
    Ok(())
}

/// The key that the alert is about, if it is dead for certain.
async fn revoked(found: &Alert, context: &Context) -> Result<(ResourceRef, KeyRecord)> {
    let marks = found.fingerprints.iter();
    let marks: Vec<KeyMark> = marks.map(|it| KeyMark::new(None, Some(it))).collect();
    let records = context.ledger.find_keys(&marks).await?;
    let alive = records.iter().find(|(_, it)| it.status != Status::Revoked);
    if let Some((whose, record)) = alive {
        return Err(refused(
            format!("Key {} of {} lives", record.key.label(), whose.name),
            format!(
                "The alert stays open as long as the key that it is about is not revoked. Rotate it with on_leak = \"rotate\" or an \
                 emergency in workspace {}, and run the action again.",
                whose.workspace
            ),
        ));
    }
    if found.validity.as_deref() == Some("active") {
        return Err(refused(
            "GitHub has seen that the secret works",
            "The validity of the alert is active, whatever the ledger says. Let GitHub check it again, and look at the issuer.",
        ));
    }
    records.into_iter().next().ok_or_else(|| {
        refused(
            "The ledger does not know the key of this alert",
            format!(
                "So nobody can tell that it is dead, and the alert stays open. The ledger is {}.",
                context.ledger.place()
            ),
        )
    })
}

fn refused(summary: impl Into<String>, detail: impl Into<String>) -> Error {
    Error::new(Kind::Other, summary, detail).at(Path::root("alert"))
}
