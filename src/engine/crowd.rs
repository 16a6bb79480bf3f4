//! Keys of others in an account that holds only so many: whose they are, and what to do.
//!
//! Nothing here advises to delete a key that the ledger knows: whoever holds it relies on it.

use crate::domain::situation::Full;
use crate::engine::connections::{Connections, at_issuer};
use crate::error::{Error, Kind, Result};
use crate::issuers::Stranger;
use crate::ledger::{KeyMark, Ledger, ResourceRef, Status};

/// What takes the room of a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowd {
    account: String,
    limit: usize,
    others: Vec<Other>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Other {
    key: Stranger,
    /// Whose the ledger says it is.
    holder: Option<Holder>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Holder {
    /// The very resource that looks, although its state does not hold the key.
    Itself,
    Another(ResourceRef),
}

/// Who takes the room of the two keys that a rotation needs, beside those that the resource `id` owns.
pub async fn look(
    id: &str,
    owned: &[String],
    account: &str,
    connections: &Connections,
    ledger: &dyn Ledger,
) -> Result<Option<Crowd>> {
    let Some(crowd) = at_issuer(connections.issuer.crowd(owned).await)? else {
        return Ok(None);
    };
    let marks: Vec<KeyMark> = crowd
        .others
        .iter()
        .map(|key| KeyMark::new(Some(key.key_id.clone()), None))
        .collect();
    let records = ledger.find_keys(&marks).await.unwrap_or_else(|error| {
        // Without the ledger no owner can be named, and nothing else depends on it.
        tracing::warn!(%error, "nobody can say whose keys are in the way");
        Vec::new()
    });
    let holder = |key: &Stranger| {
        let mut known = records.iter().filter(|(_, record)| {
            record.status != Status::Revoked && record.key.key_id.as_ref() == Some(&key.key_id)
        });
        known.next().map(|(resource, _)| match resource.id == id {
            true => Holder::Itself,
            false => Holder::Another(resource.clone()),
        })
    };
    let others = crowd.others.into_iter().map(|key| Other {
        holder: holder(&key),
        key,
    });
    Ok(Some(Crowd {
        account: account.to_owned(),
        limit: crowd.limit,
        others: others.collect(),
    }))
}

/// The error of a check, and where the account is full, what to do about it.
pub async fn explained(
    checked: Result<()>,
    look: impl Future<Output = Result<Option<Crowd>>>,
) -> Result<()> {
    match checked {
        Err(error) if error.kind == Kind::Limit => {
            let ways_out = match look.await? {
                Some(crowd) => format!(" {}", crowd.way_out()),
                None => String::new(),
            };
            Err(Error {
                detail: format!("{}{ways_out}", error.detail),
                ..error
            })
        }
        checked => checked,
    }
}

impl Crowd {
    /// Why there is no room, as a part of a sentence.
    fn reason(&self) -> String {
        let others: Vec<String> = self.others.iter().map(Other::described).collect();
        format!(
            "{} holds {} keys at most, and {} leaves no room for the second key of a rotation",
            self.account,
            self.limit,
            others.join(" and ")
        )
    }

    /// What to do about it, in sentences.
    fn way_out(&self) -> String {
        let ways: Vec<String> = self.others.iter().map(Other::way_out).collect();
        ways.join(" ")
    }

    /// As a fact of the situation.
    pub fn full(&self) -> Full {
        Full {
            reason: self.reason(),
            way_out: self.way_out(),
        }
    }
}

impl Other {
    fn described(&self) -> String {
        let Stranger { key_id, about, .. } = &self.key;
        match &self.holder {
            None => {
                format!("key {key_id} ({about}), which neither this resource nor the ledger knows,")
            }
            Some(Holder::Itself) => {
                format!(
                    "key {key_id} ({about}), which this resource once made and its state does not hold,"
                )
            }
            Some(Holder::Another(holder)) => {
                format!("key {key_id} ({about}) of {}", named(holder))
            }
        }
    }

    fn way_out(&self) -> String {
        let Stranger {
            key_id,
            look,
            delete,
            ..
        } = &self.key;
        match &self.holder {
            None => format!(
                "Find out whether {key_id} is still in use ({look}), then import it into a resource or delete it \
                 ({delete}), or give this resource an account of its own."
            ),
            Some(Holder::Itself) => format!(
                "The ledger says that {key_id} is a key of this resource: restore the state that holds it, or import the \
                 key."
            ),
            Some(Holder::Another(holder)) => format!(
                "Key {key_id} is managed by {}: give each of the two an account of its own.",
                named(holder)
            ),
        }
    }
}

fn named(holder: &ResourceRef) -> String {
    match holder.workspace.as_str() {
        "" => format!("{:?}", holder.name),
        workspace => format!("{:?} in workspace {workspace}", holder.name),
    }
}
