//! Places that deliveries have left, remembered until they hold none of our keys for certain.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tf_provider::value::ValueAny;

use crate::engine::connections::Delivery;
use crate::error::{Error, Kind, Path, Result};
use crate::ledger::Ledger;
use crate::secret::Fingerprint;
use crate::stores::Version;

/// A place that a delivery has left, without any secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Former {
    /// The name of the delivery when it was there.
    pub name: String,
    /// The place, for people.
    pub place: String,
    /// What the place is that was written to, however its settings name it.
    pub identity: Option<String>,
    /// The settings of the delivery, by which it is reached.
    pub settings: BTreeMap<String, ValueAny>,
    /// The mark of the primary that was last written there: it may have been revoked since, and is ours all the same.
    pub mark: Option<String>,
    /// The create that wrote there, by the id that its resource had, where it was cut off and is repeated by this resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
}

impl Former {
    /// A place that is reached by these settings, and of which nobody knows whether it was written to.
    pub fn at(name: String, place: String, settings: BTreeMap<String, ValueAny>) -> Self {
        Self {
            name,
            place,
            identity: None,
            settings,
            mark: None,
            attempt: None,
        }
    }

    /// A place of which no more is known than what people call it.
    pub fn lost(place: &str) -> Self {
        Self::at(String::new(), place.to_owned(), BTreeMap::new())
    }

    /// Of what nobody can read back, and of which no state knows what was written last, the trail tells whether this resource has
    /// written it, or the create that it repeats.
    pub async fn is_known_to_be_ours(
        &self,
        delivery: &Delivery,
        seen: &Version,
        resource: &str,
        ledger: &dyn Ledger,
    ) -> Result<bool> {
        match seen {
            Version::Of(version) if !delivery.readable && self.mark.is_none() => {
                let writer = self.attempt.as_deref().unwrap_or(resource);
                let place = delivery.place(&self.name);
                ledger.explains(writer, &place, version).await
            }
            _ => Ok(true),
        }
    }

    /// How it is reached is not known any more.
    pub fn is_lost(&self) -> bool {
        self.settings.is_empty()
    }
}

/// A former place, ready to be called if its settings still allow it.
pub struct FormerPlace {
    /// What is remembered of it.
    pub former: Former,
    /// How to reach it, or why it cannot be reached.
    pub delivery: Result<Delivery>,
}

impl FormerPlace {
    /// The place, ready to be called. If it is not, a person has to help: it is not forgotten.
    pub fn reached(&self) -> Result<&Delivery> {
        if self.former.is_lost() {
            return Err(lost(&self.former.place));
        }
        self.delivery.as_ref().map_err(|error| Error {
            summary: format!(
                "former delivery {:?} cannot be reached: {}",
                self.former.name, error.summary
            ),
            detail: format!(
                "{} It may still hold keys. Give the provider the settings back with which it was reached.",
                error.detail
            ),
            path: Path::root("deliveries"),
            ..error.clone()
        })
    }

    /// Whether this is the mark of a key that was written there.
    pub fn wrote(&self, mark: &Fingerprint) -> bool {
        self.former.mark.as_deref() == Some(mark.as_str())
    }
}

fn lost(place: &str) -> Error {
    Error::new(
        Kind::Other,
        format!("nobody empties {place} any more"),
        "It may still hold keys of this resource and stays in pending_removals: a delivery has left it, and it was not emptied \
         yet when the provider was killed in an apply, which lost how it is reached. Add the delivery again as it was, apply, \
         and take it out again.",
    )
    .at(Path::root("deliveries"))
}
