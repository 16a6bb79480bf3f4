//! Deliveries whose settings lead to another place than the one they were written to, in a plan and in its apply.

use std::collections::BTreeSet;

use tf_provider::Diagnostics;

use crate::domain::planner::Decision;
use crate::domain::situation::{Copy, Facts};
use crate::domain::slots::Slots;
use crate::engine::connections::in_delivery;
use crate::engine::elsewhere::{confirm_place, refuse_elsewhere, refused};
use crate::engine::former::Former;
use crate::engine::managed::{DeliveryRecord, DeliveryState, Managed};
use crate::engine::run::Run;
use crate::error::{Kind, Result};
use crate::resources::managed::changes::{left, same_place};
use crate::resources::managed::connect;
use crate::resources::managed::model::{Fields, ManagedState};

/// A person says that the place is gone that this delivery was written to. That holds for no other place.
pub fn is_lost(fields: &Fields, record: &DeliveryRecord) -> bool {
    let lost = connect::lost_place(fields);
    lost.is_some() && lost == record.place.as_deref()
}

/// Former places that need no looking after: one that was noted before it was written to, and that a delivery leads to, and one
/// that a person says is gone for good. Returns the latter, as people name them.
pub fn let_go(planned: &ManagedState, former: &mut Vec<Former>) -> Vec<String> {
    let wanted: Vec<&Fields> = connect::entries(&planned.deliveries)
        .map(|(_, fields)| fields)
        .collect();
    let is_wanted = |former: &Former| {
        let mut wanted = wanted.iter();
        former.identity.is_none() && wanted.any(|fields| same_place(&former.settings, fields))
    };
    former.retain(|former| !is_wanted(former));
    let is_gone = |former: &Former| {
        let place = former.identity.as_ref().unwrap_or(&former.place);
        let mut lost = wanted
            .iter()
            .filter_map(|fields| connect::lost_place(fields));
        lost.any(|lost| lost == place)
    };
    let gone = former.extract_if(.., |former| is_gone(former));
    gone.map(|former| former.place).collect()
}

/// The places that are to be emptied, for people: what an apply wrote to of which no state heard may be wanted as it is.
pub fn unwanted(planned: &ManagedState, former: &[Former]) -> Vec<String> {
    let is_wanted = |former: &Former| {
        let mut wanted = connect::entries(&planned.deliveries);
        wanted.any(|(_, fields)| same_place(&former.settings, fields))
    };
    let former = former.iter().filter(|former| !is_wanted(former));
    former.map(|former| former.place.clone()).collect()
}

/// What a delivery was written to, and what a person says is gone for good.
fn lost<'a>(
    planned: &'a ManagedState,
    managed: &'a Managed,
) -> impl Iterator<Item = (&'a String, &'a DeliveryRecord)> {
    let wanted = connect::entries(&planned.deliveries);
    wanted.filter_map(|(name, fields)| {
        let record = managed.deliveries.get(name)?;
        let is_lost = record.state == DeliveryState::Elsewhere && is_lost(fields, record);
        is_lost.then_some((name, record))
    })
}

/// A compromised key without an id is accepted wherever it stands, and nobody looks at a place that is said to be gone.
pub fn warn_in_an_emergency(
    diags: &mut Diagnostics,
    prior: &ManagedState,
    planned: &ManagedState,
    managed: &Managed,
    gone: &[String],
) {
    let is_local = |slots: &Slots| slots.primary.key_id.is_none();
    if !managed.slots.as_ref().is_some_and(is_local) {
        return;
    }
    let led_elsewhere = lost(planned, managed).filter_map(|(_, record)| record.place.as_ref());
    let entries = || connect::entries(&planned.deliveries);
    let is_gone = |place: &&String| {
        entries().any(|(_, fields)| connect::lost_place(fields) == Some(place.as_str()))
    };
    // Those that this very apply leaves.
    let left = left(prior, planned).into_iter();
    let left = left.filter_map(|(name, _)| managed.deliveries.get(&name)?.place.as_ref());
    let places: BTreeSet<&String> = left
        .filter(is_gone)
        .chain(led_elsewhere)
        .chain(gone)
        .collect();
    for place in places {
        diags.root_warning(
            format!("{}: nobody looks whether {place} still holds the compromised key", planned.label()),
            "Its lost_place says that it is gone for good, and the emergency counts as over without it. If it is still there, \
             whoever reads the key there goes on accepting it: empty it by hand.",
        );
    }
}

/// A copy that may stand in a place that is gone for good is lost, unless another place cannot be read. `is_gone`: a place that
/// a delivery has left is.
pub fn believe_what_is_lost(
    planned: &ManagedState,
    managed: &Managed,
    is_gone: bool,
    facts: &mut Facts,
) {
    let lost: BTreeSet<&String> = lost(planned, managed).map(|(name, _)| name).collect();
    let is_hidden = |record: &DeliveryRecord| {
        matches!(
            record.state,
            DeliveryState::Elsewhere | DeliveryState::Unreadable | DeliveryState::AwaitingApproval
        )
    };
    let mut others = managed.deliveries.iter();
    let others_are_seen = others.all(|(name, record)| lost.contains(name) || !is_hidden(record));
    if (lost.is_empty() && !is_gone) || !others_are_seen || !managed.former.is_empty() {
        return;
    }
    for copy in [&mut facts.primary_copy, &mut facts.secondary_copy] {
        if *copy == Copy::Unseen {
            *copy = Copy::Lost;
        }
    }
}

/// A plan with settings that are as they were does nothing there; an emergency goes on without the place.
pub fn refuse(
    prior: &ManagedState,
    planned: &ManagedState,
    managed: &Managed,
    decision: &Decision,
) -> Result<()> {
    if decision.is_emergency {
        return Ok(());
    }
    for (name, fields) in connect::entries(&planned.deliveries) {
        let mut before = connect::entries(&prior.deliveries);
        let is_kept = before.any(|(other, old)| other == name && same_place(old, fields));
        let record = managed.deliveries.get(name).filter(|_| is_kept);
        let Some(record) = record.filter(|it| it.state == DeliveryState::Elsewhere) else {
            continue;
        };
        if let (Some(found), Some(place)) = (&record.reason, &record.place)
            && !is_lost(fields, record)
        {
            return in_delivery(name, Err(refused(found.clone(), place)));
        }
    }
    Ok(())
}

/// The same of an apply, which looks again.
pub async fn look(run: &mut Run<'_>, is_emergency: bool) -> Result<()> {
    let connections = run.connections;
    if !is_emergency {
        return refuse_elsewhere(connections).await;
    }
    for (name, delivery) in &connections.deliveries {
        let led = in_delivery(name, confirm_place(delivery).await);
        if let Err(error) = led
            && error.kind == Kind::Invalid
        {
            run.leave_alone(name, error);
        }
    }
    Ok(())
}
