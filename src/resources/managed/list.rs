//! `terraform query`: the keys of an issuer that nobody manages yet, each ready to be imported.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use async_trait::async_trait;
use serde::Deserialize;
use tf_provider::Diagnostics;
use tf_provider::schema::{AttributeType, Block, Description, Schema};
use tf_provider::value::Value;

use crate::context::{Context, SharedContext};
use crate::domain::announce::enumerated;
use crate::duration::Duration;
use crate::error::{Error, Kind, Path, Result};
use crate::instant::Instant;
use crate::issuers::{self, Existing, IssuerKind, KeyStatus, Search};
use crate::ledger::{Status, inventory};
use crate::protocol::authoring::{Item, ListResource, Listing};
use crate::resources::diagnostics;
use crate::resources::identities::ById;
use crate::resources::managed::connect::the_one_of;
use crate::resources::managed::import::{id_of, state_of};
use crate::resources::managed::model::{Fields, ManagedState};
use crate::schema::{attributes, optional, required};
use crate::settings::{Settings, known};

/// How many keys of the inventory are read at a time.
const PAGE: u32 = 500;

/// The list resource `apikey_managed`.
pub struct KeyList {
    context: SharedContext,
}

/// What to look for.
#[derive(Deserialize)]
#[allow(missing_docs, reason = "described in the schema")]
pub struct Query {
    pub issuer: Value<Fields>,
    pub include_managed: Value<bool>,
}

/// A key that the ledger knows to be managed.
struct Managed {
    name: String,
    workspace: String,
    confirmed_at: Option<Instant>,
}

impl KeyList {
    /// A list that will use the context once the provider is configured.
    pub fn new(context: SharedContext) -> Self {
        Self { context }
    }
}

#[async_trait]
impl ListResource for KeyList {
    type Config<'a> = Query;
    type Identity = ById;
    type State = ManagedState;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(schema())
    }

    async fn validate<'a>(&self, diags: &mut Diagnostics, config: Query) -> Option<()> {
        let fields = config.issuer.as_ref_option();
        if fields.is_some_and(|fields| fields.values().all(known)) {
            let begun = begin(&config, &self.context).map(drop);
            diagnostics::collect(diags, begun)?;
        }
        Some(())
    }

    async fn list<'a>(
        &self,
        diags: &mut Diagnostics,
        config: Query,
        listing: &Listing<ById, ManagedState>,
    ) -> Option<()> {
        let context = diagnostics::collect(diags, self.context.configured())?;
        let managed = match managed(context).await {
            Ok(managed) => managed,
            Err(error) => {
                diagnostics::warn(diags, without_ledger(error));
                BTreeMap::new()
            }
        };
        let listed = list(&config, &managed, context, listing).await;
        let left_out = diagnostics::collect(diags, listed)?;
        if !left_out.is_empty() {
            diagnostics::warn(diags, forgotten(&left_out));
        }
        Some(())
    }
}

fn schema() -> Schema {
    let searchable = searchable().filter_map(|kind| {
        let nested = AttributeType::AttributeSingle(kind.search_attributes()?);
        let text = format!("Keys of `{}`. Nothing inside is required.", kind.name());
        Some((kind.name().to_owned(), optional(nested, &text)))
    });
    let issuers = AttributeType::AttributeSingle(searchable.collect());
    Schema {
        version: 0,
        block: Block {
            attributes: attributes([
                (
                    "issuer",
                    required(
                        issuers,
                        "Where to look: exactly one of the issuers that keep a list of their keys.",
                    ),
                ),
                (
                    "include_managed",
                    optional(
                        AttributeType::Bool,
                        "Lists the keys as well that the ledger knows to be managed, with the name of their resource: their \
                         state may be lost, or they were taken out of it (`removed`, `state rm`). Default: `false`.",
                    ),
                ),
            ]),
            description: Description::markdown(
                "Finds the keys of an issuer, so that `terraform query` shows them and writes import blocks for them. The \
                 name of each says whose key it is, whether it works, how old it is and when it was last used. Keys that \
                 the ledger knows to be managed, here or in another workspace, are left out. Nothing is changed at the issuer.",
            ),
            ..Block::default()
        },
    }
}

fn searchable() -> impl Iterator<Item = &'static dyn IssuerKind> {
    issuers::all().filter(|kind| kind.search_attributes().is_some())
}

fn begin(query: &Query, context: &Context) -> Result<(&'static dyn IssuerKind, Box<dyn Search>)> {
    let path = Path::root("issuer");
    let names: Vec<&'static str> = searchable().map(|kind| kind.name()).collect();
    let nothing = Fields::new();
    let fields = query.issuer.as_ref_option().unwrap_or(&nothing);
    let (name, settings): (_, Settings) = the_one_of(fields, &path, &names, "issuer")?;
    let kind = searchable().find(|kind| kind.name() == name);
    let kind = kind.ok_or_else(|| {
        Error::invalid(
            path,
            format!("{name} cannot be searched"),
            "Choose another issuer.",
        )
    })?;
    Ok((kind, kind.search(&settings, context)?))
}

async fn list(
    query: &Query,
    managed: &BTreeMap<String, Managed>,
    context: &Context,
    listing: &Listing<ById, ManagedState>,
) -> Result<Vec<String>> {
    let (kind, mut search) = begin(query, context)?;
    let includes = matches!(query.include_managed, Value::Value(true));
    let mut left_out = Vec::new();
    while let Some(page) = search.next().await? {
        for existing in page {
            let holder = managed.get(&existing.key.key_id);
            if let Some(holder) = holder.filter(|_| !includes) {
                if holder.is_doubtful(context.clock.now()) {
                    left_out.push(format!("{} ({})", existing.key.key_id, holder.words()));
                }
                continue;
            }
            let item = item(
                kind.name(),
                existing,
                holder,
                search.as_ref(),
                context,
                listing.include_resource(),
            );
            if let ControlFlow::Break(()) = listing.send(item.await).await {
                return Ok(left_out);
            }
        }
    }
    Ok(left_out)
}

impl Managed {
    /// No refresh has seen it in a state for more than a day.
    fn is_doubtful(&self, now: Instant) -> bool {
        let day = Duration::from_days(1);
        self.confirmed_at.is_none_or(|seen| now > seen + day)
    }

    fn words(&self) -> String {
        let Self {
            name, workspace, ..
        } = self;
        let seen = match self.confirmed_at {
            Some(at) => format!("last seen in a state {}", day(at)),
            None => "not seen in a state yet".into(),
        };
        match workspace.is_empty() {
            true => format!("managed as {name}, {seen}"),
            false => format!("managed as {name} in workspace {workspace}, {seen}"),
        }
    }
}

/// Their state may have been lost, and nobody would ever learn of them.
fn forgotten(left_out: &[String]) -> Error {
    Error::new(
        Kind::Other,
        "Keys are left out that may be in no state any more",
        format!(
            "The ledger knows them to be managed, but no refresh has seen them in a state for more than a day: {}. Set \
             include_managed = true to list them. To import one, first free it with `terraform-provider-apikey ledger forget`.",
            enumerated(left_out)
        ),
    )
}

/// The keys that belong to an `apikey_managed` already, by id, as far as anybody here can know: those in the inventory of
/// the ledger. What a destroyed resource left behind belongs to none.
async fn managed(context: &Context) -> Result<BTreeMap<String, Managed>> {
    let mut managed = BTreeMap::new();
    if !context.ledger.remembers() {
        return Ok(managed);
    }
    let mut query = inventory::Query {
        status: Some(Status::Live),
        ..inventory::Query::all(context.clock.now(), PAGE)
    };
    loop {
        let page = context.ledger.list(&query).await?;
        let live = page.keys.into_iter().filter(|listed| !listed.orphaned);
        managed.extend(live.filter_map(|listed| {
            let holder = Managed {
                name: listed.resource.name,
                workspace: listed.resource.workspace,
                confirmed_at: listed.key.confirmed_at,
            };
            Some((listed.key.key.key_id?, holder))
        }));
        if page.next.is_none() {
            return Ok(managed);
        }
        query.after = page.next;
    }
}

fn without_ledger(error: Error) -> Error {
    Error {
        summary: "The ledger cannot be reached, so managed keys are listed as well".into(),
        detail: format!("{}: {}", error.summary, error.detail),
        ..error
    }
}

/// What cannot be told of one key does not keep the others from being shown.
async fn item(
    issuer: &str,
    existing: Existing,
    holder: Option<&Managed>,
    search: &dyn Search,
    context: &Context,
    with_resource: bool,
) -> Item<ById, ManagedState> {
    let mut diags = Diagnostics::default();
    let key_id = existing.key.key_id.clone();
    let used = match search.last_used(&key_id).await {
        Ok(at) => format!(
            ", {}",
            at.map_or("never used".into(), |at| format!("last used {}", day(at)))
        ),
        Err(error) => {
            diagnostics::warn(&mut diags, error);
            String::new()
        }
    };
    let status = match existing.key.status {
        KeyStatus::Active => "active",
        KeyStatus::Inactive | KeyStatus::Missing => "inactive",
    };
    let created = existing.key.created_at;
    let age = context.clock.now().since(created).as_secs() / 86_400;
    Item {
        identity: ById {
            id: Value::Value(id_of(issuer, &key_id)),
        },
        display_name: format!(
            "{}: {key_id} ({status}, {age} days old, created {}{used}{})",
            existing.owner,
            day(created),
            holder.map_or_else(String::new, |holder| format!(", {}", holder.words()))
        ),
        resource: with_resource.then(|| state_of(id_of(issuer, &key_id), issuer, existing.key)),
        diagnostics: diags,
    }
}

/// `2026-01-31`
fn day(at: Instant) -> String {
    at.to_string().chars().take(10).collect()
}
