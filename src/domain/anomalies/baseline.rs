//! What a key is used to.

use std::collections::{BTreeMap, BTreeSet};

use strum::IntoEnumIterator;

use super::call::Call;
use super::{Allow, Kind, Watch, Watched};
use crate::duration::Duration;
use crate::instant::Instant;

const DAY: Duration = Duration::from_days(1);

/// The calls before the watermark.
pub(super) struct Baseline {
    /// What they have in them.
    pub seen: BTreeSet<(Kind, String)>,
    /// How many there are.
    calls: usize,
    /// Over how many whole days.
    days: u64,
    /// How many there are on the busiest day.
    busiest: usize,
}

impl Baseline {
    pub fn of(calls: &[&Call], keys: &[Watched], watch: &Watch) -> Self {
        let nothing = Allow::default();
        let seen = calls.iter().flat_map(|call| call.traits(&nothing));
        let first = calls.iter().map(|call| call.it.at).min();
        // Before the oldest call of a region that was not read to its end, silence proves nothing.
        let from = first.max(read_from(keys));
        let span = from.map_or(Duration::ZERO, |from| watch.since.since(from));
        Self {
            seen: seen.collect(),
            calls: calls.len(),
            days: span.as_secs() / DAY.as_secs(),
            busiest: by_day(calls, watch.since)
                .values()
                .map(Vec::len)
                .max()
                .unwrap_or(0),
        }
    }

    /// What it does not know is new.
    pub fn is_enough(&self, kind: Kind) -> bool {
        kind.needs()
            .is_none_or(|(calls, days)| self.calls >= calls && self.days >= days)
    }

    /// The calls with one key on days that have too many.
    pub fn too_many<'a>(&self, calls: &[&'a Call<'a>], watch: &Watch) -> Vec<&'a Call<'a>> {
        let most = self.busiest.saturating_mul(watch.volume_factor);
        // A key that is hardly used is not watched by its calls a day.
        let (few, _) = Kind::UnusualVolume.needs().unwrap_or_default();
        let days = by_day(calls, watch.since).into_values();
        let days =
            days.filter(|day| self.is_enough(Kind::UnusualVolume) && day.len() > most.max(few));
        days.flatten().collect()
    }

    /// What cannot be judged, and why.
    pub fn doubts(&self, keys: &[Watched]) -> (Vec<Kind>, Vec<String>) {
        let knows_keys = keys.iter().all(|key| key.known.is_some());
        let is_judged = |kind: &Kind| match kind {
            Kind::RetiredKey => knows_keys,
            kind => self.is_enough(*kind),
        };
        let not_judged: Vec<Kind> = Kind::iter().filter(|kind| !is_judged(kind)).collect();
        let few = not_judged.iter().filter_map(|kind| {
            let (calls, days) = kind.needs()?;
            Some(format!("{kind} ({calls} calls over {days} days)"))
        });
        let few: Vec<String> = few.collect();
        let mut reasons = Vec::new();
        if !few.is_empty() {
            reasons.push(format!(
                "The baseline has {} calls over {} days, which are too few to tell {}.",
                self.calls,
                self.days,
                few.join(", ")
            ));
        }
        if !knows_keys {
            reasons.push(
                "The ledger does not know the key, so nobody can tell whether another took its place."
                    .to_owned(),
            );
        }
        (not_judged, reasons)
    }
}

/// From when on all regions of all keys were read.
pub(super) fn read_from(keys: &[Watched]) -> Option<Instant> {
    let records = keys.iter().flat_map(|key| key.records);
    let cut = records.filter(|record| !record.is_complete);
    cut.filter_map(|record| record.calls.last())
        .map(|oldest| oldest.at)
        .max()
}

/// Calls by the day in which they are, counted from the watermark in both directions.
fn by_day<'a>(calls: &[&'a Call<'a>], since: Instant) -> BTreeMap<i64, Vec<&'a Call<'a>>> {
    let mut days: BTreeMap<i64, Vec<&Call>> = BTreeMap::new();
    for call in calls {
        let day = (call.it.at.unix() - since.unix()).div_euclid(DAY.as_secs().cast_signed());
        days.entry(day).or_default().push(call);
    }
    days
}
