//! `apikey_incident`: what became of one emergency, from sealed events of the ledger.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;
use tf_provider::schema::{AttributeType, Block, Description, Schema};
use tf_provider::value::{ValueAny, ValueEmpty};
use tf_provider::{DataSource, Diagnostics};

use crate::context::SharedContext;
use crate::data_sources::{flag, number, plain, rows, text, texts};
use crate::error::{Error, Kind, Path, Result};
use crate::health::incident::Record;
use crate::ledger::config as ledger;
use crate::resources::diagnostics;
use crate::schema::{Attributes, attributes, required};
use crate::settings::Settings;

type Values = BTreeMap<String, ValueAny>;

/// The data source.
pub struct IncidentSource {
    context: SharedContext,
}

impl IncidentSource {
    /// A data source that will use the context once the provider is configured.
    pub fn new(context: SharedContext) -> Self {
        Self { context }
    }
}

#[async_trait]
impl DataSource for IncidentSource {
    type State<'a> = Values;
    type ProviderMetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(Schema {
            version: 0,
            block: Block {
                attributes: schema(),
                description: Description::markdown(
                    "What became of an emergency, from the sealed events of the ledger: the keys, when they were last used, each \
                     step with its instant, each failure, and how far it is proved that the keys are dead. Metadata only, \
                     never a secret. An id that the ledger does not know is an error.",
                ),
                ..Block::default()
            },
        })
    }

    async fn read<'a>(
        &self,
        diags: &mut Diagnostics,
        config: Values,
        _: ValueEmpty,
    ) -> Option<Values> {
        let context = diagnostics::collect(diags, self.context.configured())?;
        diagnostics::collect(diags, context.needs(ledger::NAME))?;
        let fields = Settings::new(Path::default(), &config);
        let id = fields.string("id").unwrap_or_default().to_owned();
        let found = context.ledger.incident(&id).await;
        let record = diagnostics::collect(
            diags,
            found.and_then(|found| known(found, &context.ledger.place())),
        )?;
        let mut state = config;
        if let Value::Object(told) = serde_json::to_value(record).unwrap_or_default() {
            state.extend(told.into_iter().map(|(name, value)| (name, plain(value))));
        }
        Some(state)
    }
}

fn known(found: Option<Record>, place: &str) -> Result<Record> {
    found.ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            "There is no such emergency",
            format!(
                "The ledger {place} has no event that tells of it. Set id to that of a block emergency that was applied; after an \
                 emergency without a ledger, refresh the key first."
            ),
        )
        .at(Path::root("id"))
    })
}

fn schema() -> Attributes {
    attributes([
        (
            "id",
            required(AttributeType::String, "The `id` of the block `emergency`."),
        ),
        ("reason", text("What happened, as the block says.")),
        ("order", text("`replace_first` or `revoke_first`.")),
        ("opened_at", text("When the ledger first heard of it.")),
        (
            "contained_at",
            text("When its last key was revoked; null as long as one is to be."),
        ),
        (
            "called_off_at",
            text(
                "When it was called off before anything was revoked, for the last of the keys for which it was.",
            ),
        ),
        ("failures", number("How many attempts failed.")),
        (
            "seal",
            text(
                "Number and hash of the last event that is told of here, for `audit verify --seal`.",
            ),
        ),
        ("cases", rows(case(), "What became of each managed key.")),
        (
            "steps",
            rows(
                step(),
                "What happened, in the order in which it was written down.",
            ),
        ),
    ])
}

fn case() -> Attributes {
    attributes([
        ("resource_id", text("`id` of the `apikey_managed`.")),
        ("name", text("Its `name`.")),
        ("workspace", text("Its workspace, as far as known.")),
        ("issuer", text("The issuer, such as `aws_iam`.")),
        ("account", text("The account at the issuer.")),
        (
            "opened_at",
            text("When the ledger heard of it for this key."),
        ),
        (
            "contained_at",
            text("When the last of its keys was revoked."),
        ),
        (
            "called_off_at",
            text("When it was called off for this key: nothing was revoked."),
        ),
        ("minted", texts("The keys that were minted meanwhile.")),
        (
            "runs",
            texts(
                "The runs of pipelines that worked on it, as URLs, where their variables say so.",
            ),
        ),
        (
            "is_witnessed",
            flag(
                "Whether an apply wrote down what it saw. `false` if the ledger could not be used.",
            ),
        ),
        (
            "keys",
            rows(compromised(), "The keys that are compromised."),
        ),
        (
            "deliveries",
            rows(
                delivered(),
                "The deliveries, before anything was done and after the last apply.",
            ),
        ),
    ])
}

fn compromised() -> Attributes {
    attributes([
        ("key", text("Its id, or its mark where it has none.")),
        (
            "last_used_at",
            text("When its issuer last saw it in use, as known before it was revoked."),
        ),
        (
            "last_used_service",
            text("What was called then, such as `s3`, where the issuer tells."),
        ),
        ("last_used_region", text("In which region that was.")),
        (
            "last_use",
            text("The same in words, also where it is not known."),
        ),
        ("revoked_at", text("When it was revoked.")),
        ("proof", text("How far it is proved that it is dead.")),
        (
            "is_proved",
            flag("Whether it was tried after its end and refused."),
        ),
    ])
}

fn delivered() -> Attributes {
    attributes([
        ("name", text("The name of the delivery.")),
        ("place", text("What the place is.")),
        ("before", text("How it stood before anything was done.")),
        (
            "after",
            text("How it stood when the last apply was through."),
        ),
    ])
}

fn step() -> Attributes {
    attributes([
        ("seq", number("The number of the event in the audit trail.")),
        ("at", text("When it was written down.")),
        ("name", text("The `name` of the managed key.")),
        ("what", text("What happened.")),
        ("failed", flag("Whether it did not work.")),
    ])
}
