//! The calls that were made with an access key, as the event history of CloudTrail has them: management events of 90 days,
//! each region by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use serde::Deserialize;
use serde_json::json;

use crate::context::Context;
use crate::domain::usage::{Record, RecordedCall};
use crate::error::{Error, Kind, Result};
use crate::http::{Pace, Refusal, pages};
use crate::instant::Instant;
use crate::issuers::{Question, Records, Use};
use crate::vendors::aws::{AwsClient, Json, Service, is_region};

/// The most events that CloudTrail puts on a page.
const PAGE: usize = 50;

/// CloudTrail takes two requests a second of an account in a region.
const APART: Duration = Duration::from_millis(500);

/// What is at the end of the names of services in events.
const SUFFIX: &str = ".amazonaws.com";

/// The event history of an account.
pub(super) struct Trail {
    client: Arc<AwsClient>,
    turns: Arc<Turns>,
}

/// The limit of CloudTrail, which all data sources of a run share.
struct Turns(Pace);

/// How far one region has been read.
#[derive(Default)]
struct Progress {
    read: AtomicUsize,
    is_cut: AtomicBool,
}

impl Trail {
    pub fn new(client: Arc<AwsClient>, context: &Context) -> Result<Self> {
        Ok(Self {
            client,
            turns: context.shared(|| Ok(Turns(Pace::new(APART))))?,
        })
    }

    /// Reads the history of each region.
    pub async fn calls(
        &self,
        key_id: &str,
        asked: &Question,
        last: Option<&Use>,
    ) -> Result<Records> {
        if let Some(odd) = asked.regions.iter().find(|region| !is_region(region)) {
            return Err(odd_region(odd));
        }
        let regions = match asked.regions.is_empty() {
            true => self.likely_regions(last).await?,
            false => asked.regions.clone(),
        };
        let records = regions.into_iter().map(async |region| {
            self.of_region(key_id, &region, asked)
                .await
                .map_err(|refusal| {
                    refusal.explain(format!(
                    "The calls of access key {key_id} in {region} could not be read from CloudTrail"
                ))
                })
        });
        // Of several that fail it is always the same one that is told of.
        let regions = join_all(records).await.into_iter();
        let regions = regions.collect::<Result<Vec<_>>>()?;
        Ok(Records {
            blind_spots: blind_spots(&regions),
            regions,
        })
    }

    /// The region of the last use, that of the provider, and the one in which calls of IAM and of a whole partition are
    /// recorded.
    async fn likely_regions(&self, last: Option<&Use>) -> Result<Vec<String>> {
        let own = self.client.region_of(Service::CloudTrail, None).await?;
        let global = self.client.region_of(Service::Iam, None).await?;
        let last = last.and_then(|last| last.region.clone());
        let last = last.filter(|region| is_region(region));
        let mut regions = Vec::new();
        for region in last.into_iter().chain([own, global]) {
            if !regions.contains(&region) {
                regions.push(region);
            }
        }
        Ok(regions)
    }

    async fn of_region(
        &self,
        key_id: &str,
        region: &str,
        asked: &Question,
    ) -> Result<Record, Refusal> {
        let progress = Progress::default();
        let what = format!("The event history of {region}");
        let page = |next| self.page(key_id, region, asked, &progress, next);
        let mut calls = pages(&what, page).await?;
        let is_cut = progress.is_cut.into_inner() || calls.len() > asked.most;
        calls.truncate(asked.most);
        Ok(Record {
            region: region.to_owned(),
            calls,
            is_complete: !is_cut,
        })
    }

    async fn page(
        &self,
        key_id: &str,
        region: &str,
        asked: &Question,
        progress: &Progress,
        next: Option<String>,
    ) -> Result<(Vec<RecordedCall>, Option<String>), Refusal> {
        self.turns.0.turn(region, self.client.http()).await?;
        let mut input = json!({
            "LookupAttributes": [{ "AttributeKey": "AccessKeyId", "AttributeValue": key_id }],
            "StartTime": asked.since.unix(),
            "MaxResults": PAGE,
        });
        if let Some(next) = next {
            input["NextToken"] = json!(next);
        }
        let call = Json {
            service: Service::CloudTrail,
            region: Some(region),
            operation: "LookupEvents",
            input: &input,
            secrets: &[],
        };
        let answer: LookupEvents = self.client.json(call).await?;
        let read = progress
            .read
            .fetch_add(answer.events.len(), Ordering::Relaxed);
        let is_enough = read + answer.events.len() >= asked.most;
        let next = answer.next_token.filter(|token| !token.is_empty());
        progress
            .is_cut
            .store(is_enough && next.is_some(), Ordering::Relaxed);
        let calls = answer.events.into_iter().map(RecordedCall::from).collect();
        Ok((calls, next.filter(|_| !is_enough)))
    }
}

fn odd_region(region: &str) -> Error {
    Error::new(
        Kind::Invalid,
        "A region is not valid",
        format!("{region:?} is not the name of an AWS region, such as \"eu-central-1\"."),
    )
}

/// What nobody is to take for silence.
fn blind_spots(regions: &[Record]) -> Vec<String> {
    let names: Vec<&str> = regions
        .iter()
        .map(|record| record.region.as_str())
        .collect();
    let mut told = vec![
        format!("Nothing was looked for in regions other than {}.", names.join(", ")),
        "CloudTrail keeps management events for 90 days in this history. What is done to data (objects of S3, items of \
         DynamoDB, invocations of Lambda functions …) is not among them."
            .to_owned(),
        "A call may appear up to 15 minutes late.".to_owned(),
        "What was done with the session of a role that the key assumed is recorded under the id of that session."
            .to_owned(),
    ];
    for record in regions.iter().filter(|record| !record.is_complete) {
        let since = record
            .calls
            .last()
            .map_or_else(String::new, |oldest| format!(" before {}", oldest.at));
        told.push(format!(
            "{} has more calls{since} than max_events allows to read.",
            record.region
        ));
    }
    told
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LookupEvents {
    #[serde(default)]
    events: Vec<Event>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    #[serde(default)]
    event_name: String,
    #[serde(default)]
    event_source: String,
    /// Seconds since 1970.
    event_time: f64,
    /// The whole event, as JSON in a text.
    #[serde(default)]
    cloud_trail_event: String,
}

/// What is wanted of the whole event.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Whole {
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: Option<String>,
    user_agent: Option<String>,
    error_code: Option<String>,
}

impl From<Event> for RecordedCall {
    fn from(event: Event) -> Self {
        // An event whose text cannot be read still says who called what, and when.
        let whole: Whole = serde_json::from_str(&event.cloud_trail_event).unwrap_or_default();
        let source = event.event_source;
        Self {
            at: Instant::from_unix(event.event_time as i64),
            service: source.strip_suffix(SUFFIX).unwrap_or(&source).to_owned(),
            operation: event.event_name,
            error_code: whole.error_code,
            address: whole.source_ip_address,
            user_agent: whole.user_agent,
        }
    }
}
