//! What is unusual in the calls on record of the keys of an account: the newer ones are compared with those before. Pure.
//!
//! A baseline of few calls makes everything new. What cannot be judged is said, and is no finding.

mod baseline;
mod call;
mod known;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use strum::{Display, EnumIter, EnumString, IntoEnumIterator};

use crate::domain::keys::KeyRecord;
use crate::domain::usage::Record;
use crate::duration::Duration;
use crate::instant::Instant;

use baseline::Baseline;
use call::Call;

pub use call::Source;
pub use known::{Change, Finding, LASTS, Survey};

/// A burst is within this time.
pub const BURST: Duration = Duration::from_mins(10);

/// What is judged, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The watermark: calls from here on are judged, those before are the baseline.
    pub since: Instant,
    /// What is never a finding.
    pub allow: Allow,
    /// A day is unusual with more than so many times the calls of the busiest day before.
    pub volume_factor: usize,
    /// So many denied calls are a burst.
    pub denied_calls: usize,
    /// The service that is called where a key is proved to work.
    pub proof: Option<&'static str>,
}

/// What somebody expects, whether or not it is in the baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// Such as `s3`.
    pub services: Vec<String>,
    /// Such as `eu-central-1`.
    pub regions: Vec<String>,
    /// Where calls come from.
    pub networks: Vec<Source>,
}

/// One key, and the calls on record of it.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'a> {
    /// Its public id.
    pub key_id: &'a str,
    /// What the ledger has of it.
    pub known: Option<&'a KeyRecord>,
    /// By region.
    pub records: &'a [Record],
}

/// What can be unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Display, EnumIter, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// A service that was not called before.
    NewService,
    /// A region in which nothing was called before.
    NewRegion,
    /// A network from which nothing was called before.
    NewNetwork,
    /// An hour of the day in which nothing was called before.
    UnusualHour,
    /// Many more calls than on any day before.
    UnusualVolume,
    /// The key was used after another took its place.
    RetiredKey,
    /// Many calls in a short time that the key may not make.
    DeniedBurst,
}

/// Calls that are unusual for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// The reason.
    pub kind: Kind,
    /// The service, the region, the network or the hour.
    pub name: Option<String>,
    /// The key that they were made with.
    pub key_id: String,
    /// How many there are.
    pub calls: usize,
    /// The first of them.
    pub first_at: Instant,
    /// The last of them.
    pub last_at: Instant,
}

/// When a key last did what somebody can allow for, be it new or not: by kind, name and key.
pub type Habits = BTreeMap<(Kind, String, String), Instant>;

/// What was found, and what could not be looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// In the order of kinds, names and keys.
    pub anomalies: Vec<Anomaly>,
    /// What was read of, without what is allowed.
    pub habits: Habits,
    /// Nobody can tell whether there are any of these.
    pub not_judged: Vec<Kind>,
    /// Why, in sentences.
    pub reasons: Vec<String>,
    /// The calls since the watermark are so many that those before them were not read.
    pub is_drowned: bool,
}

impl Kind {
    /// How many calls, over how many days, a baseline has to have; `None` where none is needed.
    pub fn needs(self) -> Option<(usize, u64)> {
        match self {
            Self::NewService | Self::NewRegion | Self::NewNetwork | Self::UnusualVolume => {
                Some((20, 7))
            }
            Self::UnusualHour => Some((100, 14)),
            Self::RetiredKey | Self::DeniedBurst => None,
        }
    }

    /// Whether [`Allow`] can name it.
    fn can_be_allowed(self) -> bool {
        matches!(self, Self::NewService | Self::NewRegion | Self::NewNetwork)
    }
}

/// A sentence.
impl std::fmt::Display for Anomaly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.name.as_deref().unwrap_or_default();
        let calls = match self.calls {
            1 => format!("One call with key {} at {}", self.key_id, self.first_at),
            many => format!(
                "{many} calls with key {} from {} to {}",
                self.key_id, self.first_at, self.last_at
            ),
        };
        match self.kind {
            Kind::NewService => write!(f, "{calls}: service {name} was not called before."),
            Kind::NewRegion => write!(f, "{calls}: nothing was called in region {name} before."),
            Kind::NewNetwork => write!(f, "{calls}: nothing was called from {name} before."),
            Kind::UnusualHour => {
                write!(
                    f,
                    "{calls}: nothing was called between {name} UTC on any day before."
                )
            }
            Kind::UnusualVolume => write!(
                f,
                "{calls}: more in a day than volume_factor allows for beside the busiest day before."
            ),
            Kind::RetiredKey => write!(f, "{calls}: another key had taken its place."),
            Kind::DeniedBurst => write!(f, "{calls} were denied, within minutes of each other."),
        }
    }
}

impl Judgement {
    /// Without what only a whole baseline tells: some of its calls could not be read, for a `reason`.
    pub fn without_baseline(mut self, reason: String) -> Self {
        self.anomalies.retain(|it| it.kind.needs().is_none());
        let lacks = |kind: &Kind| kind.needs().is_some() || self.not_judged.contains(kind);
        self.not_judged = Kind::iter().filter(lacks).collect();
        self.reasons = vec![reason];
        self
    }
}

/// Judges the calls since the watermark. The keys share one baseline, so that it outlasts a rotation.
pub fn judge(keys: &[Watched], watch: &Watch) -> Judgement {
    let calls: Vec<Call> = keys.iter().flat_map(|key| key.calls(watch.proof)).collect();
    let (before, since): (Vec<&Call>, Vec<&Call>) =
        calls.iter().partition(|call| call.it.at < watch.since);
    let baseline = Baseline::of(&before, keys, watch);
    let mut found = Found::default();
    for call in &since {
        for (kind, name) in call.traits(&watch.allow) {
            if baseline.is_enough(kind) && !baseline.seen.contains(&(kind, name.clone())) {
                found.add(kind, Some(name), call);
            }
        }
        if call.key.retired_at().is_some_and(|at| call.it.at > at) {
            found.add(Kind::RetiredKey, None, call);
        }
    }
    for key in keys {
        let own = since
            .iter()
            .copied()
            .filter(|call| call.key.key_id == key.key_id);
        let mut own: Vec<&Call> = own.collect();
        own.sort_by_key(|call| call.it.at);
        for call in baseline.too_many(&own, watch) {
            found.add(Kind::UnusualVolume, None, call);
        }
        for call in bursts(&own, watch.denied_calls) {
            found.add(Kind::DeniedBurst, None, call);
        }
    }
    let (not_judged, reasons) = baseline.doubts(keys);
    Judgement {
        anomalies: found.anomalies(),
        habits: habits(&calls, &watch.allow),
        not_judged,
        reasons,
        is_drowned: baseline::read_from(keys).is_some_and(|at| at >= watch.since),
    }
}

fn habits(calls: &[Call], allow: &Allow) -> Habits {
    let mut habits = Habits::new();
    for call in calls {
        let traits = call.traits(allow).into_iter();
        for (kind, name) in traits.filter(|(kind, _)| kind.can_be_allowed()) {
            let last = habits.entry((kind, name, call.key.key_id.to_owned()));
            let last = last.or_insert(call.it.at);
            *last = call.it.at.max(*last);
        }
    }
    habits
}

/// Those that are no more than [`BURST`] away from so many others.
fn bursts<'a>(calls: &[&'a Call<'a>], many: usize) -> Vec<&'a Call<'a>> {
    let denied: Vec<&Call> = calls
        .iter()
        .copied()
        .filter(|call| call.is_denied())
        .collect();
    let mut is_in_one = vec![false; denied.len()];
    for (first, window) in denied.windows(many).enumerate() {
        if window[many - 1].it.at.since(window[0].it.at) <= BURST {
            is_in_one[first..first + many].fill(true);
        }
    }
    let calls = denied.into_iter().zip(is_in_one);
    calls
        .filter_map(|(call, is_in_one)| is_in_one.then_some(call))
        .collect()
}

/// What was found, each thing once.
#[derive(Default)]
struct Found(BTreeMap<(Kind, Option<String>, String), Anomaly>);

impl Found {
    fn add(&mut self, kind: Kind, name: Option<String>, call: &Call) {
        let (key_id, at) = (call.key.key_id.to_owned(), call.it.at);
        let anomaly = self.0.entry((kind, name.clone(), key_id.clone()));
        let anomaly = anomaly.or_insert(Anomaly {
            kind,
            name,
            key_id,
            calls: 0,
            first_at: at,
            last_at: at,
        });
        anomaly.calls += 1;
        anomaly.first_at = anomaly.first_at.min(at);
        anomaly.last_at = anomaly.last_at.max(at);
    }

    fn anomalies(self) -> Vec<Anomaly> {
        self.0.into_values().collect()
    }
}
