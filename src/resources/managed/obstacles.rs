//! What a store would refuse to the apply, told by the plan that is to write there.

use tf_provider::Diagnostics;

use crate::context::Context;
use crate::domain::moves::Move;
use crate::engine::connections::in_delivery;
use crate::error::Kind;
use crate::protocol;
use crate::resources::diagnostics;
use crate::resources::managed::connect;
use crate::resources::managed::model::{ManagedState, Private};
use crate::resources::managed::read::named;

/// Asks the places of a key that exists, if the plan writes to them. What cannot be asked now is asked by the apply, right
/// before each write.
pub async fn warn(
    diags: &mut Diagnostics,
    planned: &ManagedState,
    private: &Private,
    context: &Context,
) {
    let decided = private.decision.iter().flat_map(|it| &it.moves);
    let writes = decided.copied().any(writes);
    if !writes || context.awaits_settings() || protocol::call().repeats_a_plan() {
        return;
    }
    // What cannot be connected is refused elsewhere.
    let Ok(connections) = connect::without_verification(planned, context) else {
        return;
    };
    for (name, delivery) in &connections.deliveries {
        match in_delivery(name, delivery.store.obstacle().await) {
            Err(error) if error.kind == Kind::Invalid => {
                diagnostics::warn(diags, named(planned, error));
            }
            _ => {}
        }
    }
}

fn writes(next: Move) -> bool {
    use Move::{Contain, Deliver, Discard, Promote, Replace, Revoke, Stage};
    matches!(
        next,
        Deliver | Stage | Promote | Replace | Discard | Revoke | Contain
    )
}
