//! `apikey_inventory`: every key of every workspace that shares the ledger. Metadata only.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use tf_provider::schema::{AttributeType, Block, Description, Schema};
use tf_provider::value::{ValueAny, ValueEmpty};
use tf_provider::{DataSource, Diagnostics};

use crate::context::Context;
use crate::error::{Error, Path, Result};
use crate::instant::Instant;
use crate::ledger::inventory::{Inventory, Listed, Mark, Query, Sort};
use crate::ledger::words::{SLOTS, STATUSES, word};
use crate::resources::diagnostics;
use crate::schema::{Attributes, attributes, computed, optional};
use crate::settings::Settings;

/// How many keys are on a page unless the configuration says otherwise, and at most.
const PAGE: i64 = 1000;
const LARGEST_PAGE: i64 = 10_000;

type Values = BTreeMap<String, ValueAny>;

/// The data source.
pub struct InventorySource {
    context: Arc<OnceLock<Context>>,
}

impl InventorySource {
    /// A data source that will use the context once the provider is configured.
    pub fn new(context: Arc<OnceLock<Context>>) -> Self {
        Self { context }
    }
}

#[async_trait]
impl DataSource for InventorySource {
    type State<'a> = Values;
    type ProviderMetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(Schema {
            version: 0,
            block: Block {
                attributes: inputs().into_iter().chain(outputs()).collect(),
                description: Description::markdown(
                    "Every key of every workspace that shares the ledger, live or dead: which there are, who owns \
                     them, how old they are, whether anybody uses them. Metadata only, never a secret.",
                ),
                ..Block::default()
            },
        })
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
        let Some(context) = self.context.get() else {
            diags.root_error_short("The provider is not configured");
            return None;
        };
        let query = match question(
            &Settings::new(Path::default(), &config),
            context.clock.now(),
        ) {
            Ok(query) => query,
            Err(error) => {
                diagnostics::report(diags, error);
                return None;
            }
        };
        match context.ledger.inventory(&query).await {
            Ok(inventory) => Some(answer(config, &query, inventory)),
            Err(error) => {
                diagnostics::report(diags, error);
                None
            }
        }
    }
}

fn inputs() -> Attributes {
    let texts = [
        ("name", "Only keys of managed keys of this name."),
        ("workspace", "Only keys of this workspace."),
        ("group", "Only keys of this group."),
        ("environment", "Only keys of this environment."),
        (
            "owner",
            "Only keys of this owner. See also `without_owner`.",
        ),
        ("policy", "Only keys under the policy of this name."),
        ("issuer", "Only keys of this issuer, such as `aws_iam`."),
        (
            "status",
            "Only keys that are `live`, `revoked`, or marked `orphaned`.",
        ),
        (
            "older_than",
            "Only keys that were minted at least so long ago, such as `90d`.",
        ),
        (
            "unused_for",
            "Only keys that nobody used for so long, such as `30d`, as far as their issuer was asked and tells. A \
             key without a reported use counts from its mint.",
        ),
        (
            "sort_by",
            "`created_at`, `environment`, `last_used_at`, `name`, `owner` or `rotation_due_at`. Default: `created_at`. \
             What is not set comes first.",
        ),
        (
            "page_token",
            "`next_page_token` of the page before, for the same question.",
        ),
    ];
    let flags = [
        ("without_owner", "`true` for only keys that nobody owns."),
        (
            "orphaned",
            "`true` for only keys that are nobody's: marked as such, or minted by an apply that is over without any \
             state ever holding them. An apply that ended counts after a day, for the next refresh confirms its \
             keys.",
        ),
        ("descending", "`true` to sort the other way round."),
    ];
    let text = texts.map(|(name, about)| (name.to_owned(), optional(AttributeType::String, about)));
    let flag = flags.map(|(name, about)| (name.to_owned(), optional(AttributeType::Bool, about)));
    let limit = optional(
        AttributeType::Number,
        "How many keys to return at most, from 0 to 10000. Default: `1000`. `total` counts them all.",
    );
    let limit = [("limit".to_owned(), limit)];
    text.into_iter().chain(flag).chain(limit).collect()
}

fn outputs() -> Attributes {
    let columns = COLUMNS.map(|(name, about)| {
        let kind = match name {
            "orphaned" => AttributeType::Bool,
            _ => AttributeType::String,
        };
        (name.to_owned(), computed(kind, about))
    });
    attributes([
        (
            "keys",
            computed(
                AttributeType::AttributeList(columns.into_iter().collect()),
                "The keys, in the order asked for.",
            ),
        ),
        (
            "total",
            computed(
                AttributeType::Number,
                "How many keys there are, on this page and all others.",
            ),
        ),
        (
            "next_page_token",
            computed(
                AttributeType::String,
                "Where the next page begins; null if this is the last one.",
            ),
        ),
    ])
}

const COLUMNS: [(&str, &str); 23] = [
    ("resource_id", "`id` of the `apikey_managed`."),
    ("name", "Its `name`."),
    ("workspace", "Its workspace, as far as known."),
    ("issuer", "The issuer, such as `aws_iam`."),
    ("account", "The account at the issuer."),
    ("key_id", "Public id of the key, where it has one."),
    (
        "mark",
        "`sha256:` and six digits, which tell keys without an id apart.",
    ),
    ("group", "The group."),
    ("environment", "The environment."),
    ("owner", "The owner."),
    ("policy", "The name of the policy."),
    ("slot", "`primary`, `staged`, `retiring` or `none`."),
    ("status", "`live`, `revoked` or `orphaned`."),
    ("orphaned", "Whether it is nobody's; see the filter."),
    (
        "resource_status",
        "`status` of the `apikey_managed` when it was last seen.",
    ),
    ("rotation_due_at", "When the primary key is due."),
    ("created_at", "When it was minted, or first seen."),
    ("delivered_at", "Since when it is in every delivery."),
    ("verified_at", "When it was last proved to work."),
    ("promoted_at", "When it became primary."),
    ("retired_at", "When it stopped being primary."),
    ("revoked_at", "When it was revoked."),
    (
        "last_used_at",
        "When its issuer last saw it in use, as far as anybody asked.",
    ),
];

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
    let statuses = STATUSES.map(|(word, _)| word);
    let status = fields.one_of("status", &statuses)?;
    let status = status.and_then(|text| STATUSES.iter().find(|(word, _)| *word == text));
    let sorts = Sort::WORDS.map(|(word, _)| word);
    let sort_by = fields.one_of("sort_by", &sorts)?;
    let sort_by = sort_by.and_then(|text| Sort::WORDS.iter().find(|(word, _)| *word == text));
    let sort_by = sort_by.map_or(Sort::CreatedAt, |(_, sort)| *sort);
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
        status: status.map(|(_, status)| *status),
        without_owner: flag("without_owner"),
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

fn answer(config: Values, query: &Query, inventory: Inventory) -> Values {
    let next = inventory
        .next
        .map(|mark| mark.token(query.sort_by, query.descending));
    let keys = inventory.keys.iter().map(row).collect();
    let mut state = config;
    state.insert("keys".into(), ValueAny::List(keys));
    state.insert("total".into(), ValueAny::Number(inventory.total));
    state.insert("next_page_token".into(), text(next));
    state
}

fn row(listed: &Listed) -> ValueAny {
    let key = &listed.key;
    let some = |text: &str| ValueAny::String(text.to_owned());
    let at = |instant: Option<Instant>| text(instant.map(|at| at.to_string()));
    let values = [
        some(&listed.resource.id),
        some(&listed.resource.name),
        some(&listed.resource.workspace),
        some(&listed.issuer),
        some(&listed.account),
        text(key.key.key_id.clone()),
        text(key.key.mark.clone()),
        text(listed.group.clone()),
        text(listed.environment.clone()),
        text(listed.owner.clone()),
        text(listed.policy.clone()),
        some(word(&SLOTS, &key.slot)),
        some(word(&STATUSES, &key.status)),
        ValueAny::Bool(listed.orphaned),
        text(listed.resource_status.clone()),
        at(listed.rotation_due_at),
        at(Some(key.created_at)),
        at(key.delivered_at),
        at(key.verified_at),
        at(key.promoted_at),
        at(key.retired_at),
        at(key.revoked_at),
        at(key.last_used_at),
    ];
    let names = COLUMNS.map(|(name, _)| name.to_owned());
    ValueAny::Map(names.into_iter().zip(values).collect())
}

fn text(value: Option<String>) -> ValueAny {
    value.map_or(ValueAny::Null, ValueAny::String)
}
