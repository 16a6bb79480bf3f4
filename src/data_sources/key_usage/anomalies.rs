//! What is unusual in the calls of a key, of those that were made with the keys before it too.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::records;
use crate::context::Context;
use crate::domain::anomalies::{
    Allow, Anomaly, Judgement, Kind, Source, Survey, Watch, Watched, judge,
};
use crate::domain::keys::{KeyRecord, Status};
use crate::domain::usage::{Question, Record, Records};
use crate::duration::Duration;
use crate::engine::connections::at_issuer;
use crate::error::{self, Error, Path, Result};
use crate::instant::Instant;
use crate::issuers::Issuer;
use crate::settings::Settings;

/// From when on calls are judged, unless the configuration says otherwise: a daily run may be late.
const SINCE: Duration = Duration::from_days(2);

const VOLUME_FACTOR: i64 = 3;
const DENIED_CALLS: i64 = 5;

/// What of the calls is to be judged, if anything is.
pub fn watch(events: &Settings, asked: &Question, now: Instant) -> Result<Option<Watch>> {
    let Some(fields) = events.object("anomalies") else {
        return Ok(None);
    };
    let since = now - fields.duration("since")?.unwrap_or(SINCE);
    if since <= asked.since {
        return Err(fields.wrong(
            "since",
            "since leaves nothing to compare with",
            "The calls before it, back to since of events, are the baseline. Make it shorter than that.",
        ));
    }
    Ok(Some(Watch {
        since,
        allow: match fields.object("allow") {
            Some(allow) => allowed(&allow)?,
            None => Allow::default(),
        },
        volume_factor: several(&fields, "volume_factor", VOLUME_FACTOR)?,
        denied_calls: several(&fields, "denied_calls", DENIED_CALLS)?,
        proof: None,
    }))
}

fn allowed(fields: &Settings) -> Result<Allow> {
    let texts = |name| {
        fields
            .strings(name)
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    let networks = fields.strings("networks").into_iter().map(|text| {
        Source::parse(text).ok_or_else(|| {
            fields.wrong(
                "networks",
                "networks is not valid",
                format!(
                    "{text:?} is neither a network such as \"203.0.113.0/24\" nor the name of a service such as \
                     \"cloudformation.amazonaws.com\"."
                ),
            )
        })
    });
    Ok(Allow {
        services: texts("services"),
        regions: texts("regions"),
        networks: networks.collect::<Result<_>>()?,
    })
}

/// One of it is nothing unusual.
fn several(fields: &Settings, name: &str, default: i64) -> Result<usize> {
    let number = fields.integer(name).unwrap_or(default);
    let number = usize::try_from(number).ok().filter(|it| *it > 1);
    number.ok_or_else(|| {
        fields.wrong(
            name,
            format!("{name} is not valid"),
            "Set it to a whole number from 2 on.",
        )
    })
}

/// What was read of the keys of an account, and what could not be.
#[derive(Default)]
struct Account {
    /// Its name, where it is known.
    name: Option<String>,
    /// What the ledger has of its keys.
    known: Vec<KeyRecord>,
    /// The calls of the other keys, by id.
    others: BTreeMap<String, Vec<Record>>,
    /// The first of what could not be read.
    unread: Option<Error>,
}

impl Account {
    /// Reads what there is beside one key.
    async fn beside(
        key_id: &str,
        asked: &Question,
        issuer: &dyn Issuer,
        context: &Context,
    ) -> Self {
        let mut account = Self::default();
        if let Err(error) = account.read(key_id, asked, issuer, context).await {
            account.unread = Some(error);
        }
        account
    }

    async fn read(
        &mut self,
        key_id: &str,
        asked: &Question,
        issuer: &dyn Issuer,
        context: &Context,
    ) -> Result<()> {
        let name = at_issuer(issuer.lock().await)?;
        self.known = context.ledger.keys_in(&name).await?;
        self.name = Some(name);
        for (id, record) in by_id(&self.known) {
            if id != key_id && record.revoked_at.is_none_or(|at| at >= asked.since) {
                let records = records(issuer, id, asked, None).await?;
                self.others.insert(id.to_owned(), records.regions);
            }
        }
        Ok(())
    }
}

/// Judges what was read of a key. The other keys that its account had in this time are asked for as well; if they cannot be read,
/// what needs them is not judged. What is found goes into the ledger. Gives what a person should know besides.
pub async fn judged(
    key_id: &str,
    own: &Records,
    asked: &Question,
    watch: Watch,
    issuer: &dyn Issuer,
    context: &Context,
) -> (Judgement, Vec<Error>) {
    let asked = Question {
        regions: own.regions.iter().map(|it| it.region.clone()).collect(),
        ..asked.clone()
    };
    let account = Account::beside(key_id, &asked, issuer, context).await;
    let known = by_id(&account.known);
    let others = account.others.iter();
    let others = others.map(|(id, records)| (id.as_str(), records.as_slice()));
    let all = others.chain([(key_id, own.regions.as_slice())]);
    let keys = all.map(|(key_id, records)| Watched {
        key_id,
        known: known.get(key_id).copied(),
        records,
    });
    let able = issuer.capabilities().last_use;
    let watch = Watch {
        proof: able.and_then(|able| able.proof),
        ..watch
    };
    let judgement = judge(&keys.collect::<Vec<_>>(), &watch);
    let (judgement, mut warnings) = match account.unread {
        None => (judgement, Vec::new()),
        Some(error) => not_judged(key_id, judgement, &error),
    };
    if let Some(account) = account.name {
        let survey = Survey {
            account,
            found: judgement.anomalies.clone(),
            habits: judgement.habits.clone(),
            allow: watch.allow,
        };
        let noted = context.ledger.note_anomalies(&survey, context.clock.now());
        warnings.extend(noted.await.err().map(|error| unwritten(key_id, error)));
    }
    (judgement, warnings)
}

/// A ledger that is down, or a call that is refused, fails no plan that would only be told less.
fn not_judged(key_id: &str, judgement: Judgement, error: &Error) -> (Judgement, Vec<Error>) {
    let reason = format!(
        "The keys of the account could not be read: {}.",
        error.summary
    );
    let judgement = judgement.without_baseline(reason);
    let kinds: Vec<String> = judgement.not_judged.iter().map(Kind::to_string).collect();
    let warning = Error {
        summary: format!(
            "The calls of key {key_id} are not judged by those before them: {}",
            error.summary
        ),
        detail: format!(
            "{}\nThe other keys of the account are part of the baseline, so nobody can tell whether there is {}.",
            error.detail,
            kinds.join(", ")
        ),
        path: Path::root("events"),
        ..error.clone()
    };
    (judgement, vec![warning])
}

fn unwritten(key_id: &str, error: Error) -> Error {
    Error {
        summary: format!(
            "What is unusual of key {key_id} is told by this plan alone: {}",
            error.summary
        ),
        detail: format!(
            "{}\nThe next plan that can write into the ledger writes it down.",
            error.detail
        ),
        path: Path::root("events"),
        ..error
    }
}

/// A key that went from one resource to another has a record of each; the one that is alive counts.
fn by_id(known: &[KeyRecord]) -> BTreeMap<&str, &KeyRecord> {
    let mut keys = BTreeMap::new();
    for record in known {
        let Some(id) = record.key.key_id.as_deref() else {
            continue;
        };
        if record.status == Status::Live || !keys.contains_key(id) {
            keys.insert(id, record);
        }
    }
    keys
}

/// What the plan says of it.
pub fn warnings(key_id: &str, judgement: &Judgement) -> Vec<Error> {
    let mut warnings = Vec::new();
    if judgement.is_drowned {
        warnings.push((
            format!("The calls of key {key_id} cannot be judged"),
            "Those since the watermark are so many that those before them were not read, and this may be why. Raise \
             events.max_events, or look at what was called."
                .to_owned(),
        ));
    }
    if !judgement.anomalies.is_empty() {
        let found = judgement.anomalies.iter().map(Anomaly::to_string);
        warnings.push((
            format!("Key {key_id}, or another of its account, was used in unusual ways"),
            format!(
                "{}\nFind out who that was, and rotate the key if it was nobody of yours. What is as it should be goes into \
                 events.anomalies.allow.",
                found.collect::<Vec<_>>().join("\n")
            ),
        ));
    }
    let warnings = warnings.into_iter();
    warnings
        .map(|(summary, detail)| {
            Error::new(error::Kind::Other, summary, detail).at(Path::root("events"))
        })
        .collect()
}

pub fn told(anomaly: &Anomaly) -> Json {
    json!({
        "kind": anomaly.kind.to_string(),
        "name": anomaly.name,
        "key_id": anomaly.key_id,
        "count": anomaly.calls,
        "first_at": anomaly.first_at,
        "last_at": anomaly.last_at,
        "summary": anomaly.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::keys::KeyMark;

    #[test]
    fn a_key_that_two_resources_had_is_asked_for_once_and_as_it_lives_now() {
        let of = |id: Option<&str>, status| KeyRecord {
            status,
            ..KeyRecord::minted(
                KeyMark::new(id.map(str::to_owned), None),
                "apply",
                Instant::from_unix(0),
            )
        };
        let known = [
            of(Some("A"), Status::Orphaned),
            of(Some("A"), Status::Live),
            of(Some("B"), Status::Live),
            of(Some("B"), Status::Revoked),
            of(Some("C"), Status::Revoked),
            of(None, Status::Live),
        ];
        let told: Vec<_> = by_id(&known)
            .into_iter()
            .map(|(id, record)| (id, record.status))
            .collect();
        assert_eq!(
            told,
            [
                ("A", Status::Live),
                ("B", Status::Live),
                ("C", Status::Revoked)
            ]
        );
    }
}
