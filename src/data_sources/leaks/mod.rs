//! `apikey_leaks`: alerts of GitHub's secret scanning about keys of ours. Never a secret, and nothing of secrets of others.

mod recognise;
mod schema;

use std::collections::BTreeMap;

use async_trait::async_trait;
use tf_provider::schema::Schema;
use tf_provider::value::{ValueAny, ValueEmpty};
use tf_provider::{DataSource, Diagnostics};

use crate::context::{Context, SharedContext};
use crate::data_sources::described;
use crate::domain::keys::{KeyMark, Status};
use crate::error::{Error, Kind, Path, Result};
use crate::ledger::config as ledger;
use crate::ledger::leaks::{Leak, Survey};
use crate::resources::diagnostics;
use crate::secret::Fingerprint;
use crate::settings::Settings;
use crate::vendors::github::alerts::{Address, Alert, Holder, Query, alert, alerts};
use crate::vendors::github::{self, names};

use recognise::{Recognised, recognised};

type Values = BTreeMap<String, ValueAny>;

/// The data source.
pub struct LeaksSource {
    context: SharedContext,
}

impl LeaksSource {
    /// A data source that will use the context once the provider is configured.
    pub fn new(context: SharedContext) -> Self {
        Self { context }
    }
}

/// What is asked for, and what is ours.
struct Asked {
    query: Query,
    fingerprints: Vec<Fingerprint>,
    /// A failure is an error, and no warning.
    is_required: bool,
}

/// What was found out.
struct Known {
    alerts: Vec<Recognised>,
    /// How many alerts were looked at.
    total: usize,
    /// Where people see the open ones that do not say what they are about.
    hidden: Vec<String>,
}

#[async_trait]
impl DataSource for LeaksSource {
    type State<'a> = Values;
    type ProviderMetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(described(
            schema::inputs(),
            schema::outputs(),
            "Alerts of GitHub's secret scanning about managed keys: of a repository, an organization or an enterprise. What \
                     GitHub has found is compared by fingerprint in the memory of the provider; no secret is told or kept, and of \
                     secrets that are not those of managed keys nothing at all.",
        ))
    }

    async fn validate<'a>(&self, diags: &mut Diagnostics, config: Values) -> Option<()> {
        let fields = Settings::new(Path::default(), &config);
        if fields.wholly_known() {
            // Whose a repository is may stand in the provider block, which is not here yet.
            diagnostics::collect(diags, asked(&fields, Some("owner")))?;
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
        for block in [github::NAME, ledger::NAME] {
            diagnostics::collect(diags, context.needs(block))?;
        }
        let client = diagnostics::collect(diags, github::client(context))?;
        let fields = Settings::new(Path::default(), &config);
        let asked = diagnostics::collect(diags, asked(&fields, client.owner()))?;
        diagnostics::collect(diags, something_is_ours(&asked, context))?;
        let known = match known(&asked, &client, context).await {
            Ok(known) => Some(known),
            Err(mut error) if asked.is_required => {
                // Whoever handles an emergency has no time to look for the way on.
                error.detail += " Nothing is planned until then, no emergency either: if that cannot wait, set required = false in \
                                 this data source, which makes a warning of it.";
                diagnostics::report(diags, error);
                return None;
            }
            Err(mut error) => {
                error.detail += " So nothing is known of leaks: open and alerts are null.";
                diagnostics::warn(diags, error);
                None
            }
        };
        if let Some(known) = known.as_ref().filter(|known| !known.hidden.is_empty()) {
            diagnostics::warn(diags, hidden(&known.hidden));
        }
        Some(answer(config, known.as_ref()))
    }
}

fn asked(fields: &Settings, owner: Option<&str>) -> Result<Asked> {
    let state = fields.one_of("state", &["open", "resolved", "all"])?;
    let state = state.unwrap_or("open");
    let marks = fields.strings("fingerprints");
    // What stands there in place of one may be the secret itself.
    if let Some(wrong) = marks.iter().position(|mark| !Fingerprint::is_whole(mark)) {
        return Err(fields.wrong(
            "fingerprints",
            "fingerprints is not valid",
            format!(
                "Number {} of them is not what primary.fingerprint of a key looks like: sha256: and 12 hexadecimal digits.",
                wrong + 1
            ),
        ));
    }
    Ok(Asked {
        query: Query {
            holder: holder(fields, owner)?,
            state: Some(state).filter(|state| *state != "all"),
            types: fields
                .strings("secret_types")
                .into_iter()
                .map(str::to_owned)
                .collect(),
        },
        fingerprints: marks.into_iter().map(Fingerprint::recorded).collect(),
        is_required: fields.boolean("required").unwrap_or(true),
    })
}

fn holder(fields: &Settings, owner: Option<&str>) -> Result<Holder> {
    let set = ["repository", "organization", "enterprise"]
        .into_iter()
        .filter(|name| fields.string(name).is_some());
    match set.collect::<Vec<_>>()[..] {
        ["repository"] => {
            let (owner, name) = names::repository(fields, owner)?;
            Ok(Holder::Repository { owner, name })
        }
        [field] => {
            let name = names::named(fields, field, fields.string(field).unwrap_or_default())?;
            Ok(match field {
                "organization" => Holder::Organization(name),
                _ => Holder::Enterprise(name),
            })
        }
        [] => Err(fields.wrong(
            "repository",
            "Nobody's alerts are asked for",
            "Set repository, organization or enterprise.",
        )),
        [_, second, ..] => Err(fields.wrong(
            second,
            "Alerts of more than one are asked for",
            "Set one of repository, organization and enterprise, and read the others with data sources of their own.",
        )),
    }
}

/// Without anything to compare with, no alert would be about a key of ours, and that would look like good news.
fn something_is_ours(asked: &Asked, context: &Context) -> Result<()> {
    let is_any = context.ledger.remembers()
        || !asked.fingerprints.is_empty()
        || !asked.query.types.is_empty();
    let nothing = || {
        Error::invalid(
            Path::root("fingerprints"),
            "There is nothing to know managed keys by",
            "The provider has no ledger. Set fingerprints to those of the keys, such as apikey_managed.payments.primary.fingerprint, \
             or name the secret_types of their issuers: every alert of these types is told with its fingerprint then.",
        )
    };
    is_any.then_some(()).ok_or_else(nothing)
}

async fn known(asked: &Asked, client: &github::Client, context: &Context) -> Result<Known> {
    let all: Vec<Alert> = alerts(client, &asked.query).await?;
    let total = all.len();
    let is_hidden = |alert: &&Alert| alert.state == "open" && alert.fingerprints.is_empty();
    let hidden = all.iter().filter(is_hidden);
    let hidden: Vec<String> = hidden.map(|alert| alert.html_url.clone()).collect();
    let is_of_a_type = !asked.query.types.is_empty();
    let alerts = recognised(
        all,
        &asked.fingerprints,
        is_of_a_type,
        context.ledger.as_ref(),
    );
    let alerts = alerts.await?;
    if asked.query.state != Some("resolved") {
        let mut survey = survey(&asked.query, client, &alerts);
        survey.over = over(&survey, client, context).await?;
        context
            .ledger
            .note_leaks(&survey, context.clock.now())
            .await?;
    }
    Ok(Known {
        alerts,
        total,
        hidden,
    })
}

/// What is open about keys of the ledger, which metrics and `status` tell of.
fn survey(query: &Query, client: &github::Client, alerts: &[Recognised]) -> Survey {
    let open = alerts.iter().filter(|it| it.alert.state == "open");
    let leak = |it: &Recognised| {
        let (_, record) = it.key.as_ref()?;
        Some(Leak {
            alert: it.alert.html_url.clone(),
            mark: record.key.mark.clone()?,
            validity: it.alert.validity.clone(),
            found_at: it.alert.created_at.clone(),
        })
    };
    Survey {
        source: query.source(client.host()),
        open: open.filter_map(leak).collect(),
        over: Vec::new(),
    }
}

/// Alerts that were open before and are not listed now, as far as GitHub shows them resolved: a token that may see less lists less,
/// and another question has other answers. So they are asked for one by one, those too that another question was told of. Of a
/// key that is dead nothing follows any more.
async fn over(
    survey: &Survey,
    client: &github::Client,
    context: &Context,
) -> Result<Vec<(String, String)>> {
    let mut over = Vec::new();
    for (source, known) in context.ledger.open_leaks().await? {
        let is_open = survey.open.iter().any(|it| it.alert == known.alert);
        let address = Address::of(&known.alert);
        let Some(address) = address.filter(|_| !is_open && source.starts_with(client.host()))
        else {
            continue;
        };
        let is_over = match alert(client, &address).await {
            Ok(found) => found.state == "resolved",
            Err(_) => !lives(&known.mark, context).await?,
        };
        if is_over {
            over.push((source, known.alert));
        }
    }
    Ok(over)
}

async fn lives(mark: &str, context: &Context) -> Result<bool> {
    let key = KeyMark {
        key_id: None,
        mark: Some(mark.to_owned()),
    };
    let records = context.ledger.find_keys(&[key]).await?;
    Ok(records.iter().any(|(_, it)| it.status != Status::Revoked))
}

/// An alert that keeps its secret to itself may be about any key.
fn hidden(alerts: &[String]) -> Error {
    let shown: Vec<&str> = alerts.iter().take(MOST_SHOWN).map(String::as_str).collect();
    let others = match alerts.len().saturating_sub(MOST_SHOWN) {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    Error::new(
        Kind::Other,
        "GitHub shows no secret of some open alerts",
        format!(
            "Nobody can tell whether they are about managed keys, and nothing follows from them here: {}{others}. Look at them \
             there; what is known of them from before stays known.",
            shown.join(", ")
        ),
    )
}

/// How many alerts a warning names.
const MOST_SHOWN: usize = 5;

fn answer(mut state: Values, known: Option<&Known>) -> Values {
    let or_null = |value: Option<ValueAny>| value.unwrap_or(ValueAny::Null);
    let open = known.map(|known| {
        let open = known.alerts.iter().filter(|it| it.alert.state == "open");
        let pairs = open.map(|it| {
            let mark = ValueAny::String(it.fingerprint.to_string());
            (it.alert.html_url.clone(), mark)
        });
        ValueAny::Map(pairs.collect())
    });
    let alerts = known.map(|known| {
        let rows = known.alerts.iter().map(schema::row);
        ValueAny::List(rows.collect())
    });
    let total = known.and_then(|known| i64::try_from(known.total).ok());
    state.insert("open".into(), or_null(open));
    state.insert("alerts".into(), or_null(alerts));
    state.insert("total".into(), or_null(total.map(ValueAny::Number)));
    state
}
