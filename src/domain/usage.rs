//! Who uses a key, as far as an issuer tells: its last use, and the calls that a vendor has on record. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::instant::Instant;

/// The last use of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// When.
    pub at: Instant,
    /// What was called, such as `s3`, where the issuer tells.
    pub service: Option<String>,
    /// Where that was, such as `eu-central-1`, where the issuer tells.
    pub region: Option<String>,
}

impl Use {
    /// A use of which no more is known.
    pub fn at(at: Instant) -> Self {
        Self {
            at,
            service: None,
            region: None,
        }
    }

    /// A use that is told to lie ahead has happened, now at the latest: whoever tells of it has a clock that is fast.
    pub fn by(self, now: Instant) -> Self {
        let at = self.at.min(now);
        Self { at, ..self }
    }
}

/// The newer of two uses; of the same instant, the first.
pub fn newest(one: Option<Use>, other: Option<Use>) -> Option<Use> {
    match (one, other) {
        (Some(one), Some(other)) if other.at > one.at => Some(other),
        (one, other) => one.or(other),
    }
}

/// `2026-01-01T00:00:00Z (s3 in eu-central-1)`
impl std::fmt::Display for Use {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = self.at;
        match (&self.service, &self.region) {
            (Some(service), Some(region)) => write!(f, "{at} ({service} in {region})"),
            (Some(only), None) | (None, Some(only)) => write!(f, "{at} ({only})"),
            (None, None) => write!(f, "{at}"),
        }
    }
}

/// Which of the recorded calls are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// From when on.
    pub since: Instant,
    /// Where to look; empty for where the issuer itself would.
    pub regions: Vec<String>,
    /// How many calls of a region are read at most, newest first.
    pub most: usize,
}

/// One call that was made with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedCall {
    /// When.
    pub at: Instant,
    /// What was called, such as `s3`.
    pub service: String,
    /// What was asked of it, such as `ListBuckets`.
    pub operation: String,
    /// The error that it was answered with; `None` for a success.
    pub error_code: Option<String>,
    /// The network address that it came from.
    pub address: Option<String>,
    /// The program that made it, as it calls itself.
    pub user_agent: Option<String>,
}

/// What one region has on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The region.
    pub region: String,
    /// Its calls, newest first.
    pub calls: Vec<RecordedCall>,
    /// There are no others since the instant of the question.
    pub is_complete: bool,
}

/// What a vendor has on record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// By region, in the order in which they were asked for.
    pub regions: Vec<Record>,
    /// What such a record cannot show, in sentences.
    pub blind_spots: Vec<String>,
}

/// Calls that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alike {
    /// What was called.
    pub service: String,
    /// What was asked of it.
    pub operation: String,
    /// Where.
    pub region: String,
    /// The error that they were answered with.
    pub error_code: Option<String>,
    /// How many there are.
    pub count: usize,
    /// The first of them.
    pub first_at: Instant,
    /// The last of them.
    pub last_at: Instant,
    /// Where they came from.
    pub addresses: BTreeSet<String>,
    /// What made them.
    pub user_agents: BTreeSet<String>,
}

/// The calls, those together that are alike; what was called last comes first.
pub fn alike(records: &[Record]) -> Vec<Alike> {
    let mut groups: BTreeMap<(&str, &str, &str, Option<&str>), Alike> = BTreeMap::new();
    for record in records {
        for call in &record.calls {
            let (region, error) = (record.region.as_str(), call.error_code.as_deref());
            let group = groups
                .entry((&call.service, &call.operation, region, error))
                .or_insert_with(|| Alike {
                    service: call.service.clone(),
                    operation: call.operation.clone(),
                    region: region.to_owned(),
                    error_code: call.error_code.clone(),
                    count: 0,
                    first_at: call.at,
                    last_at: call.at,
                    addresses: BTreeSet::new(),
                    user_agents: BTreeSet::new(),
                });
            group.count += 1;
            group.first_at = group.first_at.min(call.at);
            group.last_at = group.last_at.max(call.at);
            group.addresses.extend(call.address.clone());
            group.user_agents.extend(call.user_agent.clone());
        }
    }
    let mut groups: Vec<Alike> = groups.into_values().collect();
    // Groups of the same instant stay in the order of their names.
    groups.sort_by_key(|group| std::cmp::Reverse(group.last_at));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Instant {
        Instant::from_unix(second)
    }

    fn call(second: i64, operation: &str, error: Option<&str>, address: &str) -> RecordedCall {
        RecordedCall {
            at: at(second),
            service: "s3".into(),
            operation: operation.into(),
            error_code: error.map(str::to_owned),
            address: Some(address.into()),
            user_agent: Some("tool/1".into()),
        }
    }

    fn record(region: &str, calls: Vec<RecordedCall>) -> Record {
        Record {
            region: region.into(),
            calls,
            is_complete: true,
        }
    }

    #[test]
    fn calls_that_are_alike_are_told_of_once_and_the_last_called_first() {
        let records = [
            record(
                "eu-west-1",
                vec![
                    call(9, "ListBuckets", None, "192.0.2.1"),
                    call(7, "ListBuckets", Some("AccessDenied"), "192.0.2.1"),
                    call(3, "ListBuckets", None, "192.0.2.2"),
                    call(2, "GetBucketAcl", None, "192.0.2.1"),
                ],
            ),
            record("us-east-1", vec![call(8, "ListBuckets", None, "192.0.2.1")]),
        ];
        let told: Vec<_> = alike(&records)
            .into_iter()
            .map(|it| {
                let seen = (it.count, it.first_at.unix(), it.last_at.unix());
                (it.operation, it.region, it.error_code, seen, it.addresses)
            })
            .collect();
        let from = |all: &[&str]| {
            all.iter()
                .map(|it| (*it).to_owned())
                .collect::<BTreeSet<_>>()
        };
        let row = |operation: &str, region: &str, error: Option<&str>, seen, addresses: &[&str]| {
            let error = error.map(str::to_owned);
            (
                operation.into(),
                region.into(),
                error,
                seen,
                from(addresses),
            )
        };
        assert_eq!(
            told,
            [
                row(
                    "ListBuckets",
                    "eu-west-1",
                    None,
                    (2, 3, 9),
                    &["192.0.2.1", "192.0.2.2"]
                ),
                row("ListBuckets", "us-east-1", None, (1, 8, 8), &["192.0.2.1"]),
                row(
                    "ListBuckets",
                    "eu-west-1",
                    Some("AccessDenied"),
                    (1, 7, 7),
                    &["192.0.2.1"]
                ),
                row("GetBucketAcl", "eu-west-1", None, (1, 2, 2), &["192.0.2.1"]),
            ]
        );
    }

    #[test]
    fn a_use_that_lies_ahead_was_now_at_the_latest() {
        assert_eq!(Use::at(at(600)).by(at(5)), Use::at(at(5)));
        assert_eq!(Use::at(at(4)).by(at(5)), Use::at(at(4)));
    }

    #[test]
    fn a_use_says_as_much_as_is_known() {
        let known = |service: Option<&str>, region: Option<&str>| {
            let (service, region) = (service.map(str::to_owned), region.map(str::to_owned));
            Use {
                at: at(0),
                service,
                region,
            }
            .to_string()
        };
        assert_eq!(known(None, None), "1970-01-01T00:00:00Z");
        assert_eq!(known(Some("s3"), None), "1970-01-01T00:00:00Z (s3)");
        assert_eq!(
            known(Some("s3"), Some("eu-west-1")),
            "1970-01-01T00:00:00Z (s3 in eu-west-1)"
        );
    }
}
