//! A plan that was saved, and what happened before it was applied.

use crate::aws_life::world::World;
use crate::emergency::declared;

#[test]
fn a_saved_plan_does_what_it_said_and_nothing_if_the_keys_are_others_by_then() {
    let world = World::new().created().staged();
    world.write(&world.config().with(&declared("INC-1")));
    world.ws.plan().ok().code(2);
    // Somebody deletes the staged key that was to take over.
    let staged = world.delivered("secondary").0;
    world.cloud.delete_key(&world.user, &staged);
    world
        .ws
        .apply_plan()
        .failed()
        .complains(&["payments", &staged, "plan"]);
    world.in_order();

    let (old, secret) = world.delivered("primary");
    world.takes("emergency");
    assert!(!world.cloud.accepts(&old, &secret));
}
