//! Change requests that are about a config: which are open, and what became of the others.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::Config;
use crate::domain::approval::{Change, Outcome};
use crate::http::{Call, Refusal};
use crate::stores::variables::Values;

const REQUESTS: &str = "/v3/workplace/change_requests";

/// So many requests of either status are listed, and so many of them looked into: those that ended long ago matter to nobody.
const LISTED: &str = "50";
const LOOKED_INTO: usize = 20;

#[derive(Deserialize)]
struct Listed {
    id: String,
    #[serde(default)]
    units: Vec<Unit>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "changeRequest")]
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    id: String,
    #[serde(default)]
    title: String,
    status: String,
    #[serde(default)]
    units: Vec<Unit>,
}

/// What a request changes in one config.
#[derive(Deserialize)]
struct Unit {
    status: String,
    target: Target,
    #[serde(default)]
    updates: Vec<Update>,
}

#[derive(Deserialize)]
struct Target {
    project: Named,
    config: Named,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    slug: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    name: String,
    value: Option<Zeroizing<String>>,
    #[serde(default)]
    should_delete: bool,
}

impl Named {
    fn is(&self, name: &str) -> bool {
        self.slug == name || self.name == name
    }
}

impl Config {
    /// Those that touch the variables of this place, open ones first.
    pub(super) async fn change_requests(&self) -> Result<Vec<Change>, Refusal> {
        let stands = self.look().await?.values;
        let mut changes = Vec::new();
        for status in ["open", "closed"] {
            let call = Call {
                query: &[("per_page", LISTED), ("status", status)],
                ..Call::get("GET change_requests", REQUESTS)
            };
            let listed: Vec<Listed> = self.doppler.read_answer(&call).await?;
            let ours = listed
                .into_iter()
                .filter(|request| request.units.iter().any(|unit| self.is_target(unit)));
            for request in ours.take(LOOKED_INTO) {
                changes.extend(self.change_request(&request.id, &stands).await?);
            }
        }
        Ok(changes)
    }

    fn is_target(&self, unit: &Unit) -> bool {
        unit.target.project.is(&self.project) && unit.target.config.is(&self.config)
    }

    async fn change_request(&self, id: &str, stands: &Values) -> Result<Vec<Change>, Refusal> {
        let path = format!("{REQUESTS}/change_request/{id}");
        let call = Call {
            query: &[("reveal", "true")],
            ..Call::get("GET change_request", &path)
        };
        let Answer { request } = self.doppler.read_answer(&call).await?;
        let name = match request.title.as_str() {
            "" => format!("change request {}", request.id),
            title => format!("change request {} ({title:?})", request.id),
        };
        let units = request.units.into_iter();
        let changes = units
            .filter(|unit| self.is_target(unit))
            .filter_map(|unit| {
                let outcome = match (unit.status.as_str(), request.status.as_str()) {
                    ("applied", _) => Outcome::Made,
                    ("canceled", _) | (_, "closed") => Outcome::Rejected,
                    _ => Outcome::Open,
                };
                Some(Change {
                    name: name.clone(),
                    asked: self.names.understand(self.after(unit, stands)?).asked()?,
                    outcome,
                })
            });
        Ok(changes.collect())
    }

    /// The variables once a unit is applied; `None` if it touches none, or hides what it makes of them.
    fn after(&self, unit: Unit, stands: &Values) -> Option<Values> {
        let mut values = stands.clone();
        let mut touches = false;
        for update in unit.updates {
            let Some(index) = self.names.index_of(update.name.as_bytes()) else {
                continue;
            };
            touches = true;
            values[index] = match (update.should_delete, update.value) {
                (true, _) => None,
                (false, Some(value)) => Some(value),
                (false, None) => return None,
            };
        }
        touches.then_some(values)
    }
}
