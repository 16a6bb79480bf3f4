//! Issuers: where keys are minted and revoked. One file an issuer, one line in [`ISSUERS`].
//!
//! An issuer talks to its vendor and reports facts. It decides nothing about time, slots or order.

pub mod aws_iam;
pub mod generated;

use std::collections::BTreeMap;

use async_trait::async_trait;
use tf_provider::value::ValueAny;

use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::schema::Attributes;
use crate::secret::Secret;
use crate::settings::Settings;

/// Every issuer there is. The schema, the validation, the import and the docs read this table.
pub static ISSUERS: &[&dyn IssuerKind] = &[&aws_iam::AwsIam, &generated::Generated];

/// One sort of issuer: its place in the schema and how to reach it.
#[async_trait]
pub trait IssuerKind: Sync {
    /// The attribute of `issuer` that selects it.
    fn name(&self) -> &'static str;

    /// What it mints, in a sentence or two of Markdown.
    fn description(&self) -> &'static str;

    /// Its settings.
    fn attributes(&self) -> Attributes;

    /// Settings that say whose keys these are: a change of one means another resource, so it forces replacement.
    fn identity(&self) -> &'static [&'static str];

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Whether its keys have a public id beside their secret.
    fn names_its_keys(&self) -> bool {
        true
    }

    /// Reads the settings; nothing is sent yet. Errors carry the attribute path.
    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Issuer>>;

    /// Finds a key that was created elsewhere. Only called where [`Capabilities::import`] is set.
    async fn import(&self, key_id: &str, context: &Context) -> Result<Imported> {
        let _ = context;
        Err(Error::new(
            Kind::Invalid,
            format!("{} cannot import {key_id:?}", self.name()),
            "This issuer keeps no record of its keys, so there is nothing to import. Remove the import and let apply \
             create the resource; it mints a new key.",
        ))
    }

    /// What narrows a search for the keys of an issuer; `None` where it cannot be searched.
    fn search_attributes(&self) -> Option<Attributes> {
        None
    }

    /// Begins a search for keys that exist; nothing is sent yet. Only called where
    /// [`search_attributes`](Self::search_attributes) gives something.
    fn search(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Search>> {
        let _ = context;
        Err(Error::invalid(
            settings.path().clone(),
            format!("{} cannot be searched", self.name()),
            "This issuer keeps no record of its keys.",
        ))
    }
}

/// What an issuer can do beyond minting and revoking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// It can tell whether a key is accepted, so a new key is proved before it is promoted.
    pub probe: bool,
    /// It can tell when a key was last used.
    pub last_used: bool,
    /// It can tell whether a key still exists.
    pub inspect: bool,
    /// It can describe a key that somebody else created.
    pub import: bool,
    /// A new key is accepted as soon as it is minted. Otherwise whoever accepts it learns of it from a delivery.
    pub valid_at_mint: bool,
    /// Its keys exist where they are delivered and nowhere else: one that was lost on the way is not alive.
    pub local: bool,
}

/// A key as the issuer hands it out, the only time its secret is seen.
#[derive(Debug)]
pub struct Minted {
    /// The public name of the key, where the issuer gives one.
    pub key_id: Option<String>,
    /// The secret.
    pub secret: Secret,
}

/// A key in the list of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The public id of the key.
    pub key_id: String,
    /// When the issuer created it.
    pub created_at: Instant,
}

/// Keys of others in an account that holds only so many: there is no room for the two that a rotation needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// How many keys the account holds at most.
    pub limit: usize,
    /// The keys that are not the resource's.
    pub others: Vec<Stranger>,
}

/// A key in the account that is not the resource's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// The public id of the key.
    pub key_id: String,
    /// How it stands and since when it exists.
    pub about: String,
    /// The command by which a person finds out whether it is still in use.
    pub look: String,
    /// The command by which a person deletes it.
    pub delete: String,
}

/// What the issuer says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// It exists and works.
    Active,
    /// It exists and is switched off.
    Inactive,
    /// The issuer says for certain that there is no such key.
    Missing,
}

/// The answer of one attempt to use a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The key was accepted.
    Accepted,
    /// The key was refused, with the vendor's scrubbed words.
    Refused(String),
}

/// A key that was created elsewhere, found by its id.
#[derive(Debug)]
pub struct Imported {
    /// The settings of the issuer that the key belongs to.
    pub settings: BTreeMap<String, ValueAny>,
    /// The public id of the key.
    pub key_id: String,
    /// When the issuer created it.
    pub created_at: Instant,
    /// How it stands.
    pub status: KeyStatus,
}

/// A key that a search found.
#[derive(Debug)]
pub struct Existing {
    /// What an import would tell of it.
    pub key: Imported,
    /// Whose it is, for people: `user payments`.
    pub owner: String,
}

/// A search under way. It asks for the next page only when somebody wants it.
#[async_trait]
pub trait Search: Send + Sync {
    /// Some more keys; `None` when there are no more. A page may be empty.
    async fn next(&mut self) -> Result<Option<Vec<Existing>>>;

    /// When a key that was found was last used, as far as the issuer knows; `None` if never.
    async fn last_used(&self, key_id: &str) -> Result<Option<Instant>>;
}

/// One place where keys come from, with its settings.
///
/// Every method may be repeated safely except [`mint`](Issuer::mint). A timeout, 429 or 5xx is
/// [`Kind::Unavailable`]; a refused administrator credential is [`Kind::Denied`]; neither is ever "not found".
#[async_trait]
pub trait Issuer: Send + Sync {
    /// The account whose keys are counted together, such as `aws_iam user ci`. Names it in messages.
    fn account(&self) -> String;

    /// The account under the one name that everybody locks it by, however the settings name it. States remember it, so its
    /// form never changes.
    async fn lock(&self) -> Result<String> {
        Ok(self.account())
    }

    /// Everything that can fail before a mint and can be asked without trying: reach, permissions to look, room for one
    /// more key ([`Kind::Limit`] if there is none). `owned` are the ids that the resource already has.
    async fn check(&self, owned: &[String]) -> Result<()>;

    /// By how many seconds its clock was ahead of the machine's when it answered last, as far as it tells.
    fn ahead(&self) -> i64 {
        0
    }

    /// How many keys the account holds at most, those that are switched off included; `None` if there is no limit that
    /// a resource could meet.
    fn limit(&self) -> Option<usize> {
        None
    }

    /// Who takes the room of the two keys that a rotation needs; `None` if there is room, or the issuer sets no limit.
    async fn crowd(&self, owned: &[String]) -> Result<Option<Crowd>> {
        let _ = owned;
        Ok(None)
    }

    /// The account may have changed: what was listed so far counts no more. Called once nobody else works on it; from then
    /// on one list serves all questions, and the issuer keeps it in step with what it does itself.
    fn look_again(&self) {}

    /// Creates a key. Called once for each decision. `token` is unique to this call, for issuers that take an
    /// idempotency key, or a name by which the key is found again. An error means that no key of ours is left behind,
    /// unless it is [`Kind::Uncertain`].
    async fn mint(&self, token: &str) -> Result<Minted>;

    /// Every key of the account, whoever made it; `None` if the issuer cannot list them.
    async fn list(&self) -> Result<Option<Vec<Listed>>> {
        Ok(None)
    }

    /// What the issuer says of each of these keys, in the same order; `None` where it cannot say.
    async fn inspect(&self, key_ids: &[String]) -> Result<Vec<Option<KeyStatus>>> {
        Ok(key_ids.iter().map(|_| None).collect())
    }

    /// Who holds a key that this account does not list, for people: `user payments`. `None` if the issuer says for certain
    /// that it has no such key, an error where it cannot say.
    async fn holder(&self, key_id: &str) -> Result<Option<String>> {
        let _ = key_id;
        Ok(None)
    }

    /// When the key was last used, as far as the issuer knows; `None` if never.
    async fn last_used(&self, key_id: &str) -> Result<Option<Instant>> {
        let _ = key_id;
        Ok(None)
    }

    /// Uses the key once. Only called where [`Capabilities::probe`] is set.
    async fn probe(&self, key_id: Option<&str>, secret: &Secret) -> Result<Probe> {
        let _ = (key_id, secret);
        Ok(Probe::Accepted)
    }

    /// Switches the key off where that is possible, then deletes it. A key that is gone already counts as done.
    async fn revoke(&self, key_id: Option<&str>) -> Result<()>;
}

/// The issuer of this name.
pub fn find(name: &str) -> Option<&'static dyn IssuerKind> {
    ISSUERS.iter().copied().find(|kind| kind.name() == name)
}
