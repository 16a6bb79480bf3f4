//! A place that was written to, and whose settings lead to another one now: another region or account in the environment,
//! another working directory, a link that was changed, a cluster that was built anew. The keys are where they were; here, they
//! would only seem to be gone.

use crate::engine::connections::{Connections, Delivery, in_delivery};
use crate::error::{Error, Kind, Result};
use crate::stores;

/// Refuses deliveries that lead elsewhere although their settings did not change. Where nobody can tell, looks at the place
/// go on without believing that anything is missing, see [`Delivery::look`].
pub async fn refuse_elsewhere(connections: &Connections) -> Result<()> {
    for (name, delivery) in &connections.deliveries {
        match confirm_place(delivery).await {
            Err(error) if error.kind == Kind::Invalid => return in_delivery(name, Err(error)),
            _ => {}
        }
    }
    Ok(())
}

/// Makes sure that a place is the one that was written to: [`Kind::Invalid`] if it is another one, any other error if
/// nobody can tell now.
pub async fn confirm_place(delivery: &Delivery) -> Result<()> {
    let recorded = delivery.recorded.as_ref();
    // A person has said that it is gone for good.
    let recorded = recorded.filter(|place| delivery.lost_place.as_ref() != Some(place));
    let Some(recorded) = recorded else {
        return Ok(());
    };
    let doubt = |error| uncertain(recorded, error);
    let store = &delivery.store;
    match store.is_at(recorded).await.map_err(doubt)? {
        true => Ok(()),
        false => {
            let now = store.identity().await.map_err(doubt)?;
            Err(elsewhere(recorded, &now))
        }
    }
}

fn elsewhere(recorded: &str, now: &str) -> Error {
    let found = format!("its settings lead to {now}, but it was written to {recorded}");
    refused(found, recorded)
}

/// What to do about a place that is another one than before. That it is gone for good is spoken of only where it can be, or
/// people would say so of a place that another region hides from them.
pub fn refused(found: String, recorded: &str) -> Error {
    let gone = match stores::of_place(recorded).is_some_and(|kind| kind.can_be_gone()) {
        false => String::new(),
        true => format!(
            " Only if {recorded} does not exist any more, such as on a cluster that was built anew, and nothing can lead there \
             again, say so in the delivery: lost_place = {recorded:?}. The keys are then written to where its settings lead \
             now. Those of which no other copy is left count as lost, and what still stands in the former place is never taken \
             away."
        ),
    };
    Error::new(
        Kind::Invalid,
        found,
        format!(
            "Its settings are as they were, so what surrounds this run leads elsewhere: a region, an account, a profile or an \
             address from the environment, the working directory, or a link in the path. Nothing was changed. Set it to what \
             leads to {recorded}, and plan again. Settings that lead there wherever Terraform runs, such as region, can be \
             added in that run: until it was applied, a refresh goes by the former ones. To move the delivery on purpose, \
             change its settings in that run: the keys are then delivered to the new place.{gone}"
        ),
    )
}

fn uncertain(recorded: &str, error: Error) -> Error {
    Error {
        kind: match error.kind {
            Kind::Invalid => Kind::Other,
            kind => kind,
        },
        summary: format!(
            "nobody can tell whether it is still {recorded}: {}",
            error.summary
        ),
        detail: format!(
            "{} Until that is known, keys that seem to be missing there do not count as lost, and nothing is written over \
             what stands there.",
            error.detail
        ),
        ..error
    }
}
