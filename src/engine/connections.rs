//! The issuer and the stores of one managed key, ready to be called.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration as StdDuration;

use tokio_util::sync::CancellationToken;

use crate::deployments::Wanted;
use crate::domain::capabilities::Capabilities;
use crate::domain::slots::Key;
use crate::domain::steps;
use crate::duration::Duration;
use crate::engine::account::Account;
use crate::engine::elsewhere::confirm_place;
use crate::engine::former::FormerPlace;
use crate::engine::managed::Managed;
use crate::engine::verification::{
    CONSECUTIVE, Pace, Proof, TIMEOUT, Verdict, Verification, verify,
};
use crate::error::{Error, Kind, Path, Result};
use crate::issuers::{KeyRef, Probe};
use crate::secret::Fingerprint;
use crate::secret::Secret;
use crate::stores::{Found, Observation, Store};

/// Everything outside that one managed key uses.
pub struct Connections {
    /// The name of its issuer, such as `aws_iam`.
    pub kind: &'static str,
    /// Where its keys come from.
    pub issuer: Account,
    /// What that issuer can do.
    pub capabilities: Capabilities,
    /// Where they are delivered, by the name of the delivery.
    pub deliveries: BTreeMap<String, Delivery>,
    /// What makes consumers read the deliveries, by name.
    pub deployments: BTreeMap<String, Wanted>,
    /// Places that deliveries have left: they may hold a copy, and are to be emptied.
    pub former: Vec<FormerPlace>,
    /// The request that proves a key, for an issuer that cannot.
    pub verification: Option<Verification>,
}

/// One place where both slots are written.
pub struct Delivery {
    /// The store, bound to the place.
    pub store: Box<dyn Store>,
    /// Whether it can be copied from.
    pub readable: bool,
    /// Whether it was marked as the one to copy from.
    pub source: bool,
    /// Whether a promotion waits for it.
    pub required: bool,
    /// Whether it may replace what this provider did not write.
    pub overwrite: bool,
    /// What the place is that was written to by these very settings; `None` where none was.
    pub recorded: Option<String>,
    /// The mark of the primary that was written or seen there last.
    pub leads: Option<Fingerprint>,
    /// The place that it was written to and that is gone for good, as a person says.
    pub lost_place: Option<String>,
}

impl Delivery {
    /// Its name and where it lies, for messages and the ledger.
    pub fn place(&self, name: &str) -> String {
        format!("{name}: {}", self.store.place())
    }

    /// What stands there. Where the same settings lead to another place than before it tells nothing of the keys; where
    /// nobody can tell, only a document is believed that leads with the key that was there last.
    pub async fn look(&self, name: &str) -> Result<Observation> {
        let seen = in_delivery(name, self.store.observe().await)?;
        match confirm_place(self).await {
            Err(error) if error.kind == Kind::Invalid || !self.is_as_it_was(&seen.found) => {
                in_delivery(name, Err(error))
            }
            _ => Ok(seen),
        }
    }

    fn is_as_it_was(&self, found: &Found) -> bool {
        let Found::Document(document) = found else {
            return false;
        };
        self.leads == Some(document.primary.secret.fingerprint())
    }

    /// Whether both write to one place, or to a part and the whole of it, whatever names their settings give it.
    pub async fn meets(&self, other: &Self) -> Result<bool> {
        confirm_place(self).await?;
        let overlaps = self
            .store
            .write_scope()
            .overlaps(&other.store.write_scope());
        Ok(overlaps || self.store.identity().await? == other.store.identity().await?)
    }
}

impl Connections {
    /// The same with the places known that the deliveries were written to.
    pub fn with_places_of(mut self, managed: &Managed) -> Self {
        for (name, delivery) in &mut self.deliveries {
            let record = managed.deliveries.get(name);
            delivery.recorded = record.and_then(|record| record.place.clone());
            delivery.leads = record.and_then(|record| record.fingerprint.clone());
        }
        self
    }

    /// The account, under the one name that everybody locks it by. Refused if the keys are known to be in another.
    pub async fn account(&self, known: Option<&str>) -> Result<String> {
        let account = at_issuer(self.issuer.lock().await)?;
        match known {
            Some(known) if known != account => {
                at_issuer(Err(match self.capabilities.is_declared {
                    true => declared_elsewhere(known, &account),
                    false => elsewhere(known, &account),
                }))
            }
            _ => Ok(account),
        }
    }

    /// Whether a new key has to be proved before it becomes primary.
    pub fn must_verify(&self) -> bool {
        self.capabilities.probe || self.verification.is_some()
    }

    /// When a new key can be proved.
    pub fn proof(&self) -> steps::Proof {
        match self.capabilities.valid_at_mint {
            true => steps::Proof::Minted,
            false => steps::Proof::Delivered,
        }
    }

    /// The secret by which a key can be tried at its issuer.
    pub fn to_try<'k>(&self, key: KeyRef<'k>) -> Option<&'k Secret> {
        key.secret.filter(|_| self.capabilities.probe)
    }

    /// Proves that a revoked key is dead: refused as often in a row as a new one is to be accepted. One refusal may come
    /// from the only server that has heard of the revocation. A key that is accepted to the end is [`Kind::StillValid`]; what
    /// is given back is why nobody could find out.
    pub async fn verify_revoked(
        &self,
        key: KeyRef<'_>,
        stop: &CancellationToken,
    ) -> Result<Option<Error>> {
        let Some(secret) = self.to_try(key) else {
            return Ok(None);
        };
        let is_accepted = AtomicBool::new(false);
        let probe = || {
            let asked = self.issuer.probe(key.key_id, secret);
            async {
                let answer = asked.await?;
                is_accepted.store(answer == Probe::Accepted, Ordering::Relaxed);
                Ok(match answer {
                    Probe::Refused(_) => Probe::Accepted,
                    Probe::Accepted => Probe::Refused("accepted".to_owned()),
                })
            }
        };
        let proof = match verify(probe, at_the_issuer(DEATH, CONSECUTIVE), stop).await {
            Ok(proof) => proof,
            Err(error) => return Ok(Some(error)),
        };
        let reason = match proof.verdict {
            Verdict::Verified => return Ok(None),
            Verdict::Stopped => format!("Interrupted after {}.", attempts(&proof)),
            Verdict::Unverified => format!(
                "It was tried {} times within {DEATH} and not refused {CONSECUTIVE} times in a row; the last answer that \
                 was no refusal: {}.",
                proof.attempts,
                proof.last_reason.unwrap_or_default()
            ),
        };
        let account = self.issuer.account();
        match proof.verdict == Verdict::Unverified && is_accepted.into_inner() {
            true => Err(Error::new(
                Kind::StillValid,
                format!("{account} still accepts the key"),
                reason,
            )),
            false => Ok(Some(Error::new(
                Kind::Other,
                format!("{account} may still accept the key"),
                reason,
            ))),
        }
    }

    /// Proves that a key works: by its issuer, and by the request of the resource where there is one. A first key takes the
    /// place of none that works, so the issuer has to refuse it before it is asked several times.
    pub async fn verify(
        &self,
        key: &Key,
        secret: &Secret,
        is_first: bool,
        stop: &CancellationToken,
    ) -> Result<()> {
        let unless_refused = if is_first { 1 } else { CONSECUTIVE };
        let key_id = key.key_id.as_deref();
        if self.capabilities.probe {
            let probe = || self.issuer.probe(key_id, secret);
            let proof = verify(probe, at_the_issuer(TIMEOUT, unless_refused), stop).await?;
            judge(&self.issuer.account(), proof)?;
        }
        if let Some(request) = &self.verification {
            judge(
                "the verification",
                request.verify(key_id, secret, stop).await?,
            )?;
        }
        Ok(())
    }
}

/// How long a revoked key may be accepted: IAM takes seconds until every server of it knows.
const DEATH: Duration = Duration::from_secs(30);

/// Issuers answer at once; a request of the user may be heavier. What is proved is that more than one server of an issuer
/// knows, so the attempts are apart; every key waits for them, so it is not far.
fn at_the_issuer(bound: Duration, unless_refused: u32) -> Pace {
    Pace {
        bound,
        after_failure: StdDuration::from_secs(1),
        after_success: StdDuration::from_millis(400),
        consecutive: CONSECUTIVE,
        unless_refused,
    }
}

fn judge(by: &str, proof: Proof) -> Result<()> {
    let reason = proof.last_reason.as_deref().unwrap_or_default();
    match proof.verdict {
        Verdict::Verified => Ok(()),
        Verdict::Unverified => Err(Error::new(
            Kind::Other,
            format!("{by} did not accept the key"),
            match reason.ends_with('.') {
                true => format!("{}; the last answer: {reason}", attempts(&proof)),
                false => format!("{}; the last answer: {reason}.", attempts(&proof)),
            },
        )),
        Verdict::Stopped => Err(Error::new(
            Kind::Interrupted,
            format!("{by} was not asked to the end"),
            format!("Interrupted after {}.", attempts(&proof)),
        )),
    }
}

fn attempts(proof: &Proof) -> String {
    match proof.attempts {
        1 => "1 attempt".to_owned(),
        many => format!("{many} attempts"),
    }
}

fn elsewhere(known: &str, account: &str) -> Error {
    Error::new(
        Kind::Invalid,
        "The credentials are those of another account",
        format!(
            "The keys are in {known}. The provider now reaches {account}, where all of them would seem to be gone. \
             Nothing was changed. Run it with credentials of the first. If the keys are to live in the second from now \
             on, remove the resource from the state and import it again."
        ),
    )
}

fn declared_elsewhere(known: &str, account: &str) -> Error {
    Error::new(
        Kind::Invalid,
        "The declaration leads to another account",
        format!(
            "The keys are in {known}. The declaration of the API now leads to {account}, where all of them would seem to be \
             gone. Nothing was changed. Give it its former base_url back. To move to another server, declare that under a \
             name of its own, let a second resource mint a key there, and destroy this one when nobody uses its keys."
        ),
    )
}

/// The error of an apply that finds the world changed since its plan.
pub fn stale(summary: impl Into<String>) -> Error {
    Error::new(
        Kind::Stale,
        summary,
        "The plan is stale: this changed after it was made. Nothing was done. Plan again and review the new plan.",
    )
}

/// Deliveries to copy from, the marked one first, then by name.
pub fn sources(deliveries: &BTreeMap<String, Delivery>) -> Vec<(&String, &Delivery)> {
    let mut sources: Vec<_> = deliveries
        .iter()
        .filter(|(_, delivery)| delivery.readable)
        .collect();
    sources.sort_by_key(|(_, delivery)| !delivery.source);
    sources
}

/// Blames the error of a call on the issuer of the resource. A vendor may have blamed the provider block, but Terraform
/// looks for a path in the resource alone.
pub fn at_issuer<T>(result: Result<T>) -> Result<T> {
    result.map_err(|error| Error {
        path: Path::root("issuer"),
        ..error
    })
}

/// Puts the name of the delivery in front of the error of a call, and blames it on the delivery, as [`at_issuer`]
/// does.
pub fn in_delivery<T>(name: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| Error {
        summary: format!("delivery {name:?}: {}", error.summary),
        path: Path::root("deliveries").key(name),
        ..error
    })
}
