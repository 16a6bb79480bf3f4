//! The event history of CloudTrail, which moto does not have: one for each region, asked by access key, in pages.

use std::collections::BTreeMap;

use apikey::instant::Instant;
use serde_json::{Value, json};

use crate::support::service::{Answer, Asked, Service, json as answer_json};

const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";

/// The most events of a page.
const PAGE: u64 = 50;

#[derive(Default)]
pub struct State {
    /// The events of each region, newest first.
    pub regions: BTreeMap<String, Vec<Event>>,
    /// So many requests are too many.
    pub throttles: usize,
    /// Nobody may ask.
    pub denies: bool,
    /// Nobody may ask for the calls of this key.
    pub denies_of: Option<String>,
    /// The regions that were asked, once for each page.
    pub asked: Vec<String>,
}

#[derive(Clone)]
pub struct Event {
    pub at: Instant,
    pub key_id: String,
    pub service: String,
    pub operation: String,
    pub error_code: Option<String>,
    pub address: String,
}

pub fn start() -> Service<State> {
    Service::start(State::default(), answer)
}

impl Event {
    fn told(&self, region: &str) -> Value {
        let mut whole = json!({
            "eventVersion": "1.11",
            "userIdentity": { "type": "IAMUser", "accessKeyId": self.key_id },
            "sourceIPAddress": self.address,
            "userAgent": "made-up-agent/1.0",
            "awsRegion": region,
        });
        if let Some(code) = &self.error_code {
            whole["errorCode"] = json!(code);
        }
        json!({
            "EventId": format!("{region}-{}-{}", self.at, self.operation),
            "EventName": self.operation,
            "EventSource": format!("{}.amazonaws.com", self.service),
            "EventTime": self.at.unix() as f64 + 0.25,
            "AccessKeyId": self.key_id,
            "CloudTrailEvent": whole.to_string(),
        })
    }
}

fn answer(state: &mut State, asked: &Asked) -> Answer {
    let refuse = |code: &str, message: &str| {
        answer_json(400, &json!({ "__type": code, "message": message }))
    };
    let authorization = asked.header("authorization");
    let scope: Vec<&str> = authorization.split('/').collect();
    let signed_for = (scope.get(2), scope.get(3));
    let (Some(region), Some(&"cloudtrail")) = signed_for else {
        return refuse("InvalidSignatureException", "signed for something else");
    };
    if asked.header("x-amz-target") != TARGET {
        return refuse("UnknownOperationException", "");
    }
    state.asked.push((*region).to_owned());
    let input = asked.json();
    let of = input["LookupAttributes"][0]["AttributeValue"].as_str();
    if state.denies || (of.is_some() && of == state.denies_of.as_deref()) {
        return refuse(
            "AccessDeniedException",
            "not authorized to perform: cloudtrail:LookupEvents",
        );
    }
    if state.throttles > 0 {
        state.throttles -= 1;
        return refuse("ThrottlingException", "Rate exceeded");
    }
    page(state.regions.get(*region), region, &input).unwrap_or_else(|code| refuse(code, ""))
}

fn page(events: Option<&Vec<Event>>, region: &str, input: &Value) -> Result<Answer, &'static str> {
    let attributes = input["LookupAttributes"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let [attribute] = attributes else {
        return Err("InvalidLookupAttributesException");
    };
    if attribute["AttributeKey"] != "AccessKeyId" {
        return Err("InvalidLookupAttributesException");
    }
    let most = input["MaxResults"]
        .as_u64()
        .filter(|most| (1..=PAGE).contains(most));
    let most = most.ok_or("InvalidMaxResultsException")? as usize;
    let since = input["StartTime"]
        .as_i64()
        .ok_or("InvalidTimeRangeException")?;
    // A token goes with the parameters that it was given for.
    let parameters = format!("{attribute} {since} {most}");
    let offset = match input["NextToken"].as_str() {
        None => 0,
        Some(token) => {
            let offset = token
                .strip_suffix(&parameters)
                .and_then(|rest| rest.trim().parse().ok());
            offset.ok_or("InvalidNextTokenException")?
        }
    };
    let id = attribute["AttributeValue"].as_str().unwrap_or_default();
    let all: Vec<&Event> = events
        .into_iter()
        .flatten()
        .filter(|event| event.key_id == id && event.at.unix() >= since)
        .collect();
    let shown = all
        .iter()
        .skip(offset)
        .take(most)
        .map(|event| event.told(region));
    let mut answer = json!({ "Events": shown.collect::<Vec<_>>() });
    if offset + most < all.len() {
        answer["NextToken"] = json!(format!("{} {parameters}", offset + most));
    }
    Ok(answer_json(200, &answer))
}
