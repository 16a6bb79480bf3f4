//! The last look before anything is done: is the world still as the plan saw it?

use crate::domain::moves::Move;
use crate::domain::situation::{Hold, Seen};
use crate::domain::slots::Key;
use crate::engine::connections::stale;
use crate::engine::observe::{Statuses, key_statuses, seen};
use crate::engine::run::Run;
use crate::engine::usage;
use crate::error::{Error, Kind, Result};

/// Compares what the plan relied on with what the issuer says now.
pub async fn check_not_stale(run: &Run<'_>, moves: &[Move]) -> Result<()> {
    let Some(slots) = &run.managed.slots else {
        return Ok(());
    };
    let name = run.name;
    let Statuses {
        primary, secondary, ..
    } = key_statuses(slots, run.connections).await?;
    // An issuer that cannot say does not contradict what an apply did there.
    if primary.is_some() && seen(primary) != run.facts.primary {
        let (key, now) = (slots.primary.label(), turned_out(&seen(primary)));
        return Err(stale(format!("{name}: primary key {key} {now}")));
    }
    let secondary = seen(secondary.flatten());
    if let Some(staged) = slots.staged().filter(|_| secondary != run.facts.secondary) {
        let (key, now) = (staged.label(), turned_out(&secondary));
        return Err(stale(format!("{name}: staged key {key} {now}")));
    }
    let was_gone = run.facts.secondary == Seen::Gone;
    if let Some(retiring) = slots
        .retiring()
        .filter(|_| was_gone && secondary != Seen::Gone)
    {
        // It would lose its grace.
        let (key, now) = (retiring.label(), turned_out(&secondary));
        return Err(stale(format!("{name}: retiring key {key} {now}")));
    }
    let now = run.clock.now();
    // Nobody is asked where the answer changes nothing, as in an emergency.
    if moves.contains(&Move::Revoke) && secondary != Seen::Gone && !run.hold_has_ended() {
        let (connections, known) = (run.connections, &run.facts.uses);
        let hold = usage::before_the_revocation(slots, connections, run.policy, known, now);
        let key = slots.retiring().map_or("", Key::label);
        match hold.await {
            Some(Hold::InUse) => {
                return Err(stale(format!("{name}: retiring key {key} is in use again")));
            }
            Some(Hold::Untold(why)) => {
                // Nothing has changed that another plan takes in: it fails as long as nobody may ask.
                return Err(Error {
                    kind: Kind::Unavailable,
                    ..stale(format!(
                        "{name}: nobody can tell any more whether retiring key {key} is in use ({why})"
                    ))
                });
            }
            None => {}
        }
    }
    Ok(())
}

fn turned_out(now: &Seen) -> &'static str {
    match now {
        Seen::Gone => "is gone",
        Seen::Inactive => "was switched off",
        Seen::Present => "works again",
    }
}
