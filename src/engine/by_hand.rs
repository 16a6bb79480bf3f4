//! Keys that a person revokes: what is said of them is compared with what trying them tells.

use crate::domain::newness::{Known, Old, speaks_against};
use crate::domain::slots::{Key, Slots};
use crate::domain::word::{Doubted, Tried, is_believed, tells_its_end};
use crate::engine::connections::Connections;
use crate::engine::observe::Statuses;
use crate::engine::secret_cache::SecretCache;
use crate::engine::verification::Verification;
use crate::error::{Error, Path, Result};
use crate::issuers::{ByHand, KeyStatus};
use crate::secret::Fingerprint;

/// A server that hears of a revocation late may refuse once and accept again.
const TRIES: usize = 3;

/// How both keys stand. A key is tried if a person says that it was revoked, or is about to be asked to revoke the one beside
/// it.
pub async fn hear(slots: &Slots, connections: &Connections) -> Statuses {
    let said = connections.issuer.by_hand().map(|hand| hand.revoked);
    let said = said.unwrap_or_default();
    let is_said = |key: &Key| key.key_id.as_ref().is_some_and(|id| said.contains(id));
    let (leads, second) = (&slots.primary, slots.secondary_key());
    let mut heard = Statuses {
        primary: Some(KeyStatus::Active),
        secondary: second.map(|_| Some(KeyStatus::Active)),
        ..Statuses::default()
    };
    let is_retiring = slots.retiring().is_some();
    if !is_said(leads) && !second.is_some_and(is_said) && !is_retiring {
        return heard;
    }
    let trial = Trial::of(slots, connections).await;
    let primary = trial.of_key(leads).await;
    heard.primary_refused = is_retiring && primary == Tried::Refused;
    if is_said(leads) && heard.believes(leads, primary, true) {
        heard.primary = Some(KeyStatus::Missing);
        heard.primary_refused = false;
    }
    let Some(second) = second.filter(|key| is_retiring || is_said(key)) else {
        return heard;
    };
    let tried = trial.of_key(second).await;
    let is_over = match is_said(second) {
        true => heard.believes(second, tried, false),
        false => tells_its_end(tried, primary),
    };
    if is_over {
        heard.secondary = Some(Some(KeyStatus::Missing));
    }
    heard
}

impl Statuses {
    fn believes(&mut self, key: &Key, tried: Tried, leads: bool) -> bool {
        let judged = is_believed(tried, leads);
        self.doubted.extend(judged.err().map(|doubt| Doubted {
            key: key.label().to_owned(),
            doubt,
        }));
        judged.is_ok()
    }
}

/// What is needed to try keys.
struct Trial<'a> {
    request: Option<&'a Verification>,
    secrets: SecretCache,
    /// A place could not be read, and may hold what is missing.
    is_blind: bool,
}

impl<'a> Trial<'a> {
    async fn of(slots: &Slots, connections: &'a Connections) -> Self {
        let mut secrets = SecretCache::default();
        let request = connections.verification.as_ref();
        let failures = match request {
            Some(_) => secrets.fetch(slots, connections).await,
            None => Vec::new(),
        };
        Self {
            request,
            secrets,
            is_blind: !failures.is_empty(),
        }
    }

    async fn of_key(&self, key: &Key) -> Tried {
        let (Some(request), secret) = (self.request, self.secrets.secret_of(key)) else {
            return Tried::Never;
        };
        let Some(secret) = secret else {
            return match self.is_blind {
                true => Tried::Silent,
                false => Tried::Never,
            };
        };
        let mut told = Tried::Refused;
        for _ in 0..TRIES {
            match request.try_once(key.key_id.as_deref(), secret).await {
                Tried::Refused => {}
                Tried::Declined => told = Tried::Declined,
                other => return other,
            }
        }
        told
    }
}

/// A key that a person brings.
pub struct Brought<'a> {
    /// The name of the resource, for messages.
    pub name: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Its mark.
    pub mark: &'a Fingerprint,
}

/// A person may hand in the key before, or its id, or one that is in use elsewhere.
pub fn refuse_old(brought: &Brought<'_>, known: Known<'_>, hand: &ByHand) -> Result<()> {
    let known = Known {
        revoked: &hand.revoked,
        ..known
    };
    let Some(old) = speaks_against(brought.id, brought.mark, &known) else {
        return Ok(());
    };
    let (id, confirm) = (brought.id, &hand.confirm);
    let bring = format!("To hand in a new one, {}.", hand.bring);
    let (what, way) = match old {
        Old::Secret(other) => (
            format!("it has the secret of key {other}, which this resource has already"),
            bring,
        ),
        Old::Id => (
            format!("{id} is the id of a key that this resource has already"),
            bring,
        ),
        Old::GivenUp => (
            format!(
                "key {id} was given up, and waits in pending_revocations for a person to revoke it"
            ),
            format!("{bring} Revoke {id}, and add its id to {confirm}."),
        ),
        Old::SaidRevoked => (
            format!("{confirm} says that key {id} was revoked"),
            format!("If it was not, take its id out of {confirm}. {bring}"),
        ),
        Old::Revoked => (format!("key {id} was revoked"), bring),
        Old::HeldBy(owner) => (
            format!(
                "key {id} belongs to {:?} of workspace {:?}, which was neither destroyed nor forgotten",
                owner.name, owner.workspace
            ),
            format!(
                "A replacement of that resource would take the key out of its places first, and gain nothing: to rotate, hand in a \
                 new key and change rotation_trigger; to give the resource another address, write a moved block. If its \
                 state was lost, take it out of the ledger (terraform-provider-apikey ledger forget {}), and apply again with \
                 the same key. Otherwise, {}.",
                owner.id, hand.bring
            ),
        ),
    };
    Err(Error::invalid(
        Path::root("issuer"),
        format!("{}: what was handed in is no new key", brought.name),
        format!("The key was not taken, for {what}. {way}"),
    ))
}
