//! Keys of others in an account that holds only so many: whose they are, and what to do.
//!
//! Nothing here advises to delete a key that somebody holds by the ledger, or that stands in a document of the very
//! resource: whoever holds or reads it relies on it.

use std::collections::BTreeMap;

use crate::domain::situation::Full;
use crate::engine::account::about;
use crate::engine::connections::{Connections, at_issuer};
use crate::error::{Error, Kind, Result};
use crate::issuers::Cli;
use crate::ledger::{Effect, KeyMark, KeyRecord, Ledger, ResourceRef, Slot, Status};
use crate::stores::Found;

/// What takes the room of a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowd {
    account: String,
    limit: usize,
    others: Vec<Other>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Other {
    key_id: String,
    /// How it stands and since when it exists.
    about: String,
    /// How a person looks after it.
    cli: Option<Cli>,
    /// Whose the ledger says it is.
    holder: Option<Holder>,
    /// Where the resource delivers it, whatever its state says.
    standing: Option<Standing>,
}

/// A key in a document of the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Standing {
    delivery: String,
    role: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Holder {
    /// The very resource that looks, although its state does not hold the key.
    Itself,
    /// A resource of the same name and workspace: this one, before it was removed from a state, replaced or lost?
    FormerSelf(ResourceRef),
    Another(ResourceRef),
    /// Perhaps: an apply of this resource that has not finished was to mint it, and no state holds it.
    Unfinished(ResourceRef),
    /// It was forgotten, or kept when its resource was destroyed.
    LeftBehindBy(ResourceRef),
}

impl Holder {
    fn of(record: &KeyRecord, holder: &ResourceRef, who: &ResourceRef) -> Self {
        let is_named_alike = holder.name == who.name && holder.workspace == who.workspace;
        match record.status {
            _ if holder.id == who.id => Self::Itself,
            Status::Orphaned => Self::LeftBehindBy(holder.clone()),
            _ if is_named_alike => Self::FormerSelf(holder.clone()),
            _ if record.confirmed_at.is_none() && record.slot == Slot::None => {
                Self::Unfinished(holder.clone())
            }
            _ => Self::Another(holder.clone()),
        }
    }
}

/// Who takes the room of the two keys that a rotation needs, beside those that the resource owns.
pub async fn look(
    who: &ResourceRef,
    owned: &[String],
    account: &str,
    connections: &Connections,
    ledger: &dyn Ledger,
) -> Result<Option<Crowd>> {
    let Some((limit, others)) = at_issuer(connections.issuer.crowd(owned).await)? else {
        return Ok(None);
    };
    let marks: Vec<KeyMark> = others
        .iter()
        .map(|key| KeyMark::new(Some(key.key_id.clone()), None))
        .collect();
    let records = ledger.find_keys(&marks).await.unwrap_or_else(|error| {
        // Without the ledger no owner can be named, and nothing else depends on it.
        tracing::warn!(%error, "nobody can say whose keys are in the way");
        Vec::new()
    });
    let unfinished = unfinished_mint(account, ledger).await;
    let holder = |key_id: &String| {
        let mut known = records.iter().filter(|(_, record)| {
            record.status != Status::Revoked && record.key.key_id.as_ref() == Some(key_id)
        });
        match known.next() {
            Some((holder, record)) => Some(Holder::of(record, holder, who)),
            None => unfinished.clone().map(Holder::Unfinished),
        }
    };
    let standing = delivered(connections).await;
    let others = others.into_iter().map(|key| Other {
        holder: holder(&key.key_id),
        standing: standing.get(&key.key_id).cloned(),
        about: about(&key),
        cli: connections.issuer.cli(&key.key_id),
        key_id: key.key_id,
    });
    Ok(Some(Crowd {
        account: account.to_owned(),
        limit,
        others: others.collect(),
    }))
}

/// Of whom there is a mint in the account that has no outcome yet: its key is in no record.
async fn unfinished_mint(account: &str, ledger: &dyn Ledger) -> Option<ResourceRef> {
    let memory = ledger.recall_never_confirmed(account).await.ok()?;
    let mut open = memory.open.into_iter();
    let mint = open.find(|intent| intent.effect == Effect::Mint)?;
    Some(mint.resource)
}

/// The keys in the documents of the resource, by id. What cannot be read now tells of none.
async fn delivered(connections: &Connections) -> BTreeMap<String, Standing> {
    let mut standing = BTreeMap::new();
    for (name, delivery) in connections.deliveries.iter().filter(|(_, d)| d.readable) {
        let Ok(Found::Document(document)) = delivery.look(name).await.map(|seen| seen.found) else {
            continue;
        };
        let slots = [
            ("secondary", document.secondary.as_ref()),
            ("primary", Some(&document.primary)),
        ];
        for (role, key) in slots {
            if let Some(id) = key.and_then(|key| key.key_id.clone()) {
                let delivery = name.clone();
                standing.insert(id, Standing { delivery, role });
            }
        }
    }
    standing
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
        let Self { key_id, about, .. } = self;
        let whose = match &self.holder {
            None if self.standing.is_some() => String::new(),
            None => ", which neither this resource nor the ledger knows,".to_owned(),
            Some(Holder::Itself) => {
                ", which this resource once made and its state does not hold,".to_owned()
            }
            Some(Holder::FormerSelf(holder)) => {
                format!(
                    " of {}, perhaps this very resource as it was before,",
                    named(holder)
                )
            }
            Some(Holder::Another(holder)) => format!(" of {}", named(holder)),
            Some(Holder::Unfinished(holder)) => {
                format!(
                    ", perhaps of an apply of {} that has not finished,",
                    named(holder)
                )
            }
            Some(Holder::LeftBehindBy(holder)) => {
                format!(", which {} left behind,", named(holder))
            }
        };
        let standing = self.standing.as_ref().map_or_else(String::new, |there| {
            format!(", the {} key in delivery {:?},", there.role, there.delivery)
        });
        // Both are clauses between commas.
        let whose = match standing.is_empty() {
            true => whose.as_str(),
            false => whose.trim_start_matches(','),
        };
        format!("key {key_id} ({about}){standing}{whose}")
    }

    fn way_out(&self) -> String {
        let Self { key_id, cli, .. } = self;
        let by = |command: fn(&Cli) -> &String| {
            let command = cli.as_ref().map(command);
            command.map_or_else(String::new, |command| format!(" ({command})"))
        };
        let (look, delete) = (by(|cli| &cli.look), by(|cli| &cli.delete));
        match (&self.holder, &self.standing) {
            (None | Some(Holder::LeftBehindBy(_)), Some(there)) => format!(
                "Do not delete {key_id}: it stands as {} key in delivery {:?}, and applications read it there. Where it is \
                 the other key of a rotation, the refresh after the next apply takes it over into the state.",
                there.role, there.delivery
            ),
            (None, None) => format!(
                "Find out whether {key_id} is still in use{look}, then import it into a resource or delete it{delete}, or \
                 give this resource an account of its own."
            ),
            (Some(Holder::LeftBehindBy(_)), None) => format!(
                "By the ledger no resource holds {key_id} any more: find out whether it is still in use{look}, then \
                 import it into a resource or delete it{delete}."
            ),
            (Some(Holder::Itself), _) => format!(
                "The ledger says that {key_id} is a key of this resource: restore the state that holds it, or import the \
                 key."
            ),
            (Some(Holder::FormerSelf(holder)), _) => format!(
                "By the ledger {key_id} is a key of a resource of the same name, {id}. If this one replaces it, the apply \
                 revokes the key. If it was removed from a state, or its state was lost, say so (terraform-provider-apikey \
                 ledger forget {id}), then import the key. If another state holds it, give each of the two an account of \
                 its own.",
                id = holder.id
            ),
            (Some(Holder::Unfinished(holder)), _) => format!(
                "Do not delete {key_id} before the apply of {} has finished, or was run again if it had been cut off: it may \
                 have minted the key. If there is no such resource any more, because it was renamed, find out whether the \
                 key is still in use{look}, then delete it{delete}.",
                named(holder)
            ),
            (Some(Holder::Another(holder)), _) => format!(
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
