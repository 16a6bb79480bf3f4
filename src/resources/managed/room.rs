//! Whether there is room at the issuer for the keys that a plan will need, told as soon as anybody can know.

use tf_provider::Diagnostics;

use crate::context::Context;
use crate::domain::situation::Full;
use crate::engine::connections::at_issuer;
use crate::engine::crowd;
use crate::error::{Error, Kind, Result};
use crate::resources::diagnostics;
use crate::resources::managed::connect;
use crate::resources::managed::inventory_entry;
use crate::resources::managed::model::{ManagedState, Private};
use crate::stores::WriteScope;

/// Before a create: the keys that are there are those of others, except the `orphans`, which the apply revokes. What
/// cannot be asked now is left to the apply, which says what is wrong; what is wrong with the settings is said at once.
/// The apply looks again, and keeps in mind what it sees.
pub async fn before_create(
    diags: &mut Diagnostics,
    planned: &ManagedState,
    orphans: &[String],
    context: &Context,
) -> Result<()> {
    match look(planned, orphans, context).await {
        Ok((full, shared)) => {
            let warning = full.as_ref().map(|full| no_room(planned.label(), full));
            let warnings = warning.into_iter().chain(shared);
            warnings.for_each(|warning| diagnostics::warn(diags, warning));
            Ok(())
        }
        Err(error) if error.kind == Kind::Invalid => Err(error),
        Err(_) => Ok(()),
    }
}

async fn look(
    planned: &ManagedState,
    orphans: &[String],
    context: &Context,
) -> Result<(Option<Full>, Option<Error>)> {
    let connections = connect::without_verification(planned, context)?;
    if connections.issuer.limit().is_none() {
        return Ok((None, None));
    }
    let account = at_issuer(connections.issuer.lock().await)?;
    let shared = shared(planned, &account, context);
    let ledger = context.ledger.as_ref();
    let who = inventory_entry::resource(planned, context);
    let crowd = crowd::look(&who, orphans, &account, &connections, ledger).await?;
    Ok((crowd.map(|crowd| crowd.full()), shared))
}

/// What the last refresh found, once more with the places that this plan adds: what stands in them may be one of the
/// keys in the way. An imported key has no other places yet.
pub async fn look_again(
    prior: &ManagedState,
    planned: &ManagedState,
    private: &mut Private,
    context: &Context,
) {
    let is_settled = planned.inputs_known() && !context.awaits_settings();
    if private.facts.full.is_none() || !is_settled || prior.deliveries == planned.deliveries {
        return;
    }
    let look = async {
        let connections = connect::without_verification(planned, context)?;
        let account = private.account.as_deref().unwrap_or_default();
        let owned = prior.managed(private)?.owned_ids();
        let who = inventory_entry::resource(prior, context);
        crowd::look(&who, &owned, account, &connections, context.ledger.as_ref()).await
    };
    // What cannot be asked now was told by the refresh.
    if let Ok(Some(crowd)) = look.await {
        private.facts.full = Some(crowd.full());
    }
}

/// Of a key that exists, from what its last refresh found.
pub fn warn(diags: &mut Diagnostics, planned: &ManagedState, private: &Private, context: &Context) {
    if let Some(full) = &private.facts.full {
        diagnostics::warn(diags, no_room(planned.label(), full));
    }
    if let Some(account) = private
        .account
        .as_deref()
        .filter(|_| has_limit(planned, context))
    {
        let shared = shared(planned, account, context);
        shared
            .into_iter()
            .for_each(|warning| diagnostics::warn(diags, warning));
    }
}

fn no_room(name: &str, full: &Full) -> Error {
    Error::new(
        Kind::Limit,
        format!("{name}: there is no room for a rotation"),
        format!("{}. {}", full.reason, full.way_out),
    )
}

fn has_limit(planned: &ManagedState, context: &Context) -> bool {
    let connections = connect::without_verification(planned, context);
    connections.is_ok_and(|connections| connections.issuer.limit().is_some())
}

/// Another resource of this configuration that works on the same account.
fn shared(planned: &ManagedState, account: &str, context: &Context) -> Option<Error> {
    let name = planned.label();
    let write_scope = WriteScope::whole(format!("account {account}"));
    let other = context.configured.take(write_scope, name)?;
    Some(Error::new(
        Kind::Limit,
        format!("{name}: another resource manages keys of the same account"),
        format!(
            "{other:?} and {name:?} both manage keys of {account}. A rotation needs room for two keys, and each takes it \
             from the other: give each an account of its own."
        ),
    ))
}
