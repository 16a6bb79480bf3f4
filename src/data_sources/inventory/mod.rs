//! `apikey_inventory`: every key of every workspace that shares the ledger. Metadata only.

mod schema;

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::Value;
use strum::VariantNames;
use tf_provider::schema::Schema;
use tf_provider::value::{ValueAny, ValueEmpty};
use tf_provider::{DataSource, Diagnostics};

use crate::context::SharedContext;
use crate::data_sources::described;
use crate::error::{Error, Path, Result};
use crate::instant::Instant;
use crate::ledger::Status;
use crate::ledger::config as ledger;
use crate::ledger::inventory::{Listed, Mark, Page, Query, Sort};
use crate::resources::diagnostics;
use crate::settings::Settings;

/// How many keys are on a page unless the configuration says otherwise, and at most.
const PAGE: i64 = 1000;
const LARGEST_PAGE: i64 = 10_000;

type Values = BTreeMap<String, ValueAny>;

/// The data source.
pub struct InventorySource {
    context: SharedContext,
}

impl InventorySource {
    /// A data source that will use the context once the provider is configured.
    pub fn new(context: SharedContext) -> Self {
        Self { context }
    }
}

#[async_trait]
impl DataSource for InventorySource {
    type State<'a> = Values;
    type ProviderMetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(described(
            schema::inputs(),
            schema::outputs(),
            "Every key of every workspace that shares the ledger, live or dead: which there are, who owns \
                     them, how old they are, whether anybody uses them. Metadata only, never a secret.",
        ))
    }

    async fn validate<'a>(&self, diags: &mut Diagnostics, config: Values) -> Option<()> {
        let fields = Settings::new(Path::default(), &config);
        if fields.wholly_known() {
            // Any instant will do to see whether the question is sound.
            if let Err(error) = question(&fields, Instant::from_unix(0)) {
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
        let context = diagnostics::collect(diags, self.context.configured())?;
        diagnostics::collect(diags, context.needs(ledger::NAME))?;
        let fields = Settings::new(Path::default(), &config);
        let query = diagnostics::collect(diags, question(&fields, context.clock.now()))?;
        let page = diagnostics::collect(diags, context.ledger.list(&query).await)?;
        Some(answer(config, &query, page))
    }
}

/// What the configuration asks for.
fn question(fields: &Settings, now: Instant) -> Result<Query> {
    let text = |name| fields.string(name).map(str::to_owned);
    let flag = |name| fields.boolean(name) == Some(true);
    let ago =
        |name| -> Result<Option<Instant>> { Ok(fields.duration(name)?.map(|length| now - length)) };
    if text("owner").is_some() && flag("without_owner") {
        return Err(fields.wrong(
            "without_owner",
            "owner and without_owner exclude each other",
            "A key that somebody owns is not without an owner. Set one of owner and without_owner.",
        ));
    }
    let status = fields.one_of("status", Status::VARIANTS)?;
    let sort_by = fields.one_of("sort_by", Sort::VARIANTS)?;
    // Both are words of the tables that they are read by.
    let status = status.and_then(|word| word.parse().ok());
    let sort_by = sort_by.and_then(|word| word.parse().ok());
    let sort_by = sort_by.unwrap_or(Sort::CreatedAt);
    let descending = flag("descending");
    let after = text("page_token").map(|token| {
        Mark::from_token(&token, sort_by, descending).ok_or_else(|| {
            fields.wrong(
                "page_token",
                "page_token does not fit",
                "It is the next_page_token of another data source with the same sort_by and descending. Pass that on \
                 unchanged, or leave page_token out for the first page.",
            )
        })
    });
    Ok(Query {
        name: text("name"),
        workspace: text("workspace"),
        group: text("group"),
        environment: text("environment"),
        owner: text("owner"),
        policy: text("policy"),
        issuer: text("issuer"),
        status,
        without_owner: flag("without_owner"),
        alive: false,
        orphaned: flag("orphaned"),
        created_until: ago("older_than")?,
        used_until: ago("unused_for")?,
        sort_by,
        descending,
        limit: limit(fields)?,
        after: after.transpose()?,
        now,
    })
}

fn limit(fields: &Settings) -> Result<u32> {
    let limit = fields.integer("limit").unwrap_or(PAGE);
    let fits = (0..=LARGEST_PAGE).contains(&limit);
    let limit = u32::try_from(limit).ok().filter(|_| fits);
    limit.ok_or_else(|| -> Error {
        fields.wrong(
            "limit",
            "limit is not valid",
            format!(
                "Set it to a whole number from 0 to {LARGEST_PAGE}, and ask for further keys with page_token."
            ),
        )
    })
}

fn answer(config: Values, query: &Query, page: Page) -> Values {
    let next = page
        .next
        .map(|mark| mark.token(query.sort_by, query.descending));
    let keys = page.keys.iter().map(row).collect();
    let mut state = config;
    state.insert("keys".into(), ValueAny::List(keys));
    state.insert("total".into(), ValueAny::Number(page.total));
    state.insert("next_page_token".into(), text(next));
    state
}

fn row(listed: &Listed) -> ValueAny {
    let names = Listed::COLUMNS.map(str::to_owned);
    let values = listed.columns().map(|value| match value {
        Value::Bool(flag) => ValueAny::Bool(flag),
        value => text(value.as_str().map(str::to_owned)),
    });
    ValueAny::Map(names.into_iter().zip(values).collect())
}

fn text(value: Option<String>) -> ValueAny {
    value.map_or(ValueAny::Null, ValueAny::String)
}
