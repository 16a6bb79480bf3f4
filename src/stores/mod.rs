//! Stores: where applications read their keys. One file a store, one line in [`STORES`].
//!
//! A store writes and reads one document that holds both slots. It decides nothing about time or order.

mod aws;
pub mod aws_secrets_manager;
pub mod aws_ssm_parameter;
pub mod document;
pub mod doppler;
pub mod fields;
pub mod file;
pub mod github_actions_secret;
pub mod google_secret_manager;
pub mod infisical;
pub mod kubernetes_secret;
pub mod shape;
pub mod variables;
pub mod vault_kv;
mod write_scope;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tf_provider::value::ValueAny;

use crate::context::Context;
use crate::domain::approval::{Asked, Change};
use crate::error::{Error, Kind, Path, Result};
use crate::issuers::Permission;
use crate::schema::Attributes;
use crate::secret::Fingerprint;
use crate::settings::Settings;

pub use document::{Document, DocumentKey};
pub use write_scope::{Claims, TOGETHER, WriteScope};

/// Every store there is. The schema, the validation and the docs read this table.
pub static STORES: &[&dyn StoreKind] = &[
    &aws_secrets_manager::AwsSecretsManager,
    &aws_ssm_parameter::AwsSsmParameter,
    &doppler::DopplerSecrets,
    &file::File,
    &github_actions_secret::GithubActionsSecret,
    &google_secret_manager::GoogleSecretManager,
    &infisical::InfisicalSecrets,
    &kubernetes_secret::KubernetesSecret,
    &vault_kv::VaultKv,
];

/// One sort of store: its place in the schema and how to reach it.
pub trait StoreKind: Sync {
    /// The attribute of a delivery that selects it.
    fn name(&self) -> &'static str;

    /// What it is, in a sentence or two of Markdown.
    fn description(&self) -> &'static str;

    /// Its settings.
    fn attributes(&self) -> Attributes;

    /// Whether a place can be gone for good while its settings stay right, with the machine or the cluster that it is on. An
    /// account of a vendor can be reached again.
    fn can_be_gone(&self) -> bool {
        false
    }

    /// Settings that are right: what the docs show, and what the table of what stores can do is made from.
    fn example(&self) -> BTreeMap<String, ValueAny>;

    /// What the credentials of the provider must be allowed to do, in the vendor's words; nothing where nobody is asked.
    fn permissions(&self) -> &'static [Permission];

    /// Reads the settings; nothing is sent yet. Errors carry the attribute path.
    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Store>>;
}

/// What one place can do. Asked of the connected store: the settings may decide it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// What was written can be read back, and so be copied from.
    pub readable: bool,
    /// The most bytes that a document may have; `None` where there is no limit that one could meet.
    pub size_limit: Option<usize>,
    /// The store itself refuses a write if something else stands there by then. Otherwise it is looked at right before.
    pub conditional: bool,
    /// It keeps versions of its own, which are told of.
    pub versions: bool,
    /// A write may have to wait for the approval of a person.
    pub approval: bool,
    /// Other machines may have another place of the same identity, as with a path on a disk; nobody is asked.
    pub local: bool,
}

/// What stands at a place now.
#[derive(Debug)]
pub enum Found {
    /// Nothing: the store says so for certain.
    Nothing,
    /// Nothing that readers get. What stood there can still be brought back, in these words; a write brings it back, too.
    Deleted(String),
    /// Something that this provider did not write.
    Foreign(Foreign),
    /// Something that cannot be read back: whose it is, nobody can tell.
    Opaque,
    /// A document of ours.
    Document(Document),
}

impl Found {
    /// Something that this provider did not write, and why it thinks so.
    pub fn foreign(why: impl Into<String>) -> Self {
        Self::Foreign(Foreign {
            why: why.into(),
            ..Foreign::default()
        })
    }

    /// The same of something that the store cannot be made to write over.
    pub fn fixed(why: impl Into<String>) -> Self {
        Self::Foreign(Foreign {
            why: why.into(),
            is_fixed: true,
            ..Foreign::default()
        })
    }

    /// The same of something whose content nobody can read for now, so that any key may stand in it.
    pub fn hidden(why: impl Into<String>) -> Self {
        Self::Foreign(Foreign {
            why: why.into(),
            is_hidden: true,
            ..Foreign::default()
        })
    }

    /// What a change asks for that leaves this in a place; `None` where its keys cannot be told.
    pub fn asked(&self) -> Option<Asked> {
        match self {
            Self::Document(document) => Some(document.asked()),
            Self::Nothing => Some(Asked::default()),
            Self::Deleted(_) | Self::Foreign(_) | Self::Opaque => None,
        }
    }

    /// The same, with the words of foreign content noted: it may hold a key of ours all the same.
    pub fn in_content(self, content: &[u8]) -> Self {
        match self {
            Self::Foreign(foreign) => Self::Foreign(Foreign {
                words: words(content),
                ..foreign
            }),
            found => found,
        }
    }
}

/// What this provider did not write.
#[derive(Debug, Default)]
pub struct Foreign {
    /// Why it thinks so.
    pub why: String,
    words: Vec<Fingerprint>,
    is_hidden: bool,
    is_fixed: bool,
}

impl Foreign {
    /// Whether `overwrite = true` would be of no use.
    pub fn is_fixed(&self) -> bool {
        self.is_fixed
    }

    /// Whether a secret with such a mark may stand in it.
    pub fn may_hold(&self, is_ours: impl Fn(&Fingerprint) -> bool) -> bool {
        self.is_hidden || self.holds(is_ours)
    }

    /// The marks of its words, any of which may be a key: so many that a ledger can be asked about them.
    pub fn marks(&self) -> impl Iterator<Item = &Fingerprint> {
        self.words.iter().take(MOST_WORDS)
    }

    /// Whether one of its words is a secret with such a mark.
    pub fn holds(&self, is_ours: impl Fn(&Fingerprint) -> bool) -> bool {
        self.words.iter().any(is_ours)
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// The marks of whatever may be a secret in a text: every run of the characters that keys are made of.
fn words(content: &[u8]) -> Vec<Fingerprint> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+/.~".contains(byte);
    let words = content.split(|byte| !is_part(byte));
    words
        .filter(|word| word.len() >= SHORTEST)
        .map(Fingerprint::of)
        .collect()
}

/// A document that somebody edited has some dozens.
const MOST_WORDS: usize = 500;

/// No issuer has keys that are shorter.
const SHORTEST: usize = 8;

/// What tells one content of a place from every other, so that a change by somebody else is noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// Nothing stands there.
    Absent,
    /// The store's own version, or `sha256:` and the digest of the bytes that stand there.
    Of(String),
}

impl Version {
    /// Of bytes that a store keeps without a version of its own.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::Of(format!("sha256:{}", hex::encode(Sha256::digest(bytes))))
    }
}

/// One look at a place.
#[derive(Debug)]
pub struct Observation {
    /// What stands there.
    pub found: Found,
    /// Which content that is.
    pub version: Version,
}

impl Observation {
    /// Nothing stands there.
    pub fn nothing() -> Self {
        Self {
            found: Found::Nothing,
            version: Version::Absent,
        }
    }
}

/// What a store tells of a completed write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What stands there now.
    pub content: Version,
    /// The store's own version of what was written, where it has versions. Where nothing can be read back it is that of
    /// `content`: all that tells our write from another one.
    pub version: Option<String>,
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The document stands there.
    Done(Receipt),
    /// It does, and what stood there before can still be read, although it should not.
    Lingering(Receipt, Error),
    /// A person has to approve it first, and where.
    AwaitsApproval(String),
}

impl Written {
    /// Why what stood there before can still be read.
    pub fn lingers(&self) -> Option<Error> {
        match self {
            Self::Lingering(_, error) => Some(error.clone()),
            Self::Done(_) | Self::AwaitsApproval(_) => None,
        }
    }

    /// What stands there now. A write that awaits approval is none yet.
    pub fn completed(self, place: &str) -> Result<Receipt> {
        match self {
            Self::Done(receipt) | Self::Lingering(receipt, _) => Ok(receipt),
            Self::AwaitsApproval(at) => Err(Error::new(
                Kind::Awaiting,
                format!("{place} is not written yet: the change awaits approval in {at}"),
                "Approve it there. Every plan looks whether that was done, and no other change is asked for meanwhile.",
            )),
        }
    }
}

/// One place in one store.
///
/// A timeout, 429 or 5xx is [`Kind::Unavailable`]; a refused credential is [`Kind::Denied`]; neither is ever
/// [`Found::Nothing`].
#[async_trait]
pub trait Store: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// The place, the same text for the same place: `file /srv/app.env (API_KEY)`.
    fn place(&self) -> String;

    /// What a write takes for itself. Two deliveries whose write scopes overlap would destroy each other's document.
    fn write_scope(&self) -> WriteScope {
        WriteScope::whole(self.place())
    }

    /// What can fail before a write: reach, permissions, a place that can be written. What a look has told already, `seen`, is
    /// not asked again.
    async fn check(&self, seen: Option<&Observation>) -> Result<()>;

    /// What the place is, however the settings name it: two deliveries with one identity write to one place. It begins with
    /// the name of the store, like [`place`](Self::place).
    async fn identity(&self) -> Result<String> {
        Ok(self.place())
    }

    /// Whether it is the place that was written down under this [`identity`](Self::identity), perhaps by somebody who was told
    /// more of it, or less. An error if nobody can tell.
    async fn is_at(&self, recorded: &str) -> Result<bool> {
        // Not every file system tells at any time whether it minds capital letters.
        Ok(self.identity().await?.eq_ignore_ascii_case(recorded))
    }

    /// What stands there now.
    async fn observe(&self) -> Result<Observation>;

    /// What a place lacks beside the document that stands there, such as a copy in another region, in words that a reason can be.
    async fn lacks(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// Writes the document over the `expected` content and reads it back. The same document with the same `token` is
    /// written once however often this is called. `token` is 64 hexadecimal digits.
    ///
    /// [`Kind::Stale`], and nothing is written, if something else than `expected` and than
    /// this very document stands there by now.
    async fn write(&self, document: &Document, token: &str, expected: &Version) -> Result<Written>;

    /// What would be refused to a write although nothing has changed at this end: somebody else has begun to write there.
    /// Asked by a plan that writes, so that the apply is no surprise.
    async fn obstacle(&self) -> Result<()> {
        Ok(())
    }

    /// Why [`remove`](Self::remove) leaves what stands there, in words that end a sentence; `None` if it takes it away.
    async fn keeps(&self) -> Result<Option<&'static str>> {
        Ok(None)
    }

    /// Changes of this place that a person had to approve, the newest first; `None` where nobody may look at them. Those that
    /// ended long ago may be left out.
    async fn changes(&self) -> Option<Vec<Change>> {
        None
    }

    /// Takes away the `expected` content, for a delivery that ended or a write that is undone. The caller has made sure
    /// that it is ours. Nothing there counts as done; anything else is [`Kind::Stale`].
    async fn remove(&self, expected: &Version) -> Result<()>;
}

/// The store of this name.
pub fn find(name: &str) -> Option<&'static dyn StoreKind> {
    all().find(|kind| kind.name() == name)
}

/// The store that calls a place by this name, see [`Store::identity`].
pub fn of_place(identity: &str) -> Option<&'static dyn StoreKind> {
    identity.split(' ').next().and_then(find)
}

/// The stores of the table, and those that a build of its own has added.
pub fn all() -> impl Iterator<Item = &'static dyn StoreKind> {
    let added = ADDED.get().copied().unwrap_or_default();
    STORES.iter().chain(added).copied()
}

/// A place with the settings of its example. Nothing is sent.
pub fn of_example(kind: &dyn StoreKind, context: &Context) -> Result<Box<dyn Store>> {
    let example = kind.example();
    let path = Path::root("deliveries").attribute(kind.name());
    kind.connect(&Settings::new(path, &example), context)
}

/// Refuses a document that is larger than the store takes.
pub fn fits(text: &str, limit: Option<usize>, place: &str) -> Result<()> {
    fits_in(text.len(), limit, place)
}

/// The same of so many bytes.
pub fn fits_in(bytes: usize, limit: Option<usize>, place: &str) -> Result<()> {
    match limit.filter(|limit| bytes > *limit) {
        None => Ok(()),
        Some(limit) => Err(Error::new(
            Kind::Limit,
            format!("{place} cannot hold so much"),
            format!(
                "The document has {bytes} bytes, and at most {limit} are taken. Nothing was written. Choose another store."
            ),
        )),
    }
}

/// A place that is answered like one that is not there, or that may not be seen, is never one without secrets: a key whose
/// copies are all gone counts as lost.
fn unseen(error: Error) -> Error {
    match error.kind {
        Kind::NotFound => Error {
            kind: Kind::Denied,
            detail: format!(
                "{} It is not there, or these credentials may not see it, so nobody knows what it holds.",
                error.detail
            ),
            ..error
        },
        _ => error,
    }
}

/// Somebody else was faster.
fn changed(place: &str) -> Error {
    Error::new(
        Kind::Stale,
        format!("{place} was changed in the meantime"),
        "Something else stands there than what was seen. Nothing was written. Plan again.",
    )
}

/// Adds stores to the table. Once in a process, before the provider is served; what comes later is not heard.
pub fn add(stores: &'static [&'static dyn StoreKind]) {
    let _ = ADDED.set(stores);
}

static ADDED: OnceLock<&'static [&'static dyn StoreKind]> = OnceLock::new();
