//! A delivery that moves to a place which shares something with the one that it leaves, such as one of two parameters. What is
//! taken away at the former place would be what was delivered at the new one, and what both share would pass for delivered.

use crate::context::Context;
use crate::engine::former::Former;
use crate::error::{Error, Kind, Result};
use crate::resources::managed::changes::left;
use crate::resources::managed::connect;
use crate::resources::managed::model::{Fields, ManagedState};

/// Refuses a move between places that cross. `former` are those that still have to be emptied.
pub fn refuse_crossing(
    prior: &ManagedState,
    planned: &ManagedState,
    former: &[Former],
    context: &Context,
) -> Result<()> {
    let leaving = left(prior, planned);
    let leaving = leaving.iter().map(|(name, fields)| (name, fields));
    let remembered = former.iter().map(|it| (&it.name, &it.settings));
    leaving
        .chain(remembered)
        .try_for_each(|(name, fields)| refuse_crossing_with(name, fields, planned, context))
}

fn refuse_crossing_with(
    left: &str,
    fields: &Fields,
    planned: &ManagedState,
    context: &Context,
) -> Result<()> {
    // A former place that cannot be reached is told of where it is to be emptied.
    let Ok(there) = connect::delivery(left, fields, context) else {
        return Ok(());
    };
    let scope = there.store.write_scope();
    for (name, delivery) in connect::deliveries(&planned.deliveries, context)? {
        if delivery.store.write_scope().crosses(&scope) {
            let (new, old) = (delivery.store.place(), there.store.place());
            return Err(crossing(&new, left, &old).at(connect::path_of(&name)));
        }
    }
    Ok(())
}

fn crossing(new: &str, left: &str, old: &str) -> Error {
    Error::new(
        Kind::Invalid,
        format!("{new} shares a part with {old}, which delivery {left:?} leaves"),
        "Keys cannot move within one place: what is taken away there would be what is delivered here. Nothing was changed. \
         Deliver to names none of which is in use by now; once an apply has emptied the former place, a second move may \
         take its names again.",
    )
}
