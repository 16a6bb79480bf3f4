//! A state that was copied into another workspace: both hold the same keys, and what ends them in one ends them in the other.

use crate::context::Context;
use crate::domain::policy::OnDestroy;
use crate::error::{Error, Kind, Result};
use crate::resources::managed::model::ManagedState;
use crate::resources::managed::read::policy;

/// Refused where a destroy would revoke keys that by the ledger belong to another workspace: it was the last to apply them.
pub async fn refuse_to_end(state: &ManagedState, context: &Context) -> Result<()> {
    if policy(state).is_some_and(|policy| policy.on_destroy == OnDestroy::Retain) {
        return Ok(());
    }
    let id = state.id.as_deref_option().unwrap_or_default();
    match owner(id, context).await? {
        Some(owner) => Err(of_another(id, &owner, context)),
        None => Ok(()),
    }
}

/// Refused where keys would be taken out of a place that by the ledger belongs to another workspace: they are read there.
pub async fn refuse_to_leave(state: &ManagedState, context: &Context) -> Result<()> {
    let id = state.id.as_deref_option().unwrap_or_default();
    match owner(id, context).await? {
        Some(owner) => Err(leaving(id, &owner, context)),
        None => Ok(()),
    }
}

/// The other workspace that the keys belong to by the ledger, if this state is a copy of its own.
pub async fn owner(id: &str, context: &Context) -> Result<Option<String>> {
    let owner = context.ledger.recall(id).await?.workspace;
    Ok(owner.filter(|owner| *owner != context.workspace))
}

/// What a person is told who looks at keys that by the ledger belong to another workspace: an apply would take them over.
pub fn taken_over(name: &str, owner: &str, context: &Context) -> Error {
    Error::new(
        Kind::Other,
        format!("{name}: its keys belong to workspace {owner:?}"),
        format!(
            "By the ledger that workspace was the last to apply them, so the state of workspace {:?} may be a copy of its own. An \
             apply here that does something takes them over, and the state there is then older than what is there. Right if \
             this workspace has taken the place of the other. If not, take the resource out of this state: terraform state \
             rm, or a removed block with destroy = false.",
            context.workspace
        ),
    )
}

fn leaving(id: &str, owner: &str, context: &Context) -> Error {
    Error::new(
        Kind::Invalid,
        format!("its keys belong to workspace {owner:?}"),
        format!(
            "By the ledger that workspace was the last to apply them, so the state of workspace {:?} is a copy, and to move or \
             remove a delivery here would take the keys out of a place where they are used there. Nothing was done. Take the \
             resource out of this state alone: terraform state rm, or a removed block with destroy = false. If this workspace \
             has taken the place of the other, say so, and apply again: terraform-provider-apikey ledger forget {id}",
            context.workspace
        ),
    )
}

fn of_another(id: &str, owner: &str, context: &Context) -> Error {
    Error::new(
        Kind::Invalid,
        format!("its keys belong to workspace {owner:?}"),
        format!(
            "By the ledger that workspace was the last to apply them, so the state of workspace {:?} is a copy, and to destroy \
             the resource here would revoke keys that are used there. Nothing was done. Take it out of this state alone: \
             terraform state rm, or a removed block with destroy = false. If this workspace has taken the place of the other, \
             whose state is gone, say so, and destroy again: terraform-provider-apikey ledger forget {id}",
            context.workspace
        ),
    )
}
