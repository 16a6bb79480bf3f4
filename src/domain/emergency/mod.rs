//! A key that somebody else may have: what a person declares of it, what is remembered of it, and which move is next.
//!
//! The keys that count as compromised are those of the moment at which the emergency was first planned. They are noted, so
//! that an apply that was interrupted is gone on with, and the key that took their place is not taken for one of them.

pub mod leak;
mod rule;
mod sighting;
pub mod words;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantNames};

use crate::domain::keys::KeyMark;
use crate::domain::situation::Seen;
use crate::domain::slots::{Key, Slots};
use crate::instant::Instant;

pub(super) use rule::a_key_is_compromised;
pub use sighting::{Known, Moment, Sighted, Sighting, Standing, Witnessed};

/// What comes first.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Display,
    EnumString,
    VariantNames,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Order {
    /// Another key is delivered and works before the compromised one is revoked: nobody is without a key.
    #[default]
    ReplaceFirst,
    /// The compromised key is revoked before anything else: nobody who stole it can use it a moment longer.
    RevokeFirst,
}

/// Which keys are compromised.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Display, EnumString, VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum Scope {
    /// The primary.
    #[default]
    Primary,
    /// The primary, and the staged or retiring key beside it.
    All,
}

/// Which keys an emergency means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// Those in the slots of a scope.
    InScope(Scope),
    /// Those that were found where they should not be.
    Found(Vec<KeyMark>),
}

/// An emergency as a person declares it, or a scanner of secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Tells it from others: each is handled once.
    pub id: String,
    /// What happened.
    pub reason: String,
    /// What comes first.
    pub order: Order,
    /// Which keys.
    pub which: Which,
    /// It goes on even if the ledger cannot be reached.
    pub break_glass: bool,
}

/// What is remembered of an emergency of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// The id that a person gave it.
    pub id: String,
    /// What happened.
    pub reason: String,
    /// What comes first.
    pub order: Order,
    /// The keys that are compromised.
    pub keys: Vec<KeyMark>,
    /// When the last of them was revoked.
    pub contained_at: Option<Instant>,
    /// When a person gave it up before anything was done. To declare it again takes that back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called_off_at: Option<Instant>,
}

/// What is to be done about compromised keys now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emergency {
    /// The ids of what is open.
    pub ids: Vec<String>,
    /// What happened.
    pub reasons: Vec<String>,
    /// What comes first.
    pub order: Order,
    /// The keys that are compromised.
    pub keys: Vec<KeyMark>,
    /// What people call those that live as far as is known.
    pub labels: Vec<String>,
}

/// The emergencies that apply to one resource: its own, and that of its policy. One that both declare is one, in the wider
/// of both senses.
pub fn declared(own: Option<Declared>, policy: Option<Declared>) -> Vec<Declared> {
    match (own, policy) {
        (Some(own), Some(policy)) if own.id == policy.id => vec![Declared {
            order: own.order.max(policy.order),
            which: own.which.max(policy.which),
            break_glass: own.break_glass || policy.break_glass,
            ..own
        }],
        (own, policy) => own.into_iter().chain(policy).collect(),
    }
}

impl Declared {
    /// The keys that it means.
    fn keys(&self, slots: Option<&Slots>) -> Vec<KeyMark> {
        let scope = match &self.which {
            Which::InScope(scope) => *scope,
            Which::Found(keys) => return keys.clone(),
        };
        let secondary = slots.and_then(Slots::secondary_key);
        let secondary = secondary.filter(|_| scope == Scope::All);
        let primary = slots.map(|slots| &slots.primary);
        primary.into_iter().chain(secondary).map(mark).collect()
    }

    /// What is remembered of it, as it begins.
    pub fn incident(&self, slots: Option<&Slots>) -> Incident {
        Incident {
            id: self.id.clone(),
            reason: self.reason.clone(),
            order: self.order,
            keys: self.keys(slots),
            contained_at: None,
            called_off_at: None,
        }
    }
}

impl Incident {
    /// What people call its keys.
    pub fn labels(&self) -> Vec<&str> {
        self.keys.iter().map(KeyMark::label).collect()
    }

    /// Nothing has taken the place of the compromised primary yet, and each of its keys is where it was.
    fn is_untouched(&self, slots: Option<&Slots>) -> bool {
        let is_held = |bad: &KeyMark| {
            let mut held = slots.into_iter().flat_map(keys);
            held.any(|key| bad.is(&mark(key)))
        };
        slots.is_some_and(|slots| self.has(&slots.primary)) && self.keys.iter().all(is_held)
    }

    fn has(&self, key: &Key) -> bool {
        self.keys.iter().any(|bad| bad.is(&mark(key)))
    }

    /// One of its keys is in a slot, or awaits its revocation.
    fn is_open(&self, slots: Option<&Slots>, pending: &[String]) -> bool {
        let mut held = slots.into_iter().flat_map(keys);
        !self.has_ended() && (held.any(|key| self.has(key)) || self.awaits(pending))
    }

    /// Its keys are revoked, or a person gave it up.
    pub fn has_ended(&self) -> bool {
        self.contained_at.is_some() || self.called_off_at.is_some()
    }

    fn awaits(&self, pending: &[String]) -> bool {
        let mut ids = self.keys.iter().filter_map(|key| key.key_id.as_ref());
        ids.any(|id| pending.contains(id))
    }

    /// As far as nothing was done yet, what is declared now counts on top. Afterwards its keys are what they were.
    fn follow(&mut self, declared: &Declared, slots: Option<&Slots>) {
        if self.contained_at.is_some() {
            return;
        }
        // Whoever takes a call-off back means the keys of today.
        let is_anew = self.called_off_at.take().is_some();
        self.order = declared.order;
        if is_anew || self.is_untouched(slots) {
            self.reason.clone_from(&declared.reason);
            // A narrower scope takes back of no key that it is compromised.
            let named = declared.keys(slots);
            self.keys
                .retain(|key| !named.iter().any(|named| named.is(key)));
            self.keys.splice(0..0, named);
        }
    }
}

/// What is known of emergencies, with those that are new. An id that is known is no new one.
pub fn noted(declared: &[Declared], known: &[Incident], slots: Option<&Slots>) -> Vec<Incident> {
    let mut all = known.to_vec();
    for block in declared {
        match all.iter_mut().find(|incident| incident.id == block.id) {
            Some(incident) => incident.follow(block, slots),
            None => all.push(block.incident(slots)),
        }
    }
    all
}

/// Notes when incidents of which no key is left were over.
pub fn contained(
    incidents: &mut [Incident],
    slots: Option<&Slots>,
    pending: &[String],
    now: Instant,
) {
    for incident in incidents {
        if !incident.has_ended() && !incident.is_open(slots, pending) {
            incident.contained_at.get_or_insert(now);
        }
    }
}

/// Emergencies that a configuration does not declare any more, whatever the state knows of that: nothing was done about them, and
/// their keys go on being used. What another one that is declared is about as well, that one handles.
pub fn called_off<'i>(
    incidents: &'i mut [Incident],
    declared: &[Declared],
    slots: Option<&Slots>,
    primary: &Seen,
) -> impl Iterator<Item = &'i mut Incident> {
    let is_declared = |incident: &Incident| declared.iter().any(|it| it.id == incident.id);
    let handled = incidents
        .iter()
        .filter(|it| !it.has_ended() && is_declared(it));
    let handled: Vec<KeyMark> = handled.flat_map(|it| it.keys.clone()).collect();
    let is_given_up = move |incident: &&mut Incident| {
        let is_handled = |key: &KeyMark| handled.iter().any(|it| it.is(key));
        !incident.has_ended()
            && incident.is_untouched(slots)
            && *primary != Seen::Gone
            && !declared.iter().any(|it| it.id == incident.id)
            && !incident.keys.iter().all(is_handled)
    };
    incidents.iter_mut().filter(is_given_up)
}

/// Blocks that are new or were changed under an id that was handled already: nothing follows from them.
pub fn handled_before<'i>(
    incidents: &'i [Incident],
    before: &[Declared],
    declared: &[Declared],
) -> Vec<(&'i Incident, Instant)> {
    let is_new = |id: &str| {
        let block = |blocks: &[Declared]| blocks.iter().find(|block| block.id == id).cloned();
        let now = block(declared);
        now.is_some() && now != block(before)
    };
    let handled = incidents.iter().filter(|incident| is_new(&incident.id));
    handled
        .filter_map(|incident| Some((incident, incident.contained_at?)))
        .collect()
}

/// What is to be done now. An emergency that nobody declares any more is over only once a plan has called it off.
pub fn open(
    incidents: &[Incident],
    slots: Option<&Slots>,
    pending: &[String],
) -> Option<Emergency> {
    let open: Vec<&Incident> = incidents
        .iter()
        .filter(|incident| incident.is_open(slots, pending))
        .collect();
    let order = open.iter().map(|incident| incident.order).max()?;
    let all = open.iter().flat_map(|incident| &incident.keys);
    let mut bad: Vec<KeyMark> = Vec::new();
    for key in all {
        if !bad.iter().any(|known| known.is(key)) {
            bad.push(key.clone());
        }
    }
    let held = slots.into_iter().flat_map(keys);
    let held = held.filter(|key| bad.iter().any(|bad| bad.is(&mark(key))));
    let waiting = pending
        .iter()
        .filter(|id| bad.iter().any(|bad| bad.key_id.as_ref() == Some(id)));
    Some(Emergency {
        ids: open.iter().map(|incident| incident.id.clone()).collect(),
        reasons: open
            .iter()
            .map(|incident| incident.reason.clone())
            .collect(),
        order,
        labels: held
            .map(|key| key.label().to_owned())
            .chain(waiting.cloned())
            .collect(),
        keys: bad,
    })
}

impl Emergency {
    /// Whether this key is compromised.
    pub fn has(&self, key: &Key) -> bool {
        self.keys.iter().any(|bad| bad.is(&mark(key)))
    }

    /// Whether the key of this id is compromised.
    pub fn has_id(&self, id: &str) -> bool {
        self.keys
            .iter()
            .any(|bad| bad.key_id.as_deref() == Some(id))
    }

    /// Whether one of the keys has no id: such a key is accepted wherever it stands.
    pub fn has_local_keys(&self) -> bool {
        self.keys.iter().any(|bad| bad.key_id.is_none())
    }

    fn has_pending(&self, pending: &[String]) -> bool {
        pending.iter().any(|id| self.has_id(id))
    }

    fn has_any(&self, slots: &Slots) -> bool {
        keys(slots).any(|key| self.has(key))
    }
}

fn keys(slots: &Slots) -> impl Iterator<Item = &Key> {
    [Some(&slots.primary), slots.secondary_key()]
        .into_iter()
        .flatten()
}

fn mark(key: &Key) -> KeyMark {
    KeyMark::new(key.key_id.clone(), key.fingerprint.as_ref())
}

#[cfg(test)]
#[path = "../emergency_tests.rs"]
mod tests;
