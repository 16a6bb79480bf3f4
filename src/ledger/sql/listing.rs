//! The inventory in SQL.

use futures::TryStreamExt;
use sqlx::any::{Any, AnyArguments, AnyRow};
use sqlx::query::Query as Statement;
use sqlx::{AnyConnection, AssertSqlSafe, FromRow, Row};

use super::anomalies;
use super::dialect::Dialect;
use crate::duration::Duration;
use crate::ledger::inventory::{Listed, MOST_COUNTED, Mark, Page, Query, Sort};
use crate::ledger::{KeyRecord, ResourceRef};

/// How long an apply that ended may leave a key unconfirmed: the next refresh confirms it.
const NEXT_REFRESH: Duration = Duration::from_days(1);
/// How long an apply without a lock may be at work.
const LONGEST_APPLY: Duration = Duration::from_hours(1);

/// Answers a question.
pub async fn list(
    connection: &mut AnyConnection,
    dialect: Dialect,
    query: &Query,
) -> Result<Page, sqlx::Error> {
    let mut filter = Filter::of(query, dialect);
    let count = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM {} LIMIT {MOST_COUNTED}) AS counted",
        filter.text(&match filter.asks_resources {
            true => filter.both(query, dialect),
            false => filter.keys.clone(),
        })
    );
    let total = filter.bound(count).fetch_one(&mut *connection).await?;
    let total = total.try_get(0)?;

    let (column, order) = (column(query.sort_by), direction(query.descending));
    if let Some(mark) = &query.after {
        let beyond = if query.descending { "<" } else { ">" };
        let value = filter.argument(&mark.value);
        filter.require(format!(
            "({column}, keys.id) {beyond} ({value}, {})",
            mark.id
        ));
    }
    let orphaned = filter.orphaned(query, dialect);
    // One more than asked for tells whether there is a next page.
    let page = format!(
        "SELECT keys.*, {OF_RESOURCES}, {column} AS sorted_by, \
         CAST(CASE WHEN {orphaned} THEN 1 ELSE 0 END AS BIGINT) AS nobodys \
         FROM {} ORDER BY {column} {order}, keys.id {order} LIMIT {}",
        filter.text(&filter.both(query, dialect)),
        i64::from(query.limit) + 1
    );
    let mut rows = filter.bound(page).fetch_all(&mut *connection).await?;
    let more = rows.len() > query.limit as usize;
    rows.truncate(query.limit as usize);
    let next = match rows.last() {
        Some(last) if more => Some(Mark {
            value: last.try_get("sorted_by")?,
            id: last.try_get("id")?,
        }),
        _ => None,
    };
    let keys = rows.iter().map(Listed::from_row);
    let mut keys: Vec<Listed> = keys.collect::<Result<_, _>>()?;
    let open = anomalies::open(connection, query.now).await?;
    for listed in &mut keys {
        listed.anomalies = anomalies::of(&open, &listed.account, &listed.key);
    }
    Ok(Page { total, keys, next })
}

/// What a key shows of its resource. Both have a status.
const OF_RESOURCES: &str = "resources.name, resources.workspace, resources.key_group, resources.environment, \
                            resources.owner, resources.policy, resources.status AS resource_status, \
                            resources.rotation_due_at";

/// Null sorts as the empty text, so that both databases agree on its place.
fn column(sort: Sort) -> &'static str {
    match sort {
        Sort::CreatedAt => "keys.created_at",
        Sort::Name => "resources.name",
        Sort::Environment => "COALESCE(resources.environment, '')",
        Sort::LastUsedAt => "COALESCE(keys.last_used_at, '')",
        Sort::Owner => "COALESCE(resources.owner, '')",
        Sort::RotationDueAt => "COALESCE(resources.rotation_due_at, '')",
    }
}

fn direction(descending: bool) -> &'static str {
    if descending { "DESC" } else { "ASC" }
}

/// Of a key that lives in no slot, neither here nor in a resource that has taken it over, which `held` is then.
pub fn in_no_slot(is_same: &str) -> String {
    format!(
        "(keys.status = 'orphaned' OR (keys.status = 'live' AND keys.slot = 'none')) AND NOT EXISTS \
         (SELECT 1 FROM keys AS held WHERE {is_same} AND held.status = 'live' AND held.slot <> 'none')"
    )
}

/// The conditions with their arguments.
pub struct Filter {
    /// The table of keys, with the index that finds them where the planner would not see it.
    keys: String,
    /// There is a condition on resources.
    asks_resources: bool,
    conditions: Vec<String>,
    arguments: Vec<String>,
}

impl Filter {
    /// What is asked of resources, whatever their keys are.
    pub fn of_resources(query: &Query, keys: &str) -> Self {
        let mut filter = Self {
            keys: keys.to_owned(),
            asks_resources: false,
            conditions: Vec::new(),
            arguments: Vec::new(),
        };
        for (column, value) in [
            ("name", &query.name),
            ("workspace", &query.workspace),
            ("key_group", &query.group),
            ("environment", &query.environment),
            ("owner", &query.owner),
            ("policy", &query.policy),
        ] {
            if let Some(value) = value {
                let value = filter.argument(value);
                filter.ask_resources(format!("resources.{column} = {value}"));
            }
        }
        if query.without_owner {
            filter.ask_resources("resources.owner IS NULL".into());
        }
        filter
    }

    fn of(query: &Query, dialect: Dialect) -> Self {
        let index = match query.orphaned {
            true => dialect.indexed_by("keys_doubtful"),
            false => String::new(),
        };
        let mut filter = Self::of_resources(query, &format!("keys{index}"));
        if query.alive {
            filter.require("keys.status <> 'revoked'".into());
        }
        let status = query.status.map(|status| status.to_string());
        for (column, value) in [("issuer", &query.issuer), ("status", &status)] {
            if let Some(value) = value {
                let value = filter.argument(value);
                filter.require(format!("keys.{column} = {value}"));
            }
        }
        if let Some(until) = query.created_until {
            let until = filter.argument(&until.to_string());
            filter.require(format!("keys.created_at <= {until}"));
        }
        if let Some(until) = query.used_until {
            let until = filter.argument(&until.to_string());
            filter.require(format!(
                "COALESCE(keys.last_used_at, keys.created_at) <= {until}"
            ));
        }
        if query.orphaned {
            let orphaned = filter.orphaned(query, dialect);
            // In the words of the index keys_doubtful, so that it is found.
            filter.require(format!(
                "keys.status <> 'revoked' AND (keys.status = 'orphaned' OR keys.confirmed_at IS NULL) AND {orphaned}"
            ));
        }
        filter
    }

    /// Whether a key belongs to no resource: it is marked so, or an apply minted it and is over, and no state ever held it. One
    /// that is in a slot is told of with its resource, although no refresh has confirmed it yet.
    fn orphaned(&mut self, query: &Query, dialect: Dialect) -> String {
        let yesterday = self.argument(&(query.now - NEXT_REFRESH).to_string());
        let recently = self.argument(&(query.now - LONGEST_APPLY).to_string());
        let now = dialect.now();
        format!(
            "(keys.status = 'orphaned' OR (keys.status = 'live' AND keys.slot = 'none' \
             AND keys.confirmed_at IS NULL AND keys.minted_by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM intents \
             WHERE intents.intent = keys.minted_by AND (intents.ended_at > {yesterday} \
             OR (intents.outcome IS NULL AND intents.lock_name IS NULL AND intents.begun_at > {recently}) \
             OR (intents.outcome IS NULL AND EXISTS (SELECT 1 FROM locks WHERE locks.name = intents.lock_name \
             AND locks.number = intents.lock_number AND locks.holder IS NOT NULL AND locks.expires_at > {now}))))))"
        )
    }

    fn argument(&mut self, value: &str) -> String {
        self.arguments.push(value.to_owned());
        format!("${}", self.arguments.len())
    }

    fn require(&mut self, condition: String) {
        self.conditions.push(condition);
    }

    fn ask_resources(&mut self, condition: String) {
        self.asks_resources = true;
        self.require(condition);
    }

    /// Both tables: first the one whose conditions or order leave the least to look at.
    fn both(&self, query: &Query, dialect: Dialect) -> String {
        let (keys, join) = (&self.keys, dialect.then_join());
        let sorts = column(query.sort_by).contains("resources.");
        let (first, second) = match (self.asks_resources || sorts) && !query.orphaned {
            true => ("resources", keys.as_str()),
            false => (keys.as_str(), "resources"),
        };
        format!("{first} {join} {second} ON resources.resource_id = keys.resource_id")
    }

    /// Whether everything is asked for.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// What follows tables, or a statement that ends with them.
    pub fn text(&self, tables: &str) -> String {
        match self.is_empty() {
            true => tables.to_owned(),
            false => format!("{tables} WHERE {}", self.conditions.join(" AND ")),
        }
    }

    /// The same with one condition more.
    pub fn text_with(&self, tables: &str, condition: &str) -> String {
        let own = self.conditions.iter().map(String::as_str);
        let all: Vec<&str> = own.chain([condition]).collect();
        format!("{tables} WHERE {}", all.join(" AND "))
    }

    /// Takes row after row of the answer: all of them at once would need many times the memory of what is made of them.
    pub async fn each(
        &self,
        connection: &mut AnyConnection,
        text: String,
        mut take: impl FnMut(&AnyRow) -> Result<(), sqlx::Error>,
    ) -> Result<(), sqlx::Error> {
        let mut rows = self.bound(text).fetch(connection);
        while let Some(row) = rows.try_next().await? {
            take(&row)?;
        }
        Ok(())
    }

    /// Every question is another text, so none is kept prepared.
    pub fn bound(&self, text: String) -> Statement<'static, Any, AnyArguments> {
        let statement = sqlx::query(AssertSqlSafe(text)).persistent(false);
        let arguments = self.arguments.iter().cloned();
        arguments.fold(statement, Statement::bind)
    }
}

impl FromRow<'_, AnyRow> for Listed {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            resource: ResourceRef::from_row(row)?,
            issuer: row.try_get("issuer")?,
            account: row.try_get("account")?,
            group: row.try_get("key_group")?,
            environment: row.try_get("environment")?,
            owner: row.try_get("owner")?,
            policy: row.try_get("policy")?,
            resource_status: row.try_get("resource_status")?,
            rotation_due_at: row.try_get("rotation_due_at")?,
            key: KeyRecord::from_row(row)?,
            orphaned: row.try_get::<i64, _>("nobodys")? == 1,
            anomalies: Vec::new(),
        })
    }
}
