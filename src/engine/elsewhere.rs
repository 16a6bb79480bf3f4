//! A place that was written to, and whose settings lead to another one now: another region or account in the environment,
//! another working directory, a link that was changed, a cluster that was built anew. The keys are where they were; here, they
//! would only seem to be gone.

use crate::engine::connections::{Connections, Delivery, in_delivery};
use crate::error::{Error, Kind, Result};

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
    let now = delivery.store.identity().await;
    let now = now.map_err(|error| uncertain(recorded, error))?;
    // Not every file system tells at any time whether it minds capital letters.
    match recorded.eq_ignore_ascii_case(&now) {
        true => Ok(()),
        false => Err(elsewhere(recorded, &now)),
    }
}

fn elsewhere(recorded: &str, now: &str) -> Error {
    let found = format!("its settings lead to {now}, but it was written to {recorded}");
    refused(found, recorded)
}

/// What to do about a place that is another one than before.
pub fn refused(found: String, recorded: &str) -> Error {
    Error::new(
        Kind::Invalid,
        found,
        format!(
            "They are the same as they were, so something around them changed: the region or the credentials of the \
             environment, the working directory, a link in the path, or a cluster that was built anew. Nothing was changed. \
             Run Terraform as before. Settings that lead to {recorded} wherever Terraform runs, such as region, can be added \
             in that run: until it was applied, a refresh goes by the former ones. To move the delivery on purpose, change \
             its settings in that run: the keys are then delivered to the new place. If the former place is gone for good \
             with all that stood there, say so in the delivery: lost_place = {recorded:?}. The keys then go to where its \
             settings lead now."
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
