//! The map `notifications` of a policy: who hears of what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{VariantArray, VariantNames};
use tf_provider::schema::AttributeType;
use tf_provider::value::Value;

use crate::domain::notices::{Event, Route};
use crate::error::{Error, Path};
use crate::resources::rotation_policy::are_known;
use crate::schema::{Attributes, attributes, list_of, optional};
use crate::settings::{LONGEST_NAME, choice, too_long};

/// The longest address of a guide.
const LONGEST_URL: usize = 1000;

/// What one destination hears.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "described in the schema")]
pub struct RouteState {
    pub events: Value<Vec<Value<String>>>,
    pub guide_url: Value<String>,
}

/// Who hears of what, by the name of the destination.
pub type Routes = Value<BTreeMap<String, Value<RouteState>>>;

/// The attributes of one of them.
pub fn route_attributes() -> Attributes {
    attributes([
        (
            "events",
            optional(
                list_of(AttributeType::String),
                "What it hears of: `notice` (`notice_period` has begun), `staged`, `promoted`, `revoked`, `failed` (an apply \
                 failed), `blocked` (the next step cannot be taken) and `emergency`. Default: all of them.",
            ),
        ),
        (
            "guide_url",
            optional(
                AttributeType::String,
                "Address of a page that says what to do, such as a migration guide for third parties who embed the key. It \
                 stands in every message.",
            ),
        ),
    ])
}

/// Whether every value is known.
pub fn routes_are_known(routes: &Routes) -> bool {
    let known = |route: &Value<RouteState>| match route {
        Value::Unknown => false,
        Value::Null => true,
        Value::Value(route) => are_known(&route.events) && !route.guide_url.is_unknown(),
    };
    match routes {
        Value::Unknown => false,
        Value::Null => true,
        Value::Value(routes) => routes.values().all(known),
    }
}

/// Who is told of what, with every fault below `path`.
pub fn routes(routes: &Routes, path: &Path, errors: &mut Vec<Error>) -> Vec<Route> {
    let path = path.attribute("notifications");
    let entries = routes.as_ref_option().into_iter().flatten();
    let mut read = Vec::new();
    for (name, route) in entries {
        let path = path.key(name);
        errors.extend(too_long(
            path.clone(),
            "The name of a destination",
            name,
            LONGEST_NAME,
        ));
        let route = route.as_ref_option();
        let url = route.and_then(|route| route.guide_url.as_deref_option());
        errors.extend(url.and_then(|url| no_address(url, &path.attribute("guide_url"))));
        read.push(Route {
            to: name.clone(),
            events: route.map_or_else(all, |route| events(route, &path, errors)),
            guide_url: url.map(str::to_owned),
        });
    }
    read
}

fn all() -> Vec<Event> {
    <Event as VariantArray>::VARIANTS.to_vec()
}

fn events(route: &RouteState, path: &Path, errors: &mut Vec<Error>) -> Vec<Event> {
    let Some(words) = route.events.as_ref_option() else {
        return all();
    };
    let mut events = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let text = word.as_deref_option().unwrap_or_default();
        match text.parse() {
            Ok(event) => events.push(event),
            Err(_) => errors.push(Error::invalid(
                path.attribute("events").index(index),
                "events is not valid",
                format!(
                    "{text:?} is not known here. Write {}.",
                    choice(<Event as VariantNames>::VARIANTS)
                ),
            )),
        }
    }
    events
}

/// It stands in messages to others, so it is one line that can be opened.
fn no_address(url: &str, path: &Path) -> Option<Error> {
    let is_address = url.starts_with("https://") || url.starts_with("http://");
    if !is_address || url.chars().any(char::is_whitespace) {
        return Some(Error::invalid(
            path.clone(),
            "guide_url is not a URL",
            format!("{url:?} cannot be opened. Write https://…"),
        ));
    }
    too_long(path.clone(), "guide_url", url, LONGEST_URL)
}
