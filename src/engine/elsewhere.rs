//! A delivery whose settings lead to another place than the one it was written to: another region or account in the
//! environment, another working directory, a link that was changed. The keys are where they were; here, they would only
//! seem to be gone.

use crate::engine::connections::{Delivery, in_delivery};
use crate::engine::managed::Managed;
use crate::error::{Error, Kind, Result};

/// Refuses deliveries that lead elsewhere although their settings did not change. What a place is that cannot be asked
/// now is found out when it is looked at.
pub async fn refuse_elsewhere(
    managed: &Managed,
    deliveries: impl Iterator<Item = (&String, &Delivery)>,
) -> Result<()> {
    for (name, delivery) in deliveries {
        let recorded = managed.deliveries.get(name);
        let Some(recorded) = recorded.and_then(|record| record.place.as_deref()) else {
            continue;
        };
        let Ok(now) = delivery.store.identity().await else {
            continue;
        };
        // Not every file system tells at any time whether it minds capital letters.
        if !recorded.eq_ignore_ascii_case(&now) {
            return in_delivery(name, Err(elsewhere(recorded, &now)));
        }
    }
    Ok(())
}

fn elsewhere(recorded: &str, now: &str) -> Error {
    Error::new(
        Kind::Invalid,
        format!("its settings lead to {now}, but it was written to {recorded}"),
        format!(
            "They are the same as they were, so something around them changed: the region or the credentials of the \
             environment, the working directory, or a link in the path. Nothing was changed. Run Terraform as before. \
             Settings that lead to {recorded} wherever Terraform runs, such as region, can be added in that run: until it \
             was applied, a refresh goes by the former ones. To move the delivery on purpose, change its settings in that \
             run: the keys are then delivered to the new place."
        ),
    )
}
