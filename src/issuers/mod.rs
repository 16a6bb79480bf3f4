//! Issuers: where keys are minted and revoked. One file an issuer, one line in [`ISSUERS`].
//!
//! An issuer talks to its vendor and reports facts. It decides nothing about time, slots or order.

pub mod aws_iam;
pub mod generated;
pub mod google_api_key;
pub mod google_service_account_key;
pub mod http;
pub mod manual;
pub mod stripe;
mod takeover;
pub mod twilio_api_key;
mod vault;
pub mod vault_approle;
pub mod vault_token;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use async_trait::async_trait;
use tf_provider::value::ValueAny;

use crate::context::Context;
pub use crate::domain::capabilities::{Capabilities, Label, LastUse, Listing, Overlap, Supply};
pub use crate::domain::listed::{KeyStatus, Listed};
pub use crate::domain::usage::{Question, Records, Use};
use crate::error::{Error, Kind, Path, Result};
use crate::instant::Instant;
use crate::scan::format::Format;
use crate::schema::Attributes;
use crate::secret::Secret;
use crate::settings::Settings;

/// Every issuer there is. The schema, the validation, the import and the docs read this table.
pub static ISSUERS: &[&dyn IssuerKind] = &[
    &aws_iam::AwsIam,
    &generated::Generated,
    &google_api_key::GoogleApiKey,
    &google_service_account_key::GoogleServiceAccountKey,
    &http::Http,
    &manual::Manual,
    &stripe::Stripe,
    &twilio_api_key::TwilioApiKey,
    &vault_approle::VaultAppRole,
    &vault_token::VaultToken,
];

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

    /// One of these settings under the one name that it has, however it is written: another spelling is no other resource.
    fn canonical(&self, name: &str, settings: &Settings) -> ValueAny {
        settings.value(name).cloned().unwrap_or_default()
    }

    /// Settings that are right: what the docs show, and what every table of what issuers can do is made from.
    fn example(&self) -> BTreeMap<String, ValueAny>;

    /// What the credentials of the provider must be allowed to do, in the vendor's words; nothing where nobody is asked.
    fn permissions(&self) -> &'static [Permission];

    /// A person makes its keys and revokes them, see [`Issuer::by_hand`].
    fn is_by_hand(&self) -> bool {
        false
    }

    /// How its keys look, as far as they look like nothing else.
    fn formats(&self) -> &'static [Format] {
        &[]
    }

    /// What follows the name of the issuer in the id by which a key that exists is [imported](Self::import), such as
    /// `<id of the key>`; `None` where none can be.
    fn import_id(&self) -> Option<&'static str> {
        None
    }

    /// Reads the settings; nothing is sent yet. Errors carry the attribute path.
    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Issuer>>;

    /// Finds a key that exists by an id of the form of [`import_id`](Self::import_id).
    async fn import(&self, id: &str, context: &Context) -> Result<Imported> {
        let _ = context;
        Err(Error::new(
            Kind::Invalid,
            format!("{} cannot import {id:?}", self.name()),
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

/// Something that the credentials of the provider must be allowed to do.
#[derive(Clone, Copy, Debug)]
pub struct Permission {
    /// Its name at the vendor, such as `iam:CreateAccessKey`.
    pub name: &'static str,
    /// What it is needed for, as a part of a sentence.
    pub needed: &'static str,
}

/// A key as the engine knows it when it calls on an issuer.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyRef<'a> {
    /// Its public id, where it has one.
    pub key_id: Option<&'a str>,
    /// Its secret, where it is at hand: some issuers tell their keys apart by nothing else.
    pub secret: Option<&'a Secret>,
}

impl<'a> KeyRef<'a> {
    /// A key of which only the id is known.
    pub fn of_id(key_id: &'a str) -> Self {
        Self {
            key_id: Some(key_id),
            secret: None,
        }
    }
}

/// A key as the issuer hands it out, the only time its secret is seen.
#[derive(Debug)]
pub struct Minted {
    /// The public name of the key, where the issuer gives one.
    pub key_id: Option<String>,
    /// The secret.
    pub secret: Secret,
    /// When it was created by the clock of the issuer, as far as it tells.
    pub created_at: Option<Instant>,
}

/// What became of a key that was to be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It was ended just now.
    Ended,
    /// The issuer says that there is no such key.
    NotFound,
}

/// What a person does at a vendor that nobody can ask, in words that end a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByHand {
    /// How a new key is made and handed in.
    pub bring: String,
    /// How a key is revoked.
    pub revoke: String,
    /// The attribute in which that is confirmed, by the id of the key.
    pub confirm: String,
    /// The ids of keys that were revoked, as a person says.
    pub revoked: Vec<String>,
    /// The id of the key that is handed in.
    pub brings: Option<String>,
}

/// Commands by which a person helps himself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cli {
    /// Shows whether a key is still in use.
    pub look: String,
    /// Deletes the key.
    pub delete: String,
}

/// The answer of one attempt to use a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// The key was accepted.
    Accepted,
    /// The key was refused, with the vendor's scrubbed words.
    Refused(String),
}

/// A key that exists, found by the id of an import.
#[derive(Debug)]
pub struct Imported {
    /// The account that it belongs to, as [`Issuer::lock`] names it, where another account may have a key of the same id.
    pub account: Option<String>,
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
/// It reports what the vendor says and decides nothing. What follows from a list (room for another key, a key that is
/// gone, a mint whose answer was lost) is worked out once for all issuers, in [`crate::engine::account`].
///
/// Every method may be repeated safely except [`mint`](Issuer::mint). A timeout, 429 or 5xx is
/// [`Kind::Unavailable`]; a refused administrator credential is [`Kind::Denied`]; neither is ever "not found".
#[async_trait]
pub trait Issuer: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// The account whose keys are counted together, such as `aws_iam user ci`. Names it in messages.
    fn account(&self) -> String;

    /// The account under the one name that everybody locks it by, however the settings name it. States remember it, so its
    /// form never changes.
    async fn lock(&self) -> Result<String> {
        Ok(self.account())
    }

    /// What can fail before a mint beside the list and the room in it. Sends nothing that changes anything, or that is
    /// expected to fail.
    async fn check(&self) -> Result<()> {
        Ok(())
    }

    /// By how many seconds its clock was ahead of the machine's when it answered last, as far as it tells.
    fn ahead(&self) -> i64 {
        0
    }

    /// Creates a key. Called once for each decision. `token` is unique to this call, for issuers that take an
    /// idempotency key, or a name by which the key is found again. An error means that no key of ours is left behind,
    /// unless it is [`Kind::Uncertain`].
    async fn mint(&self, token: &str) -> Result<Minted>;

    /// Every key of the account that [`Capabilities::listing`] promises. [`Kind::NotFound`] where the account is
    /// not found, which means that it is gone only where [`Capabilities::proves_absence`] says so.
    async fn list(&self) -> Result<Vec<Listed>> {
        Ok(Vec::new())
    }

    /// How one key stands. Only called where [`Capabilities::describes`] is set and nothing is listed.
    async fn describe(&self, key_id: &str) -> Result<KeyStatus> {
        Err(unable(self.account(), &format!("describe key {key_id}")))
    }

    /// Who holds a key that this account does not list, for people: `user payments`. `None` if the issuer says for certain
    /// that it has no such key, an error where it cannot say.
    async fn holder(&self, key_id: &str) -> Result<Option<String>> {
        let _ = key_id;
        Ok(None)
    }

    /// The last use of the key, as far as the issuer knows; `None` if there was none. Only called where
    /// [`Capabilities::last_use`] is set.
    async fn last_use(&self, key_id: &str) -> Result<Option<Use>> {
        let _ = key_id;
        Ok(None)
    }

    /// The calls that were made with the key, as far as they are on record. `last` is where it was used last, if that is
    /// known. Only called where [`Capabilities::records_calls`] is set.
    async fn calls(&self, key_id: &str, asked: &Question, last: Option<&Use>) -> Result<Records> {
        let _ = (asked, last);
        Err(unable(
            self.account(),
            &format!("tell who called with key {key_id}"),
        ))
    }

    /// Uses the key once. Only called where [`Capabilities::probe`] is set.
    async fn probe(&self, key_id: Option<&str>, secret: &Secret) -> Result<Probe> {
        let _ = (key_id, secret);
        Ok(Probe::Accepted)
    }

    /// Switches the key off where that is possible, then deletes it. `survivor` is the key of the same resource that lives
    /// on: at an issuer without ids it tells which of the two is meant, and where a promotion ends the old key
    /// ([`Overlap::UntilPromoted`](crate::domain::capabilities::Overlap)) it is what is promoted.
    async fn revoke(&self, key: KeyRef<'_>, survivor: Option<KeyRef<'_>>) -> Result<Revoked>;

    /// What a person does in place of it. Only where [`Capabilities::supply`] says that keys are brought.
    fn by_hand(&self) -> Option<ByHand> {
        None
    }

    /// By which id one of its keys is imported, in the form of [`IssuerKind::import_id`].
    fn import_id(&self, key_id: &str) -> Option<String> {
        let _ = key_id;
        None
    }

    /// How a person looks after one of its keys, in commands of the vendor.
    fn cli(&self, key_id: &str) -> Option<Cli> {
        let _ = key_id;
        None
    }
}

/// The issuer of this name.
pub fn find(name: &str) -> Option<&'static dyn IssuerKind> {
    all().find(|kind| kind.name() == name)
}

/// The issuers of the table, and those that a build of its own has added.
pub fn all() -> impl Iterator<Item = &'static dyn IssuerKind> {
    let added = ADDED.get().copied().unwrap_or_default();
    ISSUERS.iter().chain(added).copied()
}

/// An issuer with the settings of its example. Nothing is sent.
pub fn of_example(kind: &dyn IssuerKind, context: &Context) -> Result<Box<dyn Issuer>> {
    let example = kind.example();
    let path = Path::root("issuer").attribute(kind.name());
    kind.connect(&Settings::new(path, &example), context)
}

/// Adds issuers to the table. Once in a process, before the provider is served; what comes later is not heard.
pub fn add(issuers: &'static [&'static dyn IssuerKind]) {
    let _ = ADDED.set(issuers);
}

static ADDED: OnceLock<&'static [&'static dyn IssuerKind]> = OnceLock::new();

fn unable(account: String, what: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("{account} cannot {what}"),
        "It was asked for something that it does not claim to do. Report this as a bug of the provider.",
    )
}
