//! How a key is expected to be used, and what its issuer tells that is otherwise. Pure.
//!
//! An issuer tells of the last use alone, so what was seen once stays known until it is expected or its key is gone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use crate::domain::capabilities::LastUse;
use crate::domain::finding::{Finding, Status};
use crate::domain::situation::Situation;
use crate::domain::slots::{Key, Slots};
use crate::domain::usage::{Use, newest};
use crate::duration::Duration;
use crate::instant::Instant;

/// A use this long before a key was verified, or right after it, may be that verification: an issuer may tell of all uses
/// within a quarter of an hour as one.
const BEFORE_PROOF: Duration = Duration::from_mins(15);
const AFTER_PROOF: Duration = Duration::from_mins(1);

/// What somebody expects of the use of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// What is called; `None` for anything.
    pub services: Option<Vec<String>>,
    /// Where that is; `None` for anywhere.
    pub regions: Option<Vec<String>>,
    /// How long the primary may be without use; `None` for any time.
    pub max_idle: Option<Duration>,
}

/// What is known of the use of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// The newest use that its issuer ever told of.
    pub last: Option<Use>,
    /// What was otherwise than expected.
    pub oddities: Vec<Oddity>,
}

impl Watched {
    /// What two memories know of one key. A use that was told once has happened, whatever is told later.
    pub fn and(self, other: Self) -> Self {
        let Self { last, mut oddities } = self;
        for oddity in other.oddities {
            if !oddities.iter().any(|known| known.is(&oddity)) {
                oddities.push(oddity);
            }
        }
        Self {
            last: newest(last, other.last),
            oddities,
        }
    }
}

/// What is known of the use of keys, by their labels. A key of which nothing was ever told is missing.
pub type Uses = BTreeMap<String, Watched>;

/// Something that is otherwise than expected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Oddity {
    /// What sort of thing.
    pub kind: Kind,
    /// The service or the region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The use in which it was first seen; of a key that nobody uses, since when.
    pub at: Instant,
}

/// What can be otherwise than expected.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Display,
    EnumString,
    IntoStaticStr,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// Another service was called.
    Service,
    /// In another region.
    Region,
    /// The key was used after another took its place.
    Retired,
    /// The key was not used since it became primary: whoever needs it may still hold the one before it.
    Unused,
    /// The key was used, and then no more.
    Idle,
    /// Its issuer was asked and did not tell: it refused, or could not be reached.
    Untold,
}

impl Kind {
    /// A later use does not undo it.
    fn lasts(self) -> bool {
        matches!(self, Self::Service | Self::Region | Self::Retired)
    }
}

impl Oddity {
    fn new(kind: Kind, name: Option<&String>, at: Instant) -> Self {
        Self {
            kind,
            name: name.cloned(),
            at,
        }
    }

    /// Nobody tells how a key is used, for the first time at an instant.
    pub fn untold(at: Instant) -> Self {
        Self::new(Kind::Untold, None, at)
    }

    /// Both are the same thing, whenever it was seen.
    pub fn is(&self, other: &Self) -> bool {
        self.kind == other.kind && self.name == other.name
    }
}

/// What was seen of a key, as the end of a sentence that begins with it.
impl std::fmt::Display for Oddity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (at, name) = (self.at, self.name.as_deref().unwrap_or_default());
        match self.kind {
            Kind::Service => write!(
                f,
                "was used at {at} with service {name}, which expected_usage does not list"
            ),
            Kind::Region => write!(
                f,
                "was used at {at} in region {name}, which expected_usage does not list"
            ),
            Kind::Retired => write!(f, "was used at {at}, after another key took its place"),
            Kind::Unused => write!(f, "was not used since it became primary at {at}"),
            Kind::Idle => write!(f, "was not used since {at}"),
            Kind::Untold => write!(
                f,
                "cannot be compared with expected_usage since {at}, for its issuer does not tell how it is used"
            ),
        }
    }
}

impl Expected {
    /// What is otherwise than expected of a key in a slot. `told` is its last use, `known` what was odd about it before.
    pub fn judge(
        &self,
        slots: &Slots,
        key: &Key,
        told: Option<&Use>,
        known: &[Oddity],
        able: LastUse,
        now: Instant,
    ) -> Vec<Oddity> {
        let told = told.filter(|last| !may_be_our_own(last, key, able));
        let seen = told.into_iter().flat_map(|last| {
            let odd = |kind, name: &Option<String>| {
                name.as_ref()
                    .map(|name| Oddity::new(kind, Some(name), last.at))
            };
            let is_late = key.retired_at.is_some_and(|retired| last.at > retired);
            let retired = is_late.then(|| Oddity::new(Kind::Retired, None, last.at));
            let (service, region) = (&last.service, &last.region);
            [
                odd(Kind::Service, service),
                odd(Kind::Region, region),
                retired,
            ]
        });
        let mut found: Vec<Oddity> = known.iter().filter(|it| it.kind.lasts()).cloned().collect();
        for oddity in seen.flatten().chain(self.silence(slots, told, able, now)) {
            if !found.iter().any(|known| known.is(&oddity)) {
                found.push(oddity);
            }
        }
        found.retain(|oddity| self.is_against(slots, key, oddity));
        found.sort();
        found
    }

    /// The primary has not been used for too long. What an issuer may not have told yet is no silence.
    fn silence(
        &self,
        slots: &Slots,
        told: Option<&Use>,
        able: LastUse,
        now: Instant,
    ) -> Option<Oddity> {
        let since = slots.last_rotated_at();
        let used = told.map(|last| last.at).filter(|at| *at > since);
        let (kind, from) = used.map_or((Kind::Unused, since), |at| (Kind::Idle, at));
        let is_long = now > from + self.max_idle?.plus(able.lag);
        is_long.then(|| Oddity::new(kind, None, from))
    }

    /// It is still otherwise than expected: the expectation may have been edited, and the key may have changed its slot.
    fn is_against(&self, slots: &Slots, key: &Key, oddity: &Oddity) -> bool {
        let lacks = |expected: &Option<Vec<String>>| {
            let name = oddity.name.as_ref();
            expected
                .as_ref()
                .is_some_and(|names| !names.iter().any(|it| Some(it) == name))
        };
        match oddity.kind {
            Kind::Service => lacks(&self.services),
            Kind::Region => lacks(&self.regions),
            Kind::Retired => slots.retiring() == Some(key),
            Kind::Unused | Kind::Idle => self.max_idle.is_some() && slots.primary == *key,
            Kind::Untold => true,
        }
    }
}

/// A new key is proved by using it, which is a use as any other to its issuer.
fn may_be_our_own(last: &Use, key: &Key, able: LastUse) -> bool {
    let is_near = key
        .verified_at
        .is_some_and(|at| last.at >= at - BEFORE_PROOF && last.at <= at + AFTER_PROOF);
    let is_such = last
        .service
        .as_deref()
        .is_none_or(|service| able.proof == Some(service));
    is_near && is_such
}

/// Whoever minds the key is to know, and nothing is done about it.
pub(super) fn a_key_is_used_otherwise_than_expected(
    situation: &Situation,
    slots: &Slots,
) -> Option<Finding> {
    let told = odd(situation, slots);
    (!told.is_empty()).then(|| Finding::new(Status::Notice, told.join("; ")))
}

/// What is otherwise than expected, in clauses.
pub fn odd(situation: &Situation, slots: &Slots) -> Vec<String> {
    let Some(expected) = situation.expected else {
        return Vec::new();
    };
    let keys = [
        ("primary", Some(&slots.primary)),
        ("retiring", slots.retiring()),
    ];
    let keys = keys.into_iter().filter_map(|(role, key)| {
        let watched = situation.facts.uses.get(key?.label())?;
        Some((role, key?, watched))
    });
    let told = keys.flat_map(|(role, key, watched)| {
        let odd = watched.oddities.iter();
        let odd = odd.filter(|it| expected.is_against(slots, key, it));
        odd.map(move |it| format!("{role} key {} {it}{}", key.label(), advice(it, slots)))
    });
    told.collect()
}

fn advice(oddity: &Oddity, slots: &Slots) -> String {
    match oddity.kind {
        Kind::Service | Kind::Region => {
            ": find out who that was, and rotate the key if it was nobody of yours".into()
        }
        Kind::Retired => format!(
            ": move whoever uses it to primary key {}",
            slots.primary.label()
        ),
        Kind::Unused => ", for longer than max_idle: whoever needs it may hold an older one".into(),
        Kind::Idle => ", for longer than max_idle".into(),
        Kind::Untold => ": a plan says why".into(),
    }
}

/// What the issuer told of the last use of the retiring key, as the end of a sentence; `None` where nobody ever asked.
pub fn last_use_of_the_retiring(situation: &Situation) -> Option<String> {
    let retiring = situation.slots.and_then(Slots::retiring)?;
    let watched = situation.facts.uses.get(retiring.label())?;
    let is_untold = watched.oddities.iter().any(|it| it.kind == Kind::Untold);
    Some(match &watched.last {
        Some(last) => format!("was last used at {last}, says its issuer"),
        None if is_untold => return None,
        None => "was not seen in use by its issuer when it was last asked".into(),
    })
}

#[cfg(test)]
#[path = "expected_tests.rs"]
mod tests;
