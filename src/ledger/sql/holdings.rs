//! Brings the inventory up to what a state says.

use std::fmt::Write;

use sqlx::any::{Any, AnyArguments};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::chain::Event;
use super::reads;
use super::resources;
use super::trouble::Trouble;
use super::words::{self, SLOTS, STATUSES};
use super::writes::Transaction;
use crate::instant::Instant;
use crate::ledger::{Holding, KeyRecord, ResourceRef, Slot, Status};

type Statement = sqlx::query::Query<'static, Any, AnyArguments>;

/// One row of `keys`, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    id: i64,
    /// Whose it is.
    pub resource_id: String,
    about: About,
    /// The key.
    pub key: KeyRecord,
}

/// What a key shares with the others of its resource.
#[derive(Clone, Debug, PartialEq, Eq)]
struct About {
    name: String,
    workspace: String,
    issuer: String,
    account: String,
    group: Option<String>,
    environment: Option<String>,
    owner: Option<String>,
    policy: Option<String>,
    rotation_due_at: Option<Instant>,
    status: Option<String>,
}

impl Row {
    /// From the table.
    pub fn read(row: &sqlx::any::AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: sqlx::Row::try_get(row, "id")?,
            resource_id: words::text(row, "resource_id")?,
            about: About {
                name: words::text(row, "name")?,
                workspace: words::text(row, "workspace")?,
                issuer: words::text(row, "issuer")?,
                account: words::text(row, "account")?,
                group: words::maybe(row, "key_group")?,
                environment: words::maybe(row, "environment")?,
                owner: words::maybe(row, "owner")?,
                policy: words::maybe(row, "policy")?,
                rotation_due_at: words::maybe_instant(row, "rotation_due_at")?,
                status: words::maybe(row, "resource_status")?,
            },
            key: words::key(row)?,
        })
    }

    /// The account that it is in.
    pub fn account(&self) -> &str {
        &self.about.account
    }

    /// Whose it is.
    pub fn resource(&self) -> ResourceRef {
        ResourceRef {
            id: self.resource_id.clone(),
            name: self.about.name.clone(),
            workspace: self.about.workspace.clone(),
        }
    }
}

impl From<&Holding> for About {
    fn from(holding: &Holding) -> Self {
        Self {
            name: holding.resource.name.clone(),
            workspace: holding.resource.workspace.clone(),
            issuer: holding.issuer.clone(),
            account: holding.account.clone(),
            group: Some(holding.group.clone()),
            environment: holding.environment.clone(),
            owner: holding.owner.clone(),
            policy: holding.policy.clone(),
            rotation_due_at: holding.rotation_due_at,
            status: Some(holding.status.clone()),
        }
    }
}

/// What has to change, each key with the row that it has so far.
fn changes(holding: &Holding, rows: &[Row]) -> Vec<(Option<Row>, KeyRecord)> {
    let about = About::from(holding);
    let change = |seen: &KeyRecord| {
        let known = rows.iter().find(|row| row.key.key.is(&seen.key)).cloned();
        let Some(known) = known else {
            return Some((None, seen.clone()));
        };
        let wanted = known.key.seen_as(seen);
        (known.about != about || known.key != wanted).then_some((Some(known), wanted))
    };
    holding.keys.iter().filter_map(change).collect()
}

/// Whether a state says anything new. Asked before a transaction is begun for it.
pub async fn differs(
    connection: &mut AnyConnection,
    holding: &Holding,
) -> Result<bool, sqlx::Error> {
    let rows = reads::rows(connection, &holding.resource.id).await?;
    let recorded = resources::recorded(connection, &holding.resource.id).await?;
    Ok(recorded != Some(holding.into()) || !changes(holding, &rows).is_empty())
}

/// Writes down what changed.
pub async fn record(
    transaction: &mut Transaction<'_>,
    holding: &Holding,
    at: Instant,
) -> Result<(), Trouble> {
    let rows = reads::rows(transaction.connection, &holding.resource.id).await?;
    let recorded = resources::recorded(transaction.connection, &holding.resource.id).await?;
    resources::record(transaction.connection, holding, recorded.as_ref(), at).await?;
    let about = About::from(holding);
    for (known, wanted) in changes(holding, &rows) {
        let known = match known {
            None => adopt(transaction.connection, holding, &wanted).await?,
            known => known,
        };
        match &known {
            None => insert(transaction.connection, holding, &wanted, at).await?,
            Some(known) => update(transaction.connection, known.id, &about, &wanted, at).await?,
        }
        let (event, mut detail) = story(known.as_ref(), &about, &wanted);
        if let Some(who) = &holding.left_by {
            let _ = write!(detail, ", left by {who}");
        }
        if let Some(event) = event {
            transaction.head.append(Event {
                at: at.to_string(),
                event: event.into(),
                resource: holding.resource.clone(),
                issuer: holding.issuer.clone(),
                account: holding.account.clone(),
                key: wanted.key.clone(),
                detail: (!detail.is_empty()).then_some(detail),
                ..Event::default()
            });
        }
    }
    Ok(())
}

/// The live keys of a resource become orphans, and its places are free.
pub async fn forget(
    transaction: &mut Transaction<'_>,
    resource_id: &str,
    by: &str,
    at: Instant,
) -> Result<(), Trouble> {
    for row in reads::rows(transaction.connection, resource_id).await? {
        if row.key.status != Status::Live {
            continue;
        }
        sqlx::query("UPDATE keys SET status = $1, slot = $2, updated_at = $3 WHERE id = $4")
            .bind(words::word(&STATUSES, &Status::Orphaned))
            .bind(words::word(&SLOTS, &Slot::None))
            .bind(at.to_string())
            .bind(row.id)
            .execute(&mut *transaction.connection)
            .await?;
        transaction.head.append(Event {
            at: at.to_string(),
            event: "forgotten".into(),
            resource: ResourceRef {
                id: resource_id.to_owned(),
                name: row.about.name,
                workspace: row.about.workspace,
            },
            issuer: row.about.issuer,
            account: row.about.account,
            key: row.key.key,
            detail: Some(format!("by {by}")),
            ..Event::default()
        });
    }
    sqlx::query("DELETE FROM places WHERE resource_id = $1")
        .bind(resource_id)
        .execute(&mut *transaction.connection)
        .await?;
    Ok(())
}

/// What an audit wants to know of a change: nothing, if only instants moved on.
fn story(known: Option<&Row>, about: &About, wanted: &KeyRecord) -> (Option<&'static str>, String) {
    let Some(known) = known else {
        return (Some("found"), String::new());
    };
    let none = || "none".to_owned();
    let before = [
        (
            "status",
            words::word(&STATUSES, &known.key.status).to_owned(),
        ),
        ("slot", words::word(&SLOTS, &known.key.slot).to_owned()),
        ("name", known.about.name.clone()),
        ("workspace", known.about.workspace.clone()),
        ("owner", known.about.owner.clone().unwrap_or_else(none)),
        ("policy", known.about.policy.clone().unwrap_or_else(none)),
    ];
    let after = [
        words::word(&STATUSES, &wanted.status).to_owned(),
        words::word(&SLOTS, &wanted.slot).to_owned(),
        about.name.clone(),
        about.workspace.clone(),
        about.owner.clone().unwrap_or_else(none),
        about.policy.clone().unwrap_or_else(none),
    ];
    let changed: Vec<String> = before
        .iter()
        .zip(&after)
        .filter(|((_, before), after)| before != *after)
        .map(|((name, before), after)| format!("{name} {before} -> {after}"))
        .collect();
    let confirmed = known.key.confirmed_at.is_none() && wanted.confirmed_at.is_some();
    let event = match (confirmed, changed.is_empty()) {
        (true, _) => Some("confirmed"),
        (false, false) => Some("changed"),
        (false, true) => None,
    };
    (event, changed.join(", "))
}

/// What a state says of a key, by column.
fn values(about: &About, key: &KeyRecord, at: Instant) -> [(&'static str, Option<String>); 23] {
    let text = |at: Option<Instant>| at.map(|at| at.to_string());
    [
        ("name", Some(about.name.clone())),
        ("workspace", Some(about.workspace.clone())),
        ("issuer", Some(about.issuer.clone())),
        ("account", Some(about.account.clone())),
        ("key_group", about.group.clone()),
        ("environment", about.environment.clone()),
        ("owner", about.owner.clone()),
        ("policy", about.policy.clone()),
        ("resource_status", about.status.clone()),
        ("rotation_due_at", text(about.rotation_due_at)),
        ("slot", Some(words::word(&SLOTS, &key.slot).to_owned())),
        (
            "status",
            Some(words::word(&STATUSES, &key.status).to_owned()),
        ),
        ("created_at", Some(key.created_at.to_string())),
        ("delivered_at", text(key.delivered_at)),
        ("verified_at", text(key.verified_at)),
        ("promoted_at", text(key.promoted_at)),
        ("retired_at", text(key.retired_at)),
        ("revoked_at", text(key.revoked_at)),
        ("last_used_at", text(key.last_used_at)),
        ("confirmed_at", text(key.confirmed_at)),
        ("updated_at", Some(at.to_string())),
        ("key_id", key.key.key_id.clone()),
        ("mark", key.key.mark.clone()),
    ]
}

async fn insert(
    connection: &mut AnyConnection,
    holding: &Holding,
    key: &KeyRecord,
    at: Instant,
) -> Result<(), sqlx::Error> {
    let values = values(&About::from(holding), key, at);
    let columns: Vec<&str> = values.iter().map(|(column, _)| *column).collect();
    let places: Vec<String> = (3..columns.len() + 3).map(|n| format!("${n}")).collect();
    let text = format!(
        "INSERT INTO keys (resource_id, minted_by, {}) VALUES ($1, $2, {})",
        columns.join(", "),
        places.join(", ")
    );
    let statement = sqlx::query(AssertSqlSafe(text))
        .bind(&holding.resource.id)
        .bind(&key.minted_by);
    let bind = |statement: Statement, (_, value)| statement.bind(value);
    let statement = values.into_iter().fold(statement, bind);
    statement.execute(connection).await.map(|_| ())
}

async fn update(
    connection: &mut AnyConnection,
    id: i64,
    about: &About,
    key: &KeyRecord,
    at: Instant,
) -> Result<(), sqlx::Error> {
    let values = values(about, key, at);
    let places = values.iter().zip(2..);
    let places: Vec<String> = places
        .map(|((column, _), n)| format!("{column} = ${n}"))
        .collect();
    let text = format!("UPDATE keys SET {} WHERE id = $1", places.join(", "));
    let statement = sqlx::query(AssertSqlSafe(text)).bind(id);
    let bind = |statement: Statement, (_, value)| statement.bind(value);
    let statement = values.into_iter().fold(statement, bind);
    statement.execute(connection).await.map(|_| ())
}

/// A key that was left to itself, and that another resource has taken over, is one key and stays one row.
async fn adopt(
    connection: &mut AnyConnection,
    holding: &Holding,
    key: &KeyRecord,
) -> Result<Option<Row>, sqlx::Error> {
    let adopted = sqlx::query(
        "UPDATE keys SET resource_id = $1 \
         WHERE account = $2 AND key_id = $3 AND status = $4 AND resource_id <> $1 RETURNING *",
    )
    .bind(&holding.resource.id)
    .bind(&holding.account)
    .bind(&key.key.key_id)
    .bind(words::word(&STATUSES, &Status::Orphaned))
    .fetch_optional(connection)
    .await?;
    adopted.as_ref().map(Row::read).transpose()
}
