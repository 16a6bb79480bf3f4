//! From the columns and rows of the tables to the types of the ledger. sqlx maps them; its derive macros are not used, for
//! they compile half of it a second time.

use sqlx::any::{Any, AnyRow, AnyTypeInfo};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, FromRow, Row, Type};

use crate::domain::expected::Oddity;
use crate::instant::Instant;
use crate::ledger::{Effect, Fence, Intent, KeyMark, KeyRecord, ResourceRef, Slot, Status};

/// A type that is one word of text in a column.
macro_rules! text_column {
    ($($name:ty),*) => {$(
        impl Type<Any> for $name {
            fn type_info() -> AnyTypeInfo {
                <str as Type<Any>>::type_info()
            }
        }

        impl Encode<'_, Any> for $name {
            fn encode_by_ref(
                &self,
                buffer: &mut <Any as Database>::ArgumentBuffer,
            ) -> Result<IsNull, BoxDynError> {
                Encode::<Any>::encode(self.to_string(), buffer)
            }
        }

        impl<'r> Decode<'r, Any> for $name {
            fn decode(value: <Any as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let text = <&str as Decode<Any>>::decode(value)?;
                text.parse().map_err(|_| format!("it holds {text:?}").into())
            }
        }
    )*};
}

text_column!(Instant, Slot, Status, Effect);

/// One row of `keys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// The number of the row.
    pub id: i64,
    /// Whose it is.
    pub resource_id: String,
    /// The issuer.
    pub issuer: String,
    /// The account that it is in.
    pub account: String,
    /// The key.
    pub key: KeyRecord,
}

impl FromRow<'_, AnyRow> for KeyRow {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            resource_id: row.try_get("resource_id")?,
            issuer: row.try_get("issuer")?,
            account: row.try_get("account")?,
            key: KeyRecord::from_row(row)?,
        })
    }
}

impl FromRow<'_, AnyRow> for KeyRecord {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            key: KeyMark::from_row(row)?,
            slot: row.try_get("slot")?,
            status: row.try_get("status")?,
            created_at: row.try_get("created_at")?,
            delivered_at: row.try_get("delivered_at")?,
            verified_at: row.try_get("verified_at")?,
            promoted_at: row.try_get("promoted_at")?,
            retired_at: row.try_get("retired_at")?,
            revoked_at: row.try_get("revoked_at")?,
            last_used_at: row.try_get("last_used_at")?,
            noticed: Some(noticed(row)?),
            confirmed_at: row.try_get("confirmed_at")?,
            minted_by: row.try_get("minted_by")?,
            // What the audit trail says of it is looked up there.
            minted: false,
        })
    }
}

/// No oddity is written as null.
fn noticed(row: &AnyRow) -> Result<Vec<Oddity>, sqlx::Error> {
    let noticed: Option<String> = row.try_get("noticed")?;
    let read = |text: String| serde_json::from_str(&text).map_err(|_| damaged("noticed", &text));
    Ok(noticed.map(read).transpose()?.unwrap_or_default())
}

impl FromRow<'_, AnyRow> for KeyMark {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            key_id: row.try_get("key_id")?,
            mark: row.try_get("mark")?,
        })
    }
}

impl FromRow<'_, AnyRow> for ResourceRef {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("resource_id")?,
            name: row.try_get("name")?,
            workspace: row.try_get("workspace")?,
        })
    }
}

impl FromRow<'_, AnyRow> for Intent {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let key = KeyMark::from_row(row)?;
        let known: String = row.try_get("known_keys")?;
        let audience: Option<String> = row.try_get("audience")?;
        let read =
            |text: String| serde_json::from_str(&text).map_err(|_| damaged("audience", &text));
        let name: Option<String> = row.try_get("lock_name")?;
        let number: Option<i64> = row.try_get("lock_number")?;
        Ok(Self {
            id: row.try_get("intent")?,
            apply: row.try_get("apply")?,
            resource: ResourceRef::from_row(row)?,
            issuer: row.try_get("issuer")?,
            account: row.try_get("account")?,
            effect: row.try_get("effect")?,
            action: row.try_get("action")?,
            key: (key != KeyMark::default()).then_some(key),
            audience: audience.map(read).transpose()?.unwrap_or_default(),
            place: row.try_get("place")?,
            known: serde_json::from_str(&known).map_err(|_| damaged("known_keys", &known))?,
            private_data: row.try_get("private_data")?,
            at: row.try_get("begun_at")?,
            fence: name
                .zip(number)
                .map(|(name, number)| Fence { name, number }),
        })
    }
}

/// A value that no version of the provider wrote.
pub fn damaged(column: &str, text: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("the column {column} holds {text:?}").into())
}

/// The most values that one statement names.
pub const AT_ONCE: usize = 100;

/// The places of so many arguments in a text, from a number on: `$1, $2`.
pub fn arguments(first: usize, many: usize) -> String {
    let places: Vec<String> = (first..first + many).map(|n| format!("${n}")).collect();
    places.join(", ")
}
