//! The block `emergency`, of a policy and of a key.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::VariantNames;
use tf_provider::schema::AttributeType;
use tf_provider::value::Value;

use crate::domain::emergency::{Declared, Which};
use crate::error::{Error, Path};
use crate::schema::{Attributes, attributes, optional, required};
use crate::settings::{LONGEST_NAME, too_long};

/// The longest reason: it is one sentence in a plan.
const LONGEST_REASON: usize = 500;

/// What a person declares.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "described in the schema")]
pub struct EmergencyState {
    pub id: Value<String>,
    pub reason: Value<String>,
    pub order: Value<String>,
    pub scope: Value<String>,
    pub break_glass: Value<bool>,
}

/// The attributes of the block.
pub fn emergency_attributes() -> Attributes {
    let string = || AttributeType::String;
    attributes([
        (
            "id",
            required(
                string(),
                "Tells this emergency from others, such as the number of the incident: `INC-42`. Each id is handled once \
                 for each key, and never again.",
            ),
        ),
        (
            "reason",
            required(
                string(),
                "What happened, in a sentence. It stands in the plan and in the record of the incident.",
            ),
        ),
        (
            "order",
            optional(
                string(),
                "`replace_first`: another key is minted, delivered and proved before the compromised one is revoked, so \
                 that nobody is without a key. `revoke_first`: the compromised key is revoked before anything else, and \
                 whoever uses it is without a key until its successor is delivered. Default: `replace_first`.",
            ),
        ),
        (
            "scope",
            optional(
                string(),
                "`primary`: the primary is compromised; a staged key beside it takes its place. `all`: the staged or \
                 retiring key beside it is compromised as well. Default: `primary`.",
            ),
        ),
        (
            "break_glass",
            optional(
                AttributeType::Bool,
                "Go on even if the ledger fails. Then nothing keeps another apply from working on the same \
                 account at the same time, and nothing is remembered of an apply that is cut off. Default: `false`.",
            ),
        ),
    ])
}

impl EmergencyState {
    /// Whether every value is known.
    pub fn wholly_known(&self) -> bool {
        let texts = [&self.id, &self.reason, &self.order, &self.scope];
        !self.break_glass.is_unknown() && texts.iter().all(|value| !value.is_unknown())
    }

    /// What is declared, or every fault with its path below `path`.
    pub fn declared(&self, path: &Path) -> Result<Declared, Vec<Error>> {
        let mut errors = Vec::new();
        let declared = Declared {
            id: self.text("id", &self.id, LONGEST_NAME, path, &mut errors),
            reason: self.text("reason", &self.reason, LONGEST_REASON, path, &mut errors),
            order: word("order", &self.order, path, &mut errors),
            which: Which::InScope(word("scope", &self.scope, path, &mut errors)),
            break_glass: self.break_glass.as_option().unwrap_or_default(),
        };
        match errors.is_empty() {
            true => Ok(declared),
            false => Err(errors),
        }
    }

    fn text(
        &self,
        name: &str,
        value: &Value<String>,
        longest: usize,
        path: &Path,
        errors: &mut Vec<Error>,
    ) -> String {
        let text = value.as_deref_option().unwrap_or_default();
        let path = path.attribute(name);
        if text.trim().is_empty() {
            let what = match name {
                "id" => {
                    "Give it one, such as the number of the incident: by its id an emergency is handled once and never \
                     again"
                }
                _ => {
                    "Say in a sentence what happened: it stands in the plan and in the record of the incident"
                }
            };
            let detail = format!("emergency.{name} is empty. {what}.");
            let summary = format!("An emergency needs {}", article(name));
            errors.push(Error::invalid(path, summary, detail));
        } else {
            errors.extend(too_long(path, name, text, longest));
        }
        text.to_owned()
    }
}

fn article(name: &str) -> &'static str {
    match name {
        "id" => "an id",
        _ => "a reason",
    }
}

fn word<T: FromStr + VariantNames + Default>(
    name: &str,
    value: &Value<String>,
    path: &Path,
    errors: &mut Vec<Error>,
) -> T {
    super::values::word(name, value, path, errors).unwrap_or_default()
}
