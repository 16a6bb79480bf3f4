//! What an apply sees of an emergency: right before it does anything about it, and when it is through. Evidence for whoever
//! writes the report, who cannot look any more once a key is gone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};

use crate::domain::keys::KeyMark;
use crate::domain::usage::Use;
use crate::instant::Instant;

/// When it looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Moment {
    /// Before its first step.
    Handling,
    /// After its last step, or the one that failed.
    Handled,
}

/// What it saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The run of a pipeline that it is part of, as a URL.
    pub run: Option<String>,
    /// Where the keys were delivered, by the name of the delivery.
    pub places: BTreeMap<String, Standing>,
    /// The compromised keys.
    pub keys: Vec<Witnessed>,
}

/// How a delivery stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What the place is.
    pub place: Option<String>,
    /// Its state, such as `delivered`.
    pub state: String,
    /// The key that it led with: its id, or its mark.
    pub leads: Option<String>,
}

/// What was known of a compromised key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witnessed {
    /// Which.
    pub key: KeyMark,
    /// What.
    pub known: Known,
}

/// What can be known of a compromised key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Its issuer last saw it in use so.
    UsedAt(Use),
    /// Its issuer never saw it in use.
    NeverUsed,
    /// Why its last use is not known.
    UseUnknown(String),
    /// It was tried, and refused as often in a row as a new key has to be accepted.
    Refused,
    /// Its issuer says that it has ended it, or no document holds it any more; nobody tried it.
    Ended,
    /// It was not revoked.
    Lives,
}

/// A sighting of the emergency of one id, for the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighted {
    /// Whose keys are compromised.
    pub resource: crate::domain::keys::ResourceRef,
    /// The issuer.
    pub issuer: String,
    /// The account at the issuer.
    pub account: String,
    /// The emergency.
    pub id: String,
    /// When it looked.
    pub moment: Moment,
    /// What it saw.
    pub sighting: Sighting,
    /// When it is noted.
    pub at: Instant,
}
