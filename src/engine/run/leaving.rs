//! Places that deliveries have left: emptied once what takes their place is written, remembered until then.

use crate::domain::situation::{Copy, Seen};
use crate::domain::slots::Key;
use crate::engine::connections::in_delivery;
use crate::engine::deliver::{self, Past};
use crate::engine::elsewhere::confirm_place;
use crate::engine::former::FormerPlace;
use crate::engine::journal::Deed;
use crate::engine::precondition::is;
use crate::engine::run::Run;
use crate::error::{Error, Kind, Path, Result};
use crate::ledger::Effect;
use crate::secret::Fingerprint;
use crate::stores::{Document, Found, TOGETHER};

impl Run<'_> {
    /// Empties the places that deliveries have left. One that cannot be emptied, or not yet, stays on the list.
    pub(super) async fn withdraw(&mut self) -> Result<()> {
        let connections = self.connections;
        if connections.former.is_empty() {
            return Ok(());
        }
        let wanted = self.identities().await;
        let past = Past::of(&self.managed, self.journal.ledger()).await;
        let mut left = Vec::new();
        let former = connections.former.iter();
        let is_left = |place: &&FormerPlace| self.managed.former.contains(&place.former);
        let former: Vec<&FormerPlace> = former.filter(is_left).collect();
        for place in former {
            match self.leave(place, &wanted, &past).await {
                Ok(retained) => self.warnings.extend(retained),
                Err(error) => {
                    left.push(place.former.clone());
                    self.warnings.push(error);
                }
            }
        }
        self.managed.former = left;
        Ok(())
    }

    /// What the wanted places are, however their settings name them.
    async fn identities(&self) -> Result<Vec<String>> {
        let mut wanted = Vec::new();
        for (name, delivery) in &self.connections.deliveries {
            let identity = delivery.store.identity().await;
            wanted.push(in_delivery(name, identity)?);
        }
        Ok(wanted)
    }

    /// What is given back is to be told: the place is done with, and holds what was written all the same.
    async fn leave(
        &self,
        place: &FormerPlace,
        wanted: &Result<Vec<String>>,
        past: &Result<Past>,
    ) -> Result<Option<Error>> {
        let former = &place.former;
        let kept = |error: Error| Error {
            summary: format!("{} is not emptied yet: {}", former.place, error.summary),
            detail: format!(
                "{} It stays in pending_removals, and every apply tries again.",
                error.detail
            ),
            ..error
        };
        let delivery = place.reached().map_err(kept)?;
        confirm_place(delivery).await.map_err(kept)?;
        // A delivery that got another name, layout or mark still writes to its place.
        let wanted = wanted.as_ref().map_err(|error| kept(error.clone()))?;
        let identity = delivery.store.identity().await.map_err(kept)?;
        let write_scope = delivery.store.write_scope();
        let mut deliveries = self.connections.deliveries.values();
        if wanted.contains(&identity)
            || deliveries.any(|wanted| wanted.store.write_scope().overlaps(&write_scope))
        {
            return Ok(None);
        }
        if let Some(wanted) = wanted.iter().find(|wanted| share(wanted, &identity)) {
            return Err(kept(shared(wanted)));
        }
        let past = past.as_ref().map_err(|error| kept(error.clone()))?;
        let is_ours = |mark: &Fingerprint| self.is_ours(place, mark) || past.has(mark);
        let seen = deliver::ours(&former.name, delivery, is_ours).await;
        let Some(seen) = seen.map_err(kept)? else {
            return Ok(None);
        };
        let (id, ledger) = (&self.managed.id, self.journal.ledger());
        let is_known = former.is_known_to_be_ours(delivery, &seen, id, ledger);
        if !is_known.await.map_err(kept)? {
            return Ok(Some(unknowable(&former.place)));
        }
        if let Some(why) = delivery.store.keeps().await.map_err(kept)? {
            let seen = delivery.look(&former.name).await.map_err(kept)?;
            return match self.accepted_in(&seen) {
                Some(key) => Err(kept(gives_out(key, why))),
                None => Ok(Some(retained(&former.place, why))),
            };
        }
        if let Some(why) = self.nothing_takes_the_place_of(&former.name) {
            return Err(kept(why));
        }
        let remove = |_| deliver::remove(&former.name, delivery, &seen);
        let deed = Deed::at(delivery.place(&former.name));
        let journal = &self.journal;
        let removed = journal.effect(Effect::Withdraw, self.acting, deed, remove, |()| None);
        removed.await.map_err(kept)?;
        Ok(None)
    }

    fn is_ours(&self, place: &FormerPlace, mark: &Fingerprint) -> bool {
        let slots = self.managed.slots.iter();
        let mut keys = slots
            .flat_map(|slots| [Some(&slots.primary), slots.secondary_key()])
            .flatten();
        place.wrote(mark) || keys.any(|key| key.fingerprint.as_ref() == Some(mark))
    }

    /// Why nothing is taken away yet: what was added or moved is not written, or nothing else would hold the keys.
    fn nothing_takes_the_place_of(&self, former: &str) -> Option<Error> {
        let records = &self.managed.deliveries;
        let takes_over = |name: &str| {
            let wanted = self.connections.deliveries.get(name);
            name == former || wanted.is_some_and(|delivery| delivery.required)
        };
        let unwritten = records
            .iter()
            .find(|(name, record)| !record.was_written() && takes_over(name));
        let kept_in_state = || {
            let slots = self.managed.slots.as_ref();
            slots.is_none_or(|slots| self.secrets.secret_of(&slots.primary).is_some())
        };
        let why = if let Some((name, _)) = unwritten {
            format!("delivery {name:?} does not hold the keys yet")
        } else if records.is_empty() && !kept_in_state() {
            "the state does not hold the secret yet".into()
        } else if !records.is_empty() && !self.is_seen_in_order() {
            "no other delivery is in order".into()
        } else {
            return None;
        };
        let next = "It may hold the only copy of the keys.";
        Some(Error::new(Kind::Other, why, next).at(Path::root("deliveries")))
    }

    /// A delivery was seen to hold the keys in this apply: what the state says of it may be older than the world.
    fn is_seen_in_order(&self) -> bool {
        let records = self.managed.deliveries.iter();
        let mut in_order = records.filter(|(_, record)| record.is_in_order());
        in_order.any(|(name, _)| match self.observed.get(name) {
            Some(Ok(seen)) => match &seen.found {
                Found::Document(document) => self.holds_the_keys(document),
                Found::Opaque => true,
                Found::Nothing | Found::Deleted(_) | Found::Foreign(_) => false,
            },
            _ => false,
        })
    }

    /// A key that is gone or compromised, or whose every copy is lost, is expected nowhere.
    fn holds_the_keys(&self, document: &Document) -> bool {
        let Some(slots) = &self.managed.slots else {
            return true;
        };
        let is_expected =
            self.facts.secondary != Seen::Gone && self.facts.secondary_copy != Copy::Lost;
        let second = slots.secondary_key().filter(|_| is_expected);
        let second = second.filter(|key| !self.is_compromised(key));
        let has_second = second.is_none_or(|key| {
            let there = document.secondary.as_ref();
            there.is_some_and(|there| is(key, there))
        });
        has_second && (self.primary_is_lost() || is(&slots.primary, &document.primary))
    }
}

/// Whether two places that consist of several things have one in common.
fn share(one: &str, other: &str) -> bool {
    let mut parts = one.split(TOGETHER);
    parts.any(|part| other.split(TOGETHER).any(|there| there == part))
}

fn retained(place: &str, why: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("{place} keeps the keys that were written there: {why}"),
        "From now on nobody looks after it: a key in it works until it is revoked or, where whoever checks it reads it there, \
         as long as it stands there. Delete what it holds by hand once nobody reads it any more.",
    )
    .at(Path::root("deliveries"))
}

/// Nobody looks after a place that is retained, so a compromised key does not stay there unseen.
fn gives_out(key: &Key, why: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("it holds the compromised key {}, and {why}", key.label()),
        "Whoever reads it there goes on accepting it. Take it out by hand.",
    )
    .at(Path::root("deliveries"))
}

fn unknowable(place: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("{place} is left as it is"),
        "An apply that was cut off may have written a key there. Nobody can read it back, and it is not what the ledger knows \
         to be written by it. Look at it, and delete it by hand if nobody needs it.",
    )
    .at(Path::root("deliveries"))
}

fn shared(wanted: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("{wanted} shares a part with it"),
        "What is taken away here would be what is delivered there. Move that delivery to names of its own.",
    )
}
