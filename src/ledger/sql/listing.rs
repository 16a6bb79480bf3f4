//! The inventory in SQL.

use sqlx::any::{Any, AnyArguments};
use sqlx::query::Query as Statement;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::dialect::Dialect;
use super::words;
use crate::duration::Duration;
use crate::ledger::inventory::{Inventory, Listed, MOST_COUNTED, Mark, Query, Sort};

/// How long an apply that ended may leave a key unconfirmed: the next refresh confirms it.
const NEXT_REFRESH: Duration = Duration::from_days(1);
/// How long an apply without a lock may be at work.
const LONGEST_APPLY: Duration = Duration::from_hours(1);

/// Answers a question.
pub async fn list(
    connection: &mut AnyConnection,
    dialect: Dialect,
    query: &Query,
) -> Result<Inventory, sqlx::Error> {
    let mut filter = Filter::of(query, dialect);
    let count = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM keys{} LIMIT {MOST_COUNTED}) AS counted",
        filter.text()
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
        "SELECT keys.*, {column} AS sorted_by, CAST(CASE WHEN {orphaned} THEN 1 ELSE 0 END AS BIGINT) AS nobodys \
         FROM keys{} ORDER BY {column} {order}, keys.id {order} LIMIT {}",
        filter.text(),
        i64::from(query.limit) + 1
    );
    let mut rows = filter.bound(page).fetch_all(connection).await?;
    let more = rows.len() > query.limit as usize;
    rows.truncate(query.limit as usize);
    let next = match rows.last() {
        Some(last) if more => Some(Mark {
            value: words::text(last, "sorted_by")?,
            id: last.try_get("id")?,
        }),
        _ => None,
    };
    let keys: Result<_, sqlx::Error> = rows.iter().map(listed).collect();
    Ok(Inventory {
        total,
        keys: keys?,
        next,
    })
}

/// Null sorts as the empty text, so that both databases agree on its place.
fn column(sort: Sort) -> &'static str {
    match sort {
        Sort::CreatedAt => "keys.created_at",
        Sort::Name => "keys.name",
        Sort::Environment => "COALESCE(keys.environment, '')",
        Sort::LastUsedAt => "COALESCE(keys.last_used_at, '')",
        Sort::Owner => "COALESCE(keys.owner, '')",
        Sort::RotationDueAt => "COALESCE(keys.rotation_due_at, '')",
    }
}

fn direction(descending: bool) -> &'static str {
    if descending { "DESC" } else { "ASC" }
}

/// The conditions with their arguments.
struct Filter {
    index: String,
    conditions: Vec<String>,
    arguments: Vec<String>,
}

impl Filter {
    fn of(query: &Query, dialect: Dialect) -> Self {
        let mut filter = Self {
            index: match query.orphaned {
                true => dialect.indexed_by("keys_doubtful"),
                false => String::new(),
            },
            conditions: Vec::new(),
            arguments: Vec::new(),
        };
        let status = query
            .status
            .map(|it| words::word(&words::STATUSES, &it).to_owned());
        for (column, value) in [
            ("name", &query.name),
            ("workspace", &query.workspace),
            ("key_group", &query.group),
            ("environment", &query.environment),
            ("owner", &query.owner),
            ("policy", &query.policy),
            ("issuer", &query.issuer),
            ("status", &status),
        ] {
            if let Some(value) = value {
                let value = filter.argument(value);
                filter.require(format!("keys.{column} = {value}"));
            }
        }
        if query.without_owner {
            filter.require("keys.owner IS NULL".into());
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

    /// Whether a key belongs to no resource: it is marked so, or an apply minted it and is over, and no state ever held it.
    fn orphaned(&mut self, query: &Query, dialect: Dialect) -> String {
        let yesterday = self.argument(&(query.now - NEXT_REFRESH).to_string());
        let recently = self.argument(&(query.now - LONGEST_APPLY).to_string());
        let now = dialect.now();
        format!(
            "(keys.status = 'orphaned' OR (keys.status = 'live' AND keys.confirmed_at IS NULL \
             AND keys.minted_by IS NOT NULL AND NOT EXISTS (SELECT 1 FROM intents \
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

    fn text(&self) -> String {
        match self.conditions.is_empty() {
            true => self.index.clone(),
            false => format!("{} WHERE {}", self.index, self.conditions.join(" AND ")),
        }
    }

    /// Every question is another text, so none is kept prepared.
    fn bound(&self, text: String) -> Statement<'static, Any, AnyArguments> {
        let statement = sqlx::query(AssertSqlSafe(text)).persistent(false);
        let arguments = self.arguments.iter().cloned();
        arguments.fold(statement, Statement::bind)
    }
}

fn listed(row: &sqlx::any::AnyRow) -> Result<Listed, sqlx::Error> {
    Ok(Listed {
        resource: words::resource(row)?,
        issuer: words::text(row, "issuer")?,
        account: words::text(row, "account")?,
        group: words::maybe(row, "key_group")?,
        environment: words::maybe(row, "environment")?,
        owner: words::maybe(row, "owner")?,
        policy: words::maybe(row, "policy")?,
        resource_status: words::maybe(row, "resource_status")?,
        rotation_due_at: words::maybe_instant(row, "rotation_due_at")?,
        key: words::key(row)?,
        orphaned: row.try_get::<i64, _>("nobodys")? == 1,
    })
}
