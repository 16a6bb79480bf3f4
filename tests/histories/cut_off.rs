//! The crash matrix where it costs nothing: the provider is killed at every moment of an apply, in the world in memory. What
//! comes next finishes it, once, and meanwhile nobody is without a key who did not ask for that.

use std::collections::BTreeSet;

use super::effects::apply;
use super::events::{Edit, End, Event};
use super::player::Player;

/// What led up to the apply that is killed, and what comes after it until the key is at rest.
struct Scene {
    name: String,
    before: Vec<Event>,
    after: Vec<Event>,
    /// How many keys are primary after it that were not when the apply began.
    rotations: i64,
    /// The compromised keys are to die. `revoke_first` accepts an outage until then.
    contains: Option<Contained>,
}

struct Contained {
    revoke_first: bool,
    all: bool,
}

impl Scene {
    fn new(name: impl Into<String>, before: Vec<Event>, after: Vec<Event>, rotations: i64) -> Self {
        Self {
            name: name.into(),
            before,
            after,
            rotations,
            contains: None,
        }
    }
}

/// The slowest policy: what is killed is at rest before anything else is due.
fn slow() -> Vec<Event> {
    vec![
        Event::Edit(Edit::Policy(3)),
        Event::Edit(Edit::Deployment(Some(true))),
    ]
}

fn waits(seconds: &[u32]) -> Vec<Event> {
    let steps = seconds.iter();
    steps
        .flat_map(|wait| [Event::Wait(*wait), apply()])
        .collect()
}

fn joined(parts: &[&[Event]]) -> Vec<Event> {
    parts.concat()
}

/// The rotation of somebody's key who has left, and which is not due otherwise: staged, promoted, revoked.
fn offboarding() -> Vec<Scene> {
    let created = joined(&[&slow(), &[Event::Edit(Edit::Owner(1)), apply(), apply()]]);
    let left = joined(&[&created, &[Event::Edit(Edit::Offboarded(2))]]);
    rotation("offboarding", &left, 45)
}

/// The same with an environment that comes first and has soaked.
fn gated() -> Vec<Scene> {
    let due = joined(&[&ordered(), &[Event::PromoteBefore(true)]]);
    rotation("gated", &due, 45)
}

/// What waits for an environment is not promoted by being killed.
fn closed() -> Vec<Scene> {
    let staged = [apply(), Event::Wait(45), Event::PromoteBefore(false)];
    let due = joined(&[&ordered(), &staged]);
    vec![Scene::new("closed", due, waits(&[60]), 0)]
}

/// A key of `prod` whose rotation is due to be staged.
fn ordered() -> Vec<Event> {
    let created = [
        Event::Edit(Edit::Ordered(true)),
        apply(),
        apply(),
        Event::Wait(365),
    ];
    joined(&[&slow(), &created])
}

/// The three steps of a rotation whose first is due after `due`.
fn rotation(name: &str, due: &[Event], delay: u32) -> Vec<Scene> {
    let staged = joined(&[due, &[apply(), Event::Wait(delay)]]);
    let retiring = joined(&[&staged, &[apply(), Event::Wait(105)]]);
    vec![
        Scene::new(
            format!("{name}: stage"),
            due.to_vec(),
            waits(&[delay, 105, delay]),
            1,
        ),
        Scene::new(format!("{name}: promote"), staged, waits(&[105, delay]), 1),
        Scene::new(format!("{name}: revoke"), retiring, waits(&[delay]), 0),
    ]
}

fn emergencies() -> Vec<Scene> {
    let single = joined(&[&slow(), &[apply(), apply()]]);
    let staged = joined(&[&single, &[Event::Wait(365), apply()]]);
    let retiring = joined(&[&staged, &waits(&[45])]);
    let mut scenes = Vec::new();
    for (phase, before) in [
        ("single", single),
        ("staged", staged),
        ("retiring", retiring),
    ] {
        for (revoke_first, all) in [(false, false), (false, true), (true, false), (true, true)] {
            let declared = Edit::Emergency {
                revoke_first,
                all,
                break_glass: false,
            };
            let before = joined(&[&before, &[Event::Edit(declared)]]);
            let name = format!("{phase}, revoke_first {revoke_first}, all {all}");
            let contains = Some(Contained { revoke_first, all });
            let scene = Scene::new(name, before, waits(&[105]), 1);
            scenes.push(Scene { contains, ..scene });
        }
    }
    scenes
}

/// The ids in the slots, the primary first.
fn slots(player: &Player) -> Vec<String> {
    let kept = player.kept.as_ref().unwrap();
    let slots = kept.state.managed(&kept.private).unwrap().slots.unwrap();
    let keys = [Some(&slots.primary), slots.secondary_key()];
    let ids = keys.into_iter().flatten();
    ids.filter_map(|key| key.key_id.clone()).collect()
}

/// Whether the apply of a scene was killed at this moment, after which all is well; `false` if it came to its end before.
async fn survives(scene: &Scene, moment: u32) -> Result<bool, String> {
    let mut player = Player::new();
    for event in &scene.before {
        player.live(event).await?;
    }
    let (old, generation) = (slots(&player), player.generation());
    player.diary.clear();
    let end = End {
        killed: Some(moment),
        ..End::default()
    };
    player.live(&killed(end)).await?;
    if !player.diary().contains("nobody heard of its end") {
        return Ok(false);
    }
    let finished = is_finished(scene, &mut player, &old, generation).await;
    finished.map_err(|why| format!("{why}\n{}", player.diary()))?;
    Ok(true)
}

async fn is_finished(
    scene: &Scene,
    player: &mut Player,
    old: &[String],
    generation: i64,
) -> Result<(), String> {
    let is_served = player.places_that_lead_with_a_live_key() == player.wanted();
    let accepts_an_outage = scene.contains.as_ref().is_some_and(|it| it.revoke_first);
    if !is_served && !accepts_an_outage {
        return Err("somebody reads a key that is dead after the kill".into());
    }
    player.live(&apply()).await?;
    if let Some(contained) = &scene.contains {
        let compromised = &old[..if contained.all { old.len() } else { 1 }];
        let live = player.world.live();
        if let Some(alive) = compromised.iter().find(|id| live.contains(*id)) {
            return Err(format!(
                "{alive} is compromised and alive after the next apply"
            ));
        }
    }
    for event in &scene.after {
        player.live(event).await?;
    }
    let rotations = player.generation() - generation;
    if rotations != scene.rotations {
        return Err(format!("it was rotated {rotations} times"));
    }
    let known: BTreeSet<String> = slots(player).into_iter().collect();
    if player.world.live() != known {
        return Err(format!(
            "{:?} live, {known:?} are known",
            player.world.live()
        ));
    }
    match player.places_that_lead_with_a_live_key() == player.wanted() {
        true => player.everybody_has_heard().await,
        false => Err("a place leads with a dead key in the end".into()),
    }
}

fn killed(end: End) -> Event {
    Event::Apply {
        refresh: true,
        late: 0,
        faults: 0,
        refuse_probes: false,
        between: false,
        end,
    }
}

/// Every scene, killed at every moment.
async fn plays(scenes: Vec<Scene>, at_least: u32) {
    let mut failed = Vec::new();
    let mut cells = 0;
    // Few of them differ from the one before; `APIKEY_CRASHES=all` kills at all.
    let all = std::env::var("APIKEY_CRASHES").is_ok_and(|which| which == "all");
    let stride = if all { 1 } else { 5 };
    for (number, scene) in scenes.iter().enumerate() {
        // Each scene begins elsewhere.
        let mut moment = number as u32 % stride;
        loop {
            match survives(scene, moment).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(why) => failed.push(format!("{}, killed at {moment}: {why}", scene.name)),
            }
            moment += stride;
            assert!(moment < 300, "{}", failed.join("\n"));
        }
        assert!(moment > 0, "{} has nothing to kill", scene.name);
        cells += moment / stride;
    }
    println!("{cells} cells");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(cells >= at_least, "{cells} cells");
}

#[tokio::test(start_paused = true)]
async fn the_rotation_for_an_owner_who_left_survives_a_kill_at_any_moment_and_happens_once() {
    plays(offboarding(), 15).await;
}

#[tokio::test(start_paused = true)]
async fn a_promotion_that_waits_for_its_turn_survives_a_kill_at_any_moment() {
    plays(joined_scenes([gated(), closed()]), 15).await;
}

#[tokio::test(start_paused = true)]
async fn an_emergency_in_any_phase_order_and_scope_survives_a_kill_at_any_moment() {
    plays(emergencies(), 120).await;
}

fn joined_scenes<const N: usize>(all: [Vec<Scene>; N]) -> Vec<Scene> {
    all.into_iter().flatten().collect()
}
