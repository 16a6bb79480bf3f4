//! `apikey_revoke`: takes one key away at its issuer, whoever made it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tf_provider::Diagnostics;
use tf_provider::schema::{AttributeType, Block, Description, Schema};
use tf_provider::value::{Value, ValueAny};

use crate::context::{Context, SharedContext};
use crate::engine::account::Account;
use crate::engine::account_lock::AccountLock;
use crate::engine::connections::Connections;
use crate::engine::journal::{Bracket, Deed, Journal};
use crate::error::{Error, Kind, Path, Result};
use crate::issuers::{KeyRef, KeyStatus};
use crate::ledger::{Effect, KeyMark, ResourceRef, Status};
use crate::protocol::authoring::{Action, Progress};
use crate::resources::diagnostics;
use crate::resources::managed::connect;
use crate::resources::managed::model::Fields;
use crate::resources::managed::schema::issuers;
use crate::schema::{attributes, required};

/// What the ledger calls it.
const ACTION: &str = "apikey_revoke";
/// How often the issuer is asked whether the key is really gone.
const LOOKS: usize = 5;
const PAUSE: Duration = Duration::from_secs(2);

/// The action.
pub struct Revoke {
    context: SharedContext,
}

/// Which key.
#[derive(Deserialize)]
#[allow(missing_docs, reason = "described in the schema")]
pub struct Request {
    pub issuer: Value<Fields>,
    pub key_id: Value<String>,
}

impl Revoke {
    /// An action that will use the context once the provider is configured.
    pub fn new(context: SharedContext) -> Self {
        Self { context }
    }
}

#[async_trait]
impl Action for Revoke {
    type Config<'a> = Request;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(schema())
    }

    async fn validate<'a>(&self, diags: &mut Diagnostics, config: Request) -> Option<()> {
        diagnostics::collect(diags, checked(&config, &self.context))
    }

    async fn plan<'a>(&self, diags: &mut Diagnostics, config: Request) -> Option<()> {
        diagnostics::collect(diags, checked(&config, &self.context))?;
        let Ok(context) = self.context.settled() else {
            // Nothing can be looked up yet.
            return Some(());
        };
        let (connections, key_id) = match diagnostics::collect(diags, target(&config, context)) {
            Some(Some(target)) => target,
            known => return known.map(drop),
        };
        let issuer = &connections.issuer;
        let status = diagnostics::collect(diags, key_status(issuer, &key_id).await)?;
        if status == KeyStatus::Missing {
            let gone = surely_gone(&connections, &key_id, context).await;
            diagnostics::collect(diags, gone)?;
            diags.root_warning(
                format!("There is no key {key_id} at {}", issuer.account()),
                "It is gone already. The action will find nothing to do.",
            );
        }
        Some(())
    }

    async fn invoke<'a>(
        &self,
        diags: &mut Diagnostics,
        config: Request,
        progress: &Progress,
    ) -> Option<()> {
        diagnostics::collect(diags, checked(&config, &self.context))?;
        let context = diagnostics::collect(diags, self.context.settled())?;
        let target = diagnostics::collect(diags, target(&config, context))?;
        let Some((connections, key_id)) = target else {
            diags.root_error(
                "The key to revoke is not known",
                "Set issuer and key_id to known values.",
            );
            return None;
        };
        let done = revoke(connections, &key_id, context, progress).await;
        diagnostics::collect(diags, done)
    }
}

fn schema() -> Schema {
    Schema {
        version: 0,
        block: Block {
            attributes: attributes([
                (
                    "issuer",
                    required(
                        AttributeType::AttributeSingle(issuers()),
                        "Whose key it is: the same settings as `issuer` of an `apikey_managed`. Only issuers that can \
                         look a key up can revoke it by its id.",
                    ),
                ),
                (
                    "key_id",
                    required(AttributeType::String, "The public id of the key."),
                ),
            ]),
            description: Description::markdown(
                "Revokes one key at its issuer: switches it off, deletes it, and looks until the issuer no longer knows \
                 it. For a key that leaked and that no `apikey_managed` holds, or that must be dead before the next apply. \
                 What uses the key stops working at once.",
            ),
            ..Block::default()
        },
    }
}

fn wholly_known(value: &Value<Fields>) -> bool {
    let known = |fields: &Fields| fields.values().all(crate::settings::known);
    value.as_ref_option().is_some_and(known)
}

/// What can be judged without asking anybody. Unknown parts are judged later.
fn checked(request: &Request, context: &Context) -> Result<()> {
    let key_id = request.key_id.as_deref_option();
    if key_id.is_some_and(|id| id.trim().is_empty()) {
        return Err(Error::invalid(
            Path::root("key_id"),
            "key_id is empty",
            "Set it to the public id of the key that is to be revoked.",
        ));
    }
    let chosen = request.issuer.as_ref_option().into_iter().flatten();
    let unsettled = chosen.clone().any(|(_, field)| *field == ValueAny::Unknown);
    if unsettled || request.issuer.is_unknown() {
        return Ok(());
    }
    let (kind, settings) = connect::issuer(&request.issuer)?;
    if !settings.wholly_known() {
        return Ok(());
    }
    let able = context
        .connector()
        .issuer(kind, &settings, context)?
        .capabilities();
    if !able.key_ids || !able.inspects() {
        return Err(Error::invalid(
            settings.path().clone(),
            format!("{} cannot revoke a key by its id", kind.name()),
            "This issuer keeps no record of its keys. A key of it stops working when the document that is delivered no \
             longer holds it: rotate the apikey_managed that it belongs to.",
        ));
    }
    Ok(())
}

/// The issuer and the id; `None` while they are unknown.
fn target(request: &Request, context: &Context) -> Result<Option<(Connections, String)>> {
    let Some(key_id) = request.key_id.as_deref_option() else {
        return Ok(None);
    };
    if !wholly_known(&request.issuer) {
        return Ok(None);
    }
    let (kind, settings) = connect::issuer(&request.issuer)?;
    let issuer = context.connector().issuer(kind, &settings, context)?;
    let connections = Connections {
        kind: kind.name(),
        capabilities: issuer.capabilities(),
        issuer: Account::new(issuer, context)?,
        deliveries: BTreeMap::new(),
        deployments: BTreeMap::new(),
        former: Vec::new(),
        verification: None,
    };
    Ok(Some((connections, key_id.to_owned())))
}

/// The revocation itself: under the lock of the account, between its intent and its outcome.
async fn written_down(connections: &Connections, key_id: &str, context: &Context) -> Result<()> {
    let part = format!("key {key_id} of {}", connections.issuer.lock().await?);
    let lock = AccountLock::take(context, connections, None, &part).await?;
    let bracket = Bracket {
        // It belongs to no resource: any key of the account can be named.
        resource: ResourceRef {
            workspace: context.workspace.clone(),
            ..ResourceRef::default()
        },
        issuer: connections.kind,
        account: lock.account.clone(),
        action: ACTION.to_owned(),
        promised: Vec::new(),
        guard: Some(lock.guard()),
        ..Bracket::default()
    };
    let journal = Journal::open(context.ledger.as_ref(), context.clock, bracket).await?;
    let revoke = |_| connections.issuer.revoke(KeyRef::of_id(key_id), None);
    let deed = Deed::to(KeyMark::new(Some(key_id.to_owned()), None));
    let revoked = journal
        .effect(Effect::Revoke, ACTION, deed, revoke, |()| None)
        .await;
    let closed = journal.close(revoked.as_ref().err()).await;
    lock.give_back().await;
    revoked.and(closed)
}

async fn key_status(issuer: &Account, key_id: &str) -> Result<KeyStatus> {
    let answers = issuer.inspect(&[key_id.to_owned()]).await?;
    let answer = answers.into_iter().next().flatten();
    answer.ok_or_else(|| {
        Error::new(
            Kind::Other,
            format!("{} does not tell of key {key_id}", issuer.account()),
            "Nothing was done. Look at the issuer.",
        )
    })
}

/// A key that is not where it was said to be may live elsewhere. Nothing is complete before that is ruled out.
async fn surely_gone(connections: &Connections, key_id: &str, context: &Context) -> Result<()> {
    let issuer = &connections.issuer;
    let account = issuer.account();
    let holder = issuer.holder(key_id).await.map_err(|error| Error {
        summary: format!("{account} does not list key {key_id}, which may live elsewhere"),
        detail: format!("{error} Nothing was revoked."),
        ..error
    });
    if let Some(holder) = holder? {
        return Err(Error::invalid(
            Path::root("issuer"),
            format!("Key {key_id} belongs to {holder}, not to {account}"),
            format!(
                "Nothing was revoked, and the key is alive. Set issuer to {holder} and run the action again."
            ),
        ));
    }
    let here = issuer.lock().await?;
    let key = KeyMark::new(Some(key_id.to_owned()), None);
    let known_here = context.ledger.keys_in(&here).await?;
    if known_here.iter().any(|record| record.key.is(&key)) {
        return Ok(());
    }
    let known = context.ledger.find_keys(&[key]).await?;
    let mut alive = known
        .iter()
        .filter(|(_, record)| record.status == Status::Live);
    match alive.next() {
        None => Ok(()),
        Some((whose, _)) => Err(Error::invalid(
            Path::root("issuer"),
            format!("Key {key_id} is not in {here}, but it lives in another account"),
            format!(
                "The ledger knows it as a live key of {} in workspace {}. Nothing was revoked. Run the action with the \
                 credentials and the issuer of that account.",
                whose.name, whose.workspace
            ),
        )),
    }
}

async fn revoke(
    connections: Connections,
    key_id: &str,
    context: &Context,
    progress: &Progress,
) -> Result<()> {
    let issuer = &connections.issuer;
    let account = issuer.account();
    progress.say(format!("looking for key {key_id} at {account}"));
    match key_status(issuer, key_id).await? {
        KeyStatus::Missing => {
            surely_gone(&connections, key_id, context).await?;
            progress.say(format!("{account} has no key {key_id}: nothing to do"));
            return Ok(());
        }
        KeyStatus::Inactive => progress.say(format!("key {key_id} is switched off already")),
        KeyStatus::Active => progress.say(format!("key {key_id} is active")),
    }
    progress.say(format!("switching off and deleting key {key_id}"));
    written_down(&connections, key_id, context).await?;
    for look in 0..LOOKS {
        if look > 0 {
            context.http().wait(PAUSE).await?;
        }
        if key_status(issuer, key_id).await? == KeyStatus::Missing {
            progress.say(format!(
                "key {key_id} is dead: {account} no longer knows it"
            ));
            return Ok(());
        }
        progress.say(format!("{account} still lists key {key_id}; looking again"));
    }
    Err(Error::new(
        Kind::Other,
        format!("Key {key_id} was deleted, but {account} still lists it"),
        "Its list may be late. Look again in a minute, and run the action again if the key is still there.",
    ))
}
