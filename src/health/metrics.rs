//! What is measured: families of samples, in an order and with names that do not change between runs. How they are written
//! is for [`prometheus`](super::prometheus) and [`openmetrics`](super::openmetrics).
//!
//! Instants are told, not ages: whoever reads them subtracts, so that a writer that hangs shows as one.

use std::collections::BTreeMap;
use std::sync::Arc;

use strum::VariantNames;

use super::{Health, History, ManagedKey, Status, Trail};
use crate::domain::expected::{self, Oddity};
use crate::domain::keys::KeyRecord;
use crate::duration::Duration;
use crate::instant::Instant;

/// What a sample is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up.
    Counter,
    /// Always 1; its labels are what it tells.
    Info,
}

/// A name and its value.
pub type Label = (&'static str, String);

/// One value with its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Labels that it has in common with other samples: ten thousand keys have eighty thousand samples of their statuses.
    common: Arc<[Label]>,
    /// Its own.
    own: Vec<Label>,
    /// The value.
    pub value: i64,
}

impl Sample {
    /// Names and values.
    pub fn labels(&self) -> impl Iterator<Item = &Label> {
        self.common.iter().chain(&self.own)
    }
}

/// Everything of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// The name, without `_total` and `_info`.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub help: &'static str,
    /// What its samples are of.
    pub kind: Kind,
    /// The unit, which the name ends in.
    pub unit: Option<&'static str>,
    /// The samples.
    pub samples: Vec<Sample>,
}

/// What GitHub says of a key that it cannot try.
const UNKNOWN: &str = "unknown";

/// That a refresh has looked is written down to the hour.
const ASKED_AGAIN: Duration = Duration::from_mins(30);

/// What is measured. The families are made one after the other, for those of ten thousand keys are large.
#[derive(Clone, Copy)]
pub struct Measured<'h> {
    /// The keys.
    pub health: &'h Health,
    /// What was done.
    pub history: &'h History,
    /// The audit trail, if somebody has walked along it.
    pub trail: Option<Trail>,
}

impl<'h> Measured<'h> {
    /// Everything that is measured of a ledger and its audit trail.
    pub fn families(self) -> impl Iterator<Item = Family> + 'h {
        let of_keys = OF_KEYS.iter().map(move |family| family(self.health));
        of_keys
            .chain(of_the_ledger(self.health, self.history))
            .chain(self.trail.into_iter().flat_map(of_the_trail))
            .chain(exported(self.health))
    }
}

/// When, and by which version.
fn exported(health: &Health) -> [Family; 2] {
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    let at = gauge(
        "apikey_exported_timestamp_seconds",
        "When this was written. Old if whatever writes it has stopped.",
        [bare(health.now.unix())],
    );
    let build = Family {
        kind: Kind::Info,
        ..gauge(
            "apikey_build",
            "The version of the provider that wrote this.",
            [with(version, 1)],
        )
    };
    [at, build]
}

/// What is measured of each key.
const OF_KEYS: [fn(&Health) -> Family; 11] = [
    |health| Family {
        kind: Kind::Info,
        ..gauge(
            "apikey_key",
            "A managed key, with its policy and the account at its issuer.",
            health.keys.iter().map(|key| {
                let policy = key.policy.clone().unwrap_or_default();
                let more = [("policy", policy), ("account", key.account.clone())];
                sample(key, more, 1)
            }),
        )
    },
    |health| {
        gauge(
            "apikey_status",
            "Whether a key is in a status: 1 for the one that it is in, 0 for the others.",
            health.keys.iter().flat_map(|key| statuses(key, health.now)),
        )
    },
    |health| {
        gauge(
            "apikey_key_created_timestamp_seconds",
            "When the key in a slot was minted, or first seen.",
            of_slots(&health.keys, |record| Some(record.created_at)),
        )
    },
    |health| {
        gauge(
            "apikey_key_last_used_timestamp_seconds",
            "When the issuer last saw the key in a slot in use. Missing where it does not tell.",
            of_slots(&health.keys, |record| record.last_used_at),
        )
    },
    |health| {
        gauge(
            "apikey_rotation_last_timestamp_seconds",
            "When the primary key became primary.",
            health
                .keys
                .iter()
                .map(|key| sample(key, [], key.last_rotated_at().unix())),
        )
    },
    |health| {
        gauge(
            "apikey_rotation_due_timestamp_seconds",
            "When the next rotation is due.",
            instants(&health.keys, |key| key.due_at),
        )
    },
    |health| {
        gauge(
            "apikey_rotation_overdue_after_timestamp_seconds",
            "From when on a rotation that did not happen is overdue, by the policy of the key.",
            instants(&health.keys, |key| key.overdue_at),
        )
    },
    |health| {
        gauge(
            "apikey_revocation_due_timestamp_seconds",
            "When the retiring key may be revoked. Missing where there is none.",
            instants(&health.keys, |key| key.revocation_due_at),
        )
    },
    |health| {
        gauge(
            "apikey_apply_failed_timestamp_seconds",
            "When the last apply of a key ended with an error. Missing where it did not.",
            instants(&health.keys, ManagedKey::failing_since),
        )
    },
    |health| {
        gauge(
            "apikey_usage_anomalies",
            "How much of the use of the key in a slot is not as expected_usage says, or unlike what was before. Missing where nothing is.",
            health.keys.iter().flat_map(anomalies),
        )
    },
    |health| {
        gauge(
            "apikey_leaks_open",
            "How many open alerts of scanners of secrets are about a key that works, as far as plans have read them, by what they say of it.",
            health.keys.iter().flat_map(leaks),
        )
    },
];

/// What is measured of all of them together.
fn of_the_ledger(health: &Health, history: &History) -> Vec<Family> {
    let without_owner = health.keys.iter().filter(|key| key.owner.is_none()).count();
    vec![
        gauge(
            "apikey_keys",
            "How many keys are managed.",
            [bare(number(health.keys.len()))],
        ),
        gauge(
            "apikey_keys_without_owner",
            "How many managed keys have no owner.",
            [bare(number(without_owner))],
        ),
        gauge(
            "apikey_keys_orphaned",
            "How many live keys belong to no resource.",
            [bare(health.orphaned)],
        ),
        gauge(
            "apikey_leaks_orphaned",
            "How many open alerts of scanners of secrets are about live keys that belong to no resource.",
            [bare(health.leaks_of_orphans)],
        ),
        gauge(
            "apikey_usage_anomalies_orphaned",
            "How much of the use of live keys that belong to no resource is unlike what was before.",
            [bare(number(health.anomalies_of_orphans.len()))],
        ),
        gauge(
            "apikey_effects_unfinished",
            "How many effects have no outcome: they are at work, or their apply was killed.",
            [bare(health.unfinished)],
        ),
        Family {
            kind: Kind::Counter,
            ..gauge(
                "apikey_effects",
                "How often an effect on the outside ended so, since the ledger began.",
                history.effects.iter().map(|count| {
                    let labels = vec![
                        ("workspace", count.workspace.clone()),
                        ("effect", count.effect.clone()),
                        ("outcome", count.outcome.to_string()),
                    ];
                    with(labels, count.count)
                }),
            )
        },
        gauge(
            "apikey_last_apply_timestamp_seconds",
            "When an apply of any key last ended so. A run that finds nothing to do leaves none.",
            history.runs.iter().map(|run| {
                let labels = vec![
                    ("workspace", run.workspace.clone()),
                    ("outcome", run.outcome.to_string()),
                ];
                with(labels, run.at.unix())
            }),
        ),
    ]
}

fn of_the_trail(trail: Trail) -> Vec<Family> {
    vec![
        gauge(
            "apikey_audit_trail_intact",
            "Whether every event of the audit trail is what was sealed.",
            [bare(i64::from(trail.is_intact))],
        ),
        gauge(
            "apikey_audit_events",
            "How many events of the audit trail are sound, from the first on.",
            [bare(trail.events)],
        ),
    ]
}

fn gauge(
    name: &'static str,
    help: &'static str,
    samples: impl IntoIterator<Item = Sample>,
) -> Family {
    Family {
        name,
        help,
        kind: Kind::Gauge,
        unit: name.ends_with("_seconds").then_some("seconds"),
        samples: samples.into_iter().collect(),
    }
}

fn bare(value: i64) -> Sample {
    with(Vec::new(), value)
}

fn with(own: Vec<Label>, value: i64) -> Sample {
    Sample {
        common: Arc::default(),
        own,
        value,
    }
}

/// A sample of a key.
fn sample(key: &ManagedKey, more: impl IntoIterator<Item = Label>, value: i64) -> Sample {
    Sample {
        common: common(key),
        ..with(more.into_iter().collect(), value)
    }
}

/// What every sample of a key says. The id tells apart what has the same name in another working directory.
fn common(key: &ManagedKey) -> Arc<[Label]> {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
    Arc::new([
        ("id", key.resource.id.clone()),
        ("name", key.resource.name.clone()),
        ("group", or_none(&key.group)),
        ("environment", or_none(&key.environment)),
        ("owner", or_none(&key.owner)),
        ("issuer", key.issuer.clone()),
        ("workspace", key.resource.workspace.clone()),
    ])
}

fn statuses(key: &ManagedKey, now: Instant) -> impl Iterator<Item = Sample> {
    let (is, common) = (key.status(now).word(), common(key));
    Status::VARIANTS.iter().map(move |word| Sample {
        common: Arc::clone(&common),
        ..with(vec![("status", (*word).to_owned())], i64::from(*word == is))
    })
}

fn of_slots(keys: &[ManagedKey], at: impl Fn(&KeyRecord) -> Option<Instant>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for key in keys {
        // Beside a key whose revocation has failed, another may be retiring: the older one counts.
        let mut told = BTreeMap::new();
        for (slot, record) in key.slots() {
            if let Some(at) = at(record) {
                told.entry(slot.to_string()).or_insert(at.unix());
            }
        }
        let told = told.into_iter();
        samples.extend(told.map(|(slot, at)| sample(key, [("slot", slot)], at)));
    }
    samples
}

/// By what the scanner says of the key. That of which it says nothing is always told, so that a zero tells that an alert is over.
fn leaks(key: &ManagedKey) -> Vec<Sample> {
    let mut counts = BTreeMap::from([(UNKNOWN, 0)]);
    for leak in &key.leaks {
        let validity = leak.validity.as_deref().unwrap_or(UNKNOWN);
        *counts.entry(validity).or_default() += 1;
    }
    let samples = counts
        .into_iter()
        .map(|(validity, count)| sample(key, [("validity", validity.to_owned())], count));
    samples.collect()
}

fn anomalies(key: &ManagedKey) -> Vec<Sample> {
    let expected = key.slots().flat_map(|(slot, record)| {
        let noticed = record.noticed.iter().flatten();
        let noticed = noticed.filter(|it| lasts(it, key.seen_at));
        noticed.map(move |it| (slot.to_string(), it.kind.to_string()))
    });
    let unusual = key.unusual();
    let unusual = unusual.map(|(slot, _, it)| (slot.to_string(), it.kind.to_string()));
    let mut counts: BTreeMap<(String, String), i64> = BTreeMap::new();
    for found in expected.chain(unusual) {
        *counts.entry(found).or_default() += 1;
    }
    let samples = counts.into_iter().map(|((slot, kind), count)| {
        let more = [("slot", slot), ("kind", kind)];
        sample(key, more, count)
    });
    samples.collect()
}

/// That an issuer does not tell is worth an alarm when a later refresh has asked again in vain: it may have been busy.
fn lasts(oddity: &Oddity, seen_at: Option<Instant>) -> bool {
    let is_later = |seen: Instant| seen >= oddity.at + ASKED_AGAIN;
    oddity.kind != expected::Kind::Untold || seen_at.is_some_and(is_later)
}

fn instants(keys: &[ManagedKey], at: impl Fn(&ManagedKey) -> Option<Instant>) -> Vec<Sample> {
    let told = keys
        .iter()
        .filter_map(|key| Some(sample(key, [], at(key)?.unix())));
    told.collect()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
