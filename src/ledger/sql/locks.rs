//! Locks in a table. Time is what the clock of the database says, which all who share it see alike.

use sqlx::{AnyConnection, AssertSqlSafe};

use super::dialect::Dialect;
use super::transaction::Transaction;
use super::trouble::Trouble;
use crate::instant::Instant;
use crate::ledger::locks::first_number;
use crate::ledger::{Fence, Lease};

impl Transaction<'_> {
    /// Takes a lock that nobody holds.
    pub async fn try_lock(
        &mut self,
        name: &str,
        holder: &str,
    ) -> Result<Option<Lease>, sqlx::Error> {
        let now = self.dialect.now();
        let end = self.dialect.now_and(self.lease);
        let text = format!(
            "INSERT INTO locks (name, number, holder, taken_at, expires_at) VALUES ($1, $3, $2, {now}, {end}) \
             ON CONFLICT (name) DO UPDATE SET number = locks.number + 1, holder = excluded.holder, \
             taken_at = excluded.taken_at, expires_at = excluded.expires_at \
             WHERE locks.holder IS NULL OR locks.expires_at <= {now} RETURNING number"
        );
        let number = sqlx::query_scalar(AssertSqlSafe(text))
            .bind(name)
            .bind(holder)
            .bind(first_number())
            .fetch_optional(&mut *self.connection)
            .await?;
        let length = self.lease;
        Ok(number.map(|number| {
            let name = name.to_owned();
            let fence = Fence { name, number };
            Lease { fence, length }
        }))
    }

    /// Holds on to a lock.
    pub async fn renew(&mut self, fence: &Fence) -> Result<(), Trouble> {
        let text = format!(
            "UPDATE locks SET expires_at = {} WHERE name = $1 AND number = $2 AND holder IS NOT NULL",
            self.dialect.now_and(self.lease)
        );
        let renewed = sqlx::query(AssertSqlSafe(text))
            .bind(&fence.name)
            .bind(fence.number)
            .execute(&mut *self.connection)
            .await?;
        match renewed.rows_affected() {
            0 => Err(fence.passed_on().into()),
            _ => Ok(()),
        }
    }

    /// Gives a lock back.
    pub async fn unlock(&mut self, fence: &Fence) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE locks SET holder = NULL WHERE name = $1 AND number = $2")
            .bind(&fence.name)
            .bind(fence.number)
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }
}

/// Who holds a lock now, and since when.
pub async fn lock_holder(
    connection: &mut AnyConnection,
    dialect: Dialect,
    name: &str,
) -> Result<Option<(String, Instant)>, sqlx::Error> {
    let text = format!(
        "SELECT holder, taken_at FROM locks WHERE name = $1 AND holder IS NOT NULL AND expires_at > {}",
        dialect.now()
    );
    sqlx::query_as(AssertSqlSafe(text))
        .bind(name)
        .fetch_optional(connection)
        .await
}
