//! Keys of no resource: nothing looks after them, so a person says that one is dead.

use super::Database;
use super::chain::Event;
use super::jobs::Job;
use super::reads::find_keys;
use super::transaction::Transaction;
use super::trouble::Trouble;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::{Inventory, KeyMark, KeyRecord, ResourceRef, Slot, Status};

/// A key that is said to be dead, by whom and when.
pub struct Ended {
    /// Its id or its fingerprint.
    pub key: KeyMark,
    /// Who says so.
    pub by: String,
    /// When.
    pub at: Instant,
}

impl Database {
    /// Ends keys of no resource that have this id or fingerprint. Gives back whose they were; nobody where there are none, and an
    /// error where the id is that of several keys.
    pub async fn settle_orphan(
        &self,
        label: &str,
        by: &str,
        at: Instant,
    ) -> Result<Option<ResourceRef>> {
        self.is_there().await?;
        let label = Some(label.to_owned());
        let (by_id, by_mark) = (
            KeyMark {
                key_id: label.clone(),
                mark: None,
            },
            KeyMark {
                key_id: None,
                mark: label,
            },
        );
        let found = self.find_keys(&[by_id, by_mark]).await?;
        let mut orphans = found.into_iter().filter(|(_, record)| is_orphaned(record));
        let Some((whose, record)) = orphans.next() else {
            return Ok(None);
        };
        if let Some((other, _)) = orphans.next() {
            return Err(Error::new(
                Kind::Invalid,
                format!("{} is the id of several keys", record.key.label()),
                format!(
                    "It was a key of {:?} and one of {:?}. Nothing was written. Name the one that is dead by its fingerprint, as \
                     inventory shows it.",
                    whose.name, other.name
                ),
            ));
        }
        let by = by.to_owned();
        let key = record.key;
        self.write(Job::End(Ended { key, by, at })).await?;
        Ok(Some(whose))
    }
}

fn is_orphaned(record: &KeyRecord) -> bool {
    record.status == Status::Orphaned
        || (record.status == Status::Live && record.slot == Slot::None)
}

/// The row of a key that is dead, and the event that says so.
pub async fn end(transaction: &mut Transaction<'_>, ended: &Ended) -> Result<(), Trouble> {
    let found = find_keys(transaction.connection, std::slice::from_ref(&ended.key)).await?;
    for (resource, record) in found.into_iter().filter(|(_, it)| is_orphaned(it)) {
        sqlx::query(
            "UPDATE keys SET status = $1, slot = $2, revoked_at = $3, updated_at = $3 \
             WHERE resource_id = $4 AND (key_id = $5 OR (key_id IS NULL AND mark = $6)) AND status <> $1",
        )
        .bind(Status::Revoked)
        .bind(Slot::None)
        .bind(ended.at)
        .bind(&resource.id)
        .bind(&record.key.key_id)
        .bind(&record.key.mark)
        .execute(&mut *transaction.connection)
        .await?;
        transaction.head.append(Event {
            at: ended.at.to_string(),
            event: "changed".into(),
            resource,
            key: record.key,
            detail: Some(format!(
                "{} -> revoked, as {} says",
                record.status, ended.by
            )),
            ..Event::default()
        });
    }
    Ok(())
}
