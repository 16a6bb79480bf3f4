//! A new key: asked of the issuer, or taken over from a person, and swapped in.

use crate::domain::newness::Known;
use crate::domain::slots::{Key, Role, Secondary, Slots};
use crate::engine::by_hand::{Brought, refuse_old};
use crate::engine::catch_up::existing;
use crate::engine::journal::Deed;
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::issuers::{KeyRef, Minted, Supply};
use crate::ledger::{Effect, KeyMark};
use crate::secret::Fingerprint;
use crate::stores::{Found, Observation};

/// What a document tells of a key that is taken over, beside its secret.
pub struct Beside {
    /// The second key, in its grace.
    pub secondary: Option<Secondary>,
    /// The generation of the document.
    pub generation: u64,
    /// When the key became primary.
    pub rotated_at: Instant,
}

impl Run<'_> {
    pub(super) async fn mint(&mut self) -> Result<()> {
        if self.stop.is_cancelled() {
            return Err(Error::new(
                Kind::Other,
                format!("{}: interrupted before a key was minted", self.name),
                "Nothing was minted. Run apply again when you are ready.",
            ));
        }
        if let Some((secret, _)) = &self.brought {
            let existing = Minted {
                key_id: None,
                secret: secret.duplicate(),
                created_at: None,
            };
            self.take_beside(secret.fingerprint());
            self.take_in(existing);
            return Ok(());
        }
        let issuer = &self.connections.issuer;
        let listed = issuer.list().await?.unwrap_or_default();
        let known: Vec<String> = listed.iter().map(|key| key.key_id.clone()).collect();
        let deed = Deed {
            known: known.clone(),
            ..Deed::default()
        };
        let journal = &self.journal;
        let mint = async |token: String| {
            let minted = issuer.mint(&token).await?;
            if self.connections.capabilities.supply == Supply::Brought {
                self.refuse_brought_before(&minted).await?;
                return Ok(minted);
            }
            self.refuse_known(&known, &minted).await?;
            self.refuse_secret_of_another(&minted).await?;
            Ok(minted)
        };
        let minted = journal.effect(Effect::Mint, self.acting, deed, mint, |minted: &Minted| {
            let mark = minted.secret.fingerprint();
            Some(KeyMark::new(minted.key_id.clone(), Some(&mark)))
        });
        let minted = minted.await?;
        self.take_in(minted);
        Ok(())
    }

    /// A "new" key that existed before is in use somewhere: it is neither delivered nor ever revoked as ours.
    async fn refuse_known(&self, listed: &[String], minted: &Minted) -> Result<()> {
        let Some(id) = &minted.key_id else {
            return Ok(());
        };
        let mark = KeyMark::new(Some(id.clone()), None);
        let recorded = self.journal.ledger().find_keys(&[mark]).await?;
        if !listed.contains(id) && !self.managed.owned_ids().contains(id) && recorded.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            Kind::Other,
            format!(
                "{}: {} answered with a key that existed before",
                self.name,
                self.connections.issuer.account()
            ),
            format!(
                "It was asked for a new key and gave {id}, which is known already. That key was left as it is, and nothing \
                 was delivered. Look at the issuer: a new key with another id may have been created beside it."
            ),
        ))
    }

    /// What a plan could not know yet.
    async fn refuse_brought_before(&self, minted: &Minted) -> Result<()> {
        let Some(hand) = self.connections.issuer.by_hand() else {
            return Ok(());
        };
        let id = minted.key_id.clone().unwrap_or_default();
        let key = KeyMark::new(Some(id.clone()), None);
        let recorded = self.journal.ledger().find_keys(&[key]).await?;
        let brought = Brought {
            name: self.name,
            id: &id,
            mark: &minted.secret.fingerprint(),
        };
        let known = Known {
            resource: &self.journal.resource().id,
            slots: self.managed.slots.as_ref(),
            pending: &self.managed.pending_revocations,
            revoked: &[],
            recorded: &recorded,
        };
        refuse_old(&brought, known, &hand)
    }

    /// A masked secret is the same for every key. Its key is of no use, and is revoked again.
    async fn refuse_secret_of_another(&self, minted: &Minted) -> Result<()> {
        let (Some(other), Some(id)) = (self.with_the_secret_of(minted), &minted.key_id) else {
            return Ok(());
        };
        let revoked = self.connections.issuer.revoke(KeyRef::of_id(id), None);
        let (kind, end) = match revoked.await {
            Ok(()) => (Kind::Other, "It was revoked again.".to_owned()),
            Err(error) => (
                Kind::Uncertain,
                format!("It could not be revoked: {}.", error.summary),
            ),
        };
        Err(Error::new(
            kind,
            format!("{}: new key {id} has the secret of key {other}", self.name),
            format!(
                "No two keys have one secret, so what was read is none, such as one that is masked. Nothing was delivered. \
                 {end} Check where the answer of the issuer holds the secret."
            ),
        ))
    }

    /// The key of a slot whose secret a new key has.
    fn with_the_secret_of(&self, minted: &Minted) -> Option<String> {
        let slots = self.managed.slots.as_ref()?;
        let mark = Some(minted.secret.fingerprint());
        let mut keys = [Some(&slots.primary), slots.secondary_key()]
            .into_iter()
            .flatten();
        let other = keys.find(|key| key.fingerprint == mark);
        other.map(|key| key.label().to_owned())
    }

    /// A document that leads with the key that is taken over tells its generation, and may hold a second key, whose only
    /// copy it is.
    fn take_beside(&mut self, brought: Fingerprint) {
        let now = self.clock.now();
        let documents = self.observed.values().filter_map(|seen| match seen {
            Ok(Observation {
                found: Found::Document(document),
                ..
            }) => Some(document),
            _ => None,
        });
        let mut ours = documents.filter(|there| there.primary.secret.fingerprint() == brought);
        let Some(document) = ours.next() else { return };
        let rotated_at = document.rotated_at.unwrap_or(now);
        let secondary = document.secondary.as_ref().map(|second| Secondary {
            role: Role::Retiring,
            key: Key {
                retired_at: Some(rotated_at),
                ..existing(second, rotated_at)
            },
        });
        let secret = document.secondary.as_ref();
        if let Some(secret) = secret.map(|second| second.secret.duplicate()) {
            self.secrets.keep(secret);
        }
        self.beside = Some(Beside {
            secondary,
            generation: document.generation.unwrap_or(1),
            rotated_at,
        });
    }

    /// The new key is one that a person made: it is not ours to revoke.
    pub(super) fn is_of_a_person(&self) -> bool {
        self.brought.is_some() || self.connections.capabilities.supply == Supply::Brought
    }

    fn take_in(&mut self, minted: Minted) {
        let key = Key {
            key_id: minted.key_id,
            fingerprint: Some(minted.secret.fingerprint()),
            created_at: self.clock.now(),
            delivered_at: None,
            verified_at: None,
            promoted_at: None,
            retired_at: None,
        };
        if let Some(id) = &key.key_id {
            self.managed
                .pending_revocations
                .retain(|pending| pending != id);
        }
        let word = match self.is_of_a_person() {
            true => "taken over",
            false => "minted",
        };
        tracing::info!(key = %self.name, minted = %key.label(), "{word}");
        self.secrets.keep(minted.secret);
        self.minted = Some(key);
    }

    pub(super) fn swap_in(&mut self) -> Result<()> {
        let now = self.clock.now();
        let old_lives = !self.primary_is_dead();
        match (&mut self.managed.slots, self.minted.take()) {
            (None, Some(mut key)) => {
                key.promoted_at = Some(now);
                let mut slots = Slots::first(key);
                if let Some(beside) = self.beside.take() {
                    slots.generation = beside.generation;
                    slots.primary.promoted_at = Some(beside.rotated_at);
                    slots.secondary = beside.secondary;
                }
                self.managed.slots = Some(slots);
            }
            (Some(slots), Some(key)) => slots.swap_in(key, now, old_lives),
            (Some(slots), None) => slots.promote_staged(now, old_lives),
            (None, None) => {}
        }
        self.note_what_missed_the_swap(now);
        if let Some(slots) = &self.managed.slots {
            tracing::info!(key = %self.name, primary = %slots.primary.label(), "promoted");
        }
        Ok(())
    }
}
