//! The provider is killed before and after every effect of every action, with the real CLI and real servers. One more
//! apply later no key is lost, none is orphaned, every delivery has the same working primary, and no key that was
//! to live is dead.
//!
//! The points are not listed here: an undisturbed run of each action tells which there are.

mod asleep;
mod crowd;
mod keys;
mod loss;
mod matrix;
mod order;
mod repeated;
mod scenes;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;

use matrix::Matrix;
use scenes::Scene;

/// Something that happens to a key, so that an action is due.
type Trouble = fn(&Scene);

/// An action, what makes it due, and the phase that it leads to.
type Step = (&'static str, Trouble, &'static str);

/// A rotation by the clock.
const STEPS: [Step; 3] = [
    ("stage", |scene| scene.at_rotation("80s"), "staged"),
    ("promote", |scene| scene.at_rotation("100s"), "retiring"),
    ("revoke", |scene| scene.at_rotation("30s"), "single"),
];

/// A scene waits most of its time, for leases to end and for keys to be accepted again, so that some play side by side.
const SCENES: usize = 4;

/// The points that are left are shared out among the first scene and others like it.
fn side_by_side(
    matrix: Matrix,
    first: Scene,
    another: impl Fn() -> Scene + Sync,
    play: impl Fn(&Scene, &Cells) + Sync,
) -> Matrix {
    let cells = Cells(Mutex::new(matrix));
    thread::scope(|scope| {
        let (cells, another, play) = (&cells, &another, &play);
        scope.spawn(move || play(&first, cells));
        for _ in 1..SCENES {
            scope.spawn(move || play(&another(), cells));
        }
    });
    cells.0.into_inner().unwrap()
}

/// The matrix that the scenes fill together.
struct Cells(Mutex<Matrix>);

impl Cells {
    fn matrix(&self) -> MutexGuard<'_, Matrix> {
        self.0.lock().unwrap()
    }

    fn have_more(&self) -> bool {
        self.matrix().has_more()
    }

    /// Kills at the next point of an action, if one is left.
    fn kill_next(&self, action: &str, kill: impl FnOnce(&str) -> Result<(), String>) -> bool {
        let next = self.matrix().next(action);
        let Some(point) = next else {
            return false;
        };
        let result = kill(&point);
        self.matrix().note(action, &point, result);
        true
    }
}

/// A key that exists, and of which nothing is due.
fn settled(scene: Scene) -> Scene {
    scene.settle("single");
    scene
}

/// The life of a key: each of its steps is killed at the next of its points, until every point had its turn.
fn live(mut matrix: Matrix, steps: &[Step], new: impl Fn() -> Scene + Sync) -> Matrix {
    let scene = settled(new());
    for (action, trouble, phase) in steps {
        trouble(&scene);
        matrix.discover(action, scene.passes());
        scene.settle(phase);
    }
    let play = |scene: &Scene, cells: &Cells| {
        let steps = steps.iter().cycle().take_while(|_| cells.have_more());
        for (action, trouble, phase) in steps {
            trouble(scene);
            cells.kill_next(action, |point| scene.kill(point, phase));
            scene.settle(phase);
        }
    };
    side_by_side(matrix, scene, || settled(new()), play)
}

#[test]
fn a_rotation_survives_a_kill_at_any_point() {
    live(Matrix::new("rotation"), &STEPS, Scene::that_deploys).judge(20);
}

/// Nobody has a list of such keys: what the documents lose is lost.
#[test]
fn a_key_that_only_documents_hold_survives_a_kill_after_any_effect() {
    let by_the_clock = STEPS.iter().copied();
    let steps: Vec<Step> = by_the_clock
        .chain([
            ("trigger", Scene::ask_for_a_rotation as Trouble, "retiring"),
            ("revoke", |scene| scene.at_rotation("30s"), "single"),
            ("move", Scene::move_a_delivery, "single"),
        ])
        .collect();
    let matrix = Matrix::of_effects("rotation of documents");
    live(matrix, &steps, Scene::generated).judge(14);
}

/// A first key, and its end.
fn be_born_and_die(mut matrix: Matrix, new: impl Fn() -> Scene + Sync) -> Matrix {
    let scene = new();
    matrix.discover("create", scene.passes());
    matrix.discover("destroy", scene.passes_to_destroy());
    let play = |scene: &Scene, cells: &Cells| {
        while cells.have_more() {
            let kill = |point: &str| match point {
                "create:apply:after#1" => scene.kill_unheard(point),
                _ => scene.kill(point, "single"),
            };
            if !cells.kill_next("create", kill) {
                scene.settle("single");
            }
            if !cells.kill_next("destroy", |point| scene.kill_destroy(point)) {
                scene.ws().destroy().ok();
            }
        }
    };
    side_by_side(matrix, scene, new, play)
}

#[test]
fn a_creation_and_a_destruction_survive_a_kill_at_any_point() {
    be_born_and_die(Matrix::new("birth and death"), || Scene::new("")).judge(14);
}

#[test]
fn a_creation_and_a_destruction_of_documents_survive_a_kill_after_any_effect() {
    be_born_and_die(
        Matrix::of_effects("birth and death of documents"),
        Scene::generated,
    )
    .judge(7);
}

#[test]
fn a_repair_survives_a_kill_at_any_point() {
    let new = || settled(Scene::new(r#"on_drift = "rotate""#));
    let scene = new();
    let mut matrix = Matrix::new("repairs");
    let troubles: [(&str, Trouble); 3] = [
        ("deliver", Scene::lose_the_file),
        ("replace", Scene::lose_the_primary),
        ("revoke_pending", Scene::leave_an_orphan),
    ];
    for (action, trouble) in troubles {
        trouble(&scene);
        matrix.discover(action, scene.passes());
        scene.settle("single");
    }
    let play = |scene: &Scene, cells: &Cells| {
        while cells.have_more() {
            for (action, trouble) in troubles {
                cells.kill_next(action, |point| {
                    trouble(scene);
                    scene.kill(point, "single")
                });
            }
        }
    };
    side_by_side(matrix, scene, new, play).judge(14);
}

/// An emergency that is killed is finished by the next apply, with the id that was handled once.
fn contain(mut matrix: Matrix, orders: &[&str], new: impl Fn() -> Scene + Sync) -> Matrix {
    static IDS: AtomicU32 = AtomicU32::new(0);
    let next_id = || format!("INC-{}", IDS.fetch_add(1, Ordering::Relaxed));
    let scene = settled(new());
    for order in orders {
        scene.declare(&next_id(), order);
        matrix.discover(order, scene.passes());
        scene.settle("single");
    }
    let play = |scene: &Scene, cells: &Cells| {
        while cells.have_more() {
            for order in orders {
                cells.kill_next(order, |point| {
                    scene.kill_emergency(point, &next_id(), order)
                });
            }
        }
    };
    side_by_side(matrix, scene, || settled(new()), play)
}

#[test]
fn an_emergency_survives_a_kill_at_any_point() {
    let orders = ["replace_first", "revoke_first"];
    contain(Matrix::new("emergency"), &orders, Scene::that_deploys).judge(14);
}

#[test]
fn an_emergency_of_documents_survives_a_kill_after_any_effect() {
    let matrix = Matrix::of_effects("emergency of documents");
    contain(matrix, &["replace_first"], Scene::generated).judge(4);
}

/// Within the lease of an apply that was killed nobody knows what became of it: whoever plans waits, restores nothing and
/// imports nothing, and the key is as compromised as before.
#[test]
fn an_emergency_that_was_cut_off_a_moment_ago_is_waited_for() {
    let scene = Scene::new("");
    scene.settle("single");
    for (id, point) in [
        ("INC-A", "replace:mint:done#1"),
        ("INC-B", "contain:revoke:begun#1"),
    ] {
        scene.cut_off(point, id, "replace_first");
        let emergency = format!("EMERGENCY {id}");
        let plan = scene.ws().plan().ok().code(2);
        plan.warns(&[
            "another apply is at work on this key",
            "Plan again when it is over",
        ])
        .warns(&[&emergency])
        .does_not_warn("there is no room");
        scene
            .ws()
            .run(&["apply", "-refresh-only", "-auto-approve", "-json"])
            .ok();
        let key = scene.ws().key("k");
        assert_eq!(key.status(), "compromised");
        for part in [emergency.as_str(), "plan again when it is over"] {
            assert!(key.reason().contains(part), "{}", key.reason());
        }
        // It waits for the lease, and what it finds then is what no plan has shown.
        let refused = scene.ws().apply().failed();
        refused.complains(&["an apply that did not finish left key", "Plan again"]);
        scene.settle("single");
        assert_eq!(scene.is_in_order(&[]), Ok(()));
    }
}
