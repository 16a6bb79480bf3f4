//! SQL as a person would run it, with every right.

use std::path::Path;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use crate::support::postgres::Postgres;

/// Where to run it.
pub enum Place<'a> {
    File(&'a Path),
    Schema(&'a str),
}

/// Runs statements and gives back the rows, with `|` between the columns; or what the database says against it.
pub async fn run(place: Place<'_>, text: &str) -> Result<Vec<String>, String> {
    sqlx::any::install_default_drivers();
    let (url, greeting) = match place {
        Place::File(path) => (
            format!("sqlite://{}", path.display()),
            "PRAGMA busy_timeout = 30000".to_owned(),
        ),
        Place::Schema(schema) => (
            Postgres::shared().url(),
            format!("SET search_path TO {schema}"),
        ),
    };
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    let greeting = sqlx::raw_sql(AssertSqlSafe(greeting));
    greeting.execute(&mut connection).await.unwrap();
    let rows = sqlx::raw_sql(AssertSqlSafe(text.to_owned()))
        .fetch_all(&mut connection)
        .await
        .map_err(|error| error.to_string())?;
    Ok(rows.iter().map(line).collect())
}

fn line(row: &AnyRow) -> String {
    let columns = (0..row.columns().len()).map(|column| {
        let text = row.try_get::<Option<String>, _>(column);
        let text = text.or_else(|_| {
            let number = row.try_get::<Option<i64>, _>(column)?;
            Ok::<_, sqlx::Error>(number.map(|number| number.to_string()))
        });
        text.unwrap().unwrap_or_default()
    });
    columns.collect::<Vec<_>>().join("|")
}
