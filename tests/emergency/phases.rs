//! Each order and each scope in each phase of life, at a server that checks signatures.

use crate::aws_life::world::{KEY, World};
use crate::emergency::block;

const ORDERS: [&str; 2] = ["replace_first", "revoke_first"];
const SCOPES: [&str; 2] = ["primary", "all"];

/// The keys that a plan in this phase has to end, by slot, and whether another one is minted.
struct Expected {
    ended: &'static [&'static str],
    minted: bool,
}

fn expected(phase: &str, order: &str, scope: &str) -> Expected {
    let (ended, minted): (&[&str], _) = match (phase, order, scope) {
        ("single", _, _) => (&["primary"], true),
        ("staged", _, "primary") => (&["primary"], false),
        // It makes room, unless the primary does.
        ("retiring", "revoke_first", "primary") => (&["primary"], true),
        _ => (&["primary", "secondary"], true),
    };
    Expected { ended, minted }
}

#[track_caller]
fn contains(world: &World, phase: &str, order: &str, scope: &str) {
    let case = format!("{phase}, {order}, {scope}");
    let before = world.key();
    assert_eq!(before.phase(), phase);
    let slots: &[&str] = match phase {
        "single" => &["primary"],
        _ => &["primary", "secondary"],
    };
    let held: Vec<_> = slots.iter().map(|slot| world.delivered(slot)).collect();
    let Expected { ended, minted } = expected(phase, order, scope);

    world.write(&world.config().with(&block("INC-42", order, scope)));
    let planned = world.ws.plan().ok().code(2);
    let id = before.text("primary.key_id");
    planned
        .warns(&[
            "payments: EMERGENCY INC-42",
            "a laptop was stolen",
            &id,
            &format!(
                "In all {}, {}.",
                match ended.len() {
                    1 => "1 key is revoked".to_owned(),
                    count => format!("{count} keys are revoked"),
                },
                if minted {
                    "1 key is minted"
                } else {
                    "no key is minted"
                }
            ),
        ])
        .reads_warnings(&format!("emergency-{phase}-{order}-{scope}").replace('_', "-"));
    let change = world.ws.change(KEY);
    assert_eq!(change.after("last_action"), "emergency", "{case}");
    world.ws.apply_plan().ok();

    for (slot, (id, secret)) in slots.iter().zip(&held) {
        let lives = world.cloud.accepts(id, secret);
        assert_eq!(lives, !ended.contains(slot), "{case}: {slot} {id}");
    }
    world.in_order();
    let key = world.key();
    assert_eq!(key.generation(), before.generation() + 1, "{case}");
    assert_eq!(key.text("last_action"), "emergency", "{case}");
    assert_eq!(key.status(), "ok", "{case}: {}", key.text("status_reason"));
    let (primary, _) = world.delivered("primary");
    assert_eq!(!held.iter().any(|(id, _)| *id == primary), minted, "{case}");

    // The same id does nothing again, and neither does its removal.
    world.ws.plan().ok().code(0);
    world.write(&world.config());
    world.ws.apply().ok();
    assert_eq!(world.delivered("primary").0, primary, "{case}");
    world.write(&world.config().with(&block("INC-42", order, scope)));
    world.ws.apply().ok();
    assert_eq!(world.delivered("primary").0, primary, "{case}");
}

/// Every order and scope, each in a world of its own.
fn each(phase: &str, live: impl Fn(World) -> World + Sync) {
    let cases = ORDERS
        .iter()
        .flat_map(|order| SCOPES.map(|scope| (*order, scope)));
    std::thread::scope(|threads| {
        for (order, scope) in cases {
            let live = &live;
            threads.spawn(move || contains(&live(World::new()), phase, order, scope));
        }
    });
}

#[test]
fn a_key_that_stands_alone_is_replaced_and_refused_after_one_apply() {
    each("single", World::created);
}

#[test]
fn a_staged_key_takes_the_place_of_a_compromised_primary_unless_it_is_compromised_too() {
    each("staged", |world| world.created().staged());
}

#[test]
fn a_retiring_key_makes_room_or_stays_beside_the_new_one() {
    each("retiring", |world| world.created().staged().promoted());
}
