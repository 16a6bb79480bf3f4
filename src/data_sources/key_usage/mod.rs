//! `apikey_key_usage`: who uses a key, as far as its issuer tells. Asks the issuer, and notes in the ledger what is unusual.

mod anomalies;
mod schema;

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value as Json, json};
use tf_provider::schema::Schema;
use tf_provider::value::{Value, ValueAny, ValueEmpty};
use tf_provider::{DataSource, Diagnostics};

use crate::context::SharedContext;
use crate::data_sources::{described, plain};
use crate::domain::anomalies::{Judgement, Watch};
use crate::domain::usage::{Alike, Question, Record, Records, Use, alike};
use crate::duration::Duration;
use crate::engine::connections::at_issuer;
use crate::error::{Error, Kind, Path, Result};
use crate::instant::Instant;
use crate::issuers::Issuer;
use crate::resources::diagnostics;
use crate::resources::managed::connect;
use crate::settings::Settings;

/// How far back is looked unless the configuration says otherwise, and at most: no issuer remembers more. What is judged has
/// to be compared with something.
const SINCE: Duration = Duration::from_days(7);
const SINCE_OF_A_BASELINE: Duration = Duration::from_days(30);
const LONGEST: Duration = Duration::from_days(90);

/// How many calls of a region are read unless the configuration says otherwise, and at most.
const MOST: i64 = 500;
const MOST_ALLOWED: i64 = 10_000;

type Values = BTreeMap<String, ValueAny>;

/// The data source.
pub struct KeyUsageSource {
    context: SharedContext,
}

impl KeyUsageSource {
    /// A data source that will use the context once the provider is configured.
    pub fn new(context: SharedContext) -> Self {
        Self { context }
    }
}

#[async_trait]
impl DataSource for KeyUsageSource {
    type State<'a> = Values;
    type ProviderMetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(described(
            schema::inputs(),
            schema::outputs(),
            "Who uses a key: its last use as its issuer tells it and, at `aws_iam`, the calls that CloudTrail has on \
                     record. Says what it cannot see.",
        ))
    }

    async fn validate<'a>(&self, diags: &mut Diagnostics, config: Values) -> Option<()> {
        let fields = Settings::new(Path::default(), &config);
        if let Some(events) = fields.object("events").filter(Settings::wholly_known) {
            // Any instant will do to see whether the question is sound.
            let now = Instant::from_unix(0) + LONGEST;
            if let Err(error) = question(&events, now) {
                diagnostics::report(diags, error);
            }
        }
        Some(())
    }

    async fn read<'a>(
        &self,
        diags: &mut Diagnostics,
        config: Values,
        _: ValueEmpty,
    ) -> Option<Values> {
        let context = diagnostics::collect(diags, self.context.settled())?;
        let fields = Settings::new(Path::default(), &config);
        let events = fields.object("events");
        let asked = events.as_ref().map(|it| question(it, context.clock.now()));
        let asked = diagnostics::collect(diags, asked.transpose())?;
        let key_id = diagnostics::collect(diags, fields.required_string("key_id"))?;
        let issuer = match fields.value("issuer") {
            Some(ValueAny::Map(issuer)) => Value::Value(issuer.clone()),
            _ => Value::Null,
        };
        let (_, issuer) = diagnostics::collect(diags, connect::connected(&issuer, context))?;
        let last = last_use(diags, issuer.as_ref(), key_id, asked.is_some()).await?;
        let records = match &asked {
            Some((asked, _)) => {
                let seen = last.known.as_ref().and_then(Option::as_ref);
                let records = records(issuer.as_ref(), key_id, asked, seen).await;
                diagnostics::collect(diags, records)?
            }
            None => Records::default(),
        };
        let judgement = match asked {
            Some((asked, Some(watch))) => {
                let issuer = issuer.as_ref();
                let judged = anomalies::judged(key_id, &records, &asked, watch, issuer, context);
                let (judgement, mut warnings) = judged.await;
                warnings.extend(anomalies::warnings(key_id, &judgement));
                let warn = |warning| diagnostics::warn(diags, warning);
                warnings.into_iter().for_each(warn);
                Some(judgement)
            }
            _ => None,
        };
        let shows_addresses =
            events.is_some_and(|events| events.boolean("show_addresses") == Some(true));
        let mut state = config.clone();
        if let Json::Object(told) = told(&last, &records, judgement.as_ref(), shows_addresses) {
            state.extend(told.into_iter().map(|(name, value)| (name, plain(value))));
        }
        Some(state)
    }
}

/// The calls that the configuration asks for, and what of them is to be judged.
fn question(events: &Settings, now: Instant) -> Result<(Question, Option<Watch>)> {
    let usual = match events.object("anomalies") {
        Some(_) => SINCE_OF_A_BASELINE,
        None => SINCE,
    };
    let since = events.duration("since")?.unwrap_or(usual);
    if since > LONGEST {
        return Err(events.wrong(
            "since",
            "since is too long",
            format!("No issuer has calls of {since} on record. Set it to {LONGEST} at most."),
        ));
    }
    let most = events.integer("max_events").unwrap_or(MOST);
    let fits = (1..=MOST_ALLOWED).contains(&most);
    let most = usize::try_from(most).ok().filter(|_| fits).ok_or_else(|| {
        events.wrong(
            "max_events",
            "max_events is not valid",
            format!("Set it to a whole number from 1 to {MOST_ALLOWED}."),
        )
    })?;
    let regions = events.strings("regions");
    let question = Question {
        since: now - since,
        regions: regions.into_iter().map(str::to_owned).collect(),
        most,
    };
    let watch = anomalies::watch(events, &question, now)?;
    Ok((question, watch))
}

/// What is known of the last use.
struct LastUse {
    /// `Some(None)`: the key was never used. `None`: nobody knows.
    known: Option<Option<Use>>,
    /// Why it is not known, or how late it may be.
    aside: String,
}

/// An issuer that no longer knows the key may still have its calls on record, so that is no error then.
async fn last_use(
    diags: &mut Diagnostics,
    issuer: &dyn Issuer,
    key_id: &str,
    asks_for_more: bool,
) -> Option<LastUse> {
    let account = issuer.account();
    let unknown = |aside: String| LastUse { known: None, aside };
    let Some(told) = issuer.capabilities().last_use else {
        return Some(unknown(format!(
            "{account} does not tell when a key was last used."
        )));
    };
    match at_issuer(issuer.last_use(key_id).await) {
        Ok(last) => Some(LastUse {
            known: Some(last),
            aside: match told.lag.is_zero() {
                true => format!("How late {account} may tell of a use is not known."),
                false => format!("{account} may tell of a use {} late.", told.lag),
            },
        }),
        Err(error) if error.kind == Kind::NotFound => Some(unknown(format!(
            "{account} does not know key {key_id} any more, so its last use is not known."
        ))),
        Err(error) if error.kind == Kind::Denied && asks_for_more => {
            let aside = format!("{}.", error.summary);
            diagnostics::warn(diags, error);
            Some(unknown(aside))
        }
        Err(error) => {
            diagnostics::report(diags, error);
            None
        }
    }
}

async fn records(
    issuer: &dyn Issuer,
    key_id: &str,
    asked: &Question,
    last: Option<&Use>,
) -> Result<Records> {
    if issuer.capabilities().records_calls {
        let records = issuer.calls(key_id, asked, last).await;
        // A vendor may have blamed the provider block, and Terraform looks for a path here alone.
        return records.map_err(|error| Error {
            path: Path::root("events"),
            ..error
        });
    }
    Err(Error::invalid(
        Path::root("events"),
        format!("{} has no calls on record", issuer.account()),
        "Nobody can be asked who called with a key of this issuer. Remove events; the last use is told without it, where the \
         issuer tells it.",
    ))
}

fn told(
    last: &LastUse,
    records: &Records,
    judgement: Option<&Judgement>,
    shows_addresses: bool,
) -> Json {
    let reasons = judgement.into_iter().flat_map(|it| &it.reasons);
    let asides = std::iter::once(&last.aside)
        .chain(&records.blind_spots)
        .chain(reasons);
    let anomalies = |it: &Judgement| it.anomalies.iter().map(anomalies::told).collect::<Vec<_>>();
    let not_judged = |it: &Judgement| {
        it.not_judged
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let calls = alike(&records.regions);
    json!({
        "last_use": last.known.clone().flatten(),
        "last_use_known": last.known.is_some(),
        "calls": calls.iter().map(|calls| call(calls, shows_addresses)).collect::<Vec<_>>(),
        "regions": records.regions.iter().map(region).collect::<Vec<_>>(),
        "anomalies": judgement.map(anomalies),
        "not_judged": judgement.map(not_judged),
        "blind_spots": asides.collect::<Vec<_>>(),
    })
}

fn call(calls: &Alike, shows_addresses: bool) -> Json {
    json!({
        "service": calls.service,
        "operation": calls.operation,
        "region": calls.region,
        "error_code": calls.error_code,
        "count": calls.count,
        "first_at": calls.first_at,
        "last_at": calls.last_at,
        "addresses": shows_addresses.then_some(&calls.addresses),
        "user_agents": shows_addresses.then_some(&calls.user_agents),
    })
}

fn region(record: &Record) -> Json {
    json!({
        "name": record.region,
        "count": record.calls.len(),
        "oldest_at": record.calls.last().map(|call| call.at),
        "is_complete": record.is_complete,
    })
}
