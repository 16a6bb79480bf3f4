//! The provider is killed before and after every effect of every action, with the real CLI and real servers. One more
//! apply later no key is lost, none is orphaned, every delivery has the same working primary, and no key that was
//! to live is dead.
//!
//! The points are not listed here: an undisturbed run of each action tells which there are.

mod asleep;
mod crowd;
mod loss;
mod matrix;
mod scenes;

use matrix::Matrix;
use scenes::Scene;

/// Something that happens to a key, so that an action is due.
type Trouble = fn(&Scene);

/// An action, how long after the last rotation it is due, and the phase that it leads to.
const STEPS: [(&str, &str, &str); 3] = [
    ("stage", "80s", "staged"),
    ("promote", "100s", "retiring"),
    ("revoke", "30s", "single"),
];

/// The life of a key: each of its steps is killed at the next of its points, until every point had its turn.
#[test]
fn a_rotation_survives_a_kill_at_any_point() {
    let scene = Scene::new("");
    let mut matrix = Matrix::new("rotation");
    scene.settle("single");
    for (action, due, phase) in STEPS {
        scene.at_rotation(due);
        matrix.discover(action, scene.passes());
        scene.settle(phase);
    }
    while matrix.has_more() {
        for (action, due, phase) in STEPS {
            scene.at_rotation(due);
            if let Some(point) = matrix.next(action) {
                matrix.note(action, &point, scene.kill(&point, phase));
            }
            scene.settle(phase);
        }
    }
    matrix.judge(20);
}

#[test]
fn a_creation_and_a_destruction_survive_a_kill_at_any_point() {
    let scene = Scene::new("");
    let mut matrix = Matrix::new("birth and death");
    matrix.discover("create", scene.passes());
    matrix.discover("destroy", scene.passes_to_destroy());
    while matrix.has_more() {
        match matrix.next("create") {
            Some(point) => matrix.note("create", &point, scene.kill(&point, "single")),
            None => scene.settle("single"),
        }
        match matrix.next("destroy") {
            Some(point) => matrix.note("destroy", &point, scene.kill_destroy(&point)),
            None => drop(scene.ws().destroy().ok()),
        }
    }
    matrix.judge(14);
}

#[test]
fn a_repair_survives_a_kill_at_any_point() {
    let scene = Scene::new(r#"on_drift = "rotate""#);
    let mut matrix = Matrix::new("repairs");
    let troubles: [(&str, Trouble); 3] = [
        ("deliver", Scene::lose_the_file),
        ("replace", Scene::lose_the_primary),
        ("revoke_pending", Scene::leave_an_orphan),
    ];
    scene.settle("single");
    for (action, trouble) in troubles {
        trouble(&scene);
        matrix.discover(action, scene.passes());
        scene.settle("single");
    }
    while matrix.has_more() {
        for (action, trouble) in troubles {
            if let Some(point) = matrix.next(action) {
                trouble(&scene);
                matrix.note(action, &point, scene.kill(&point, "single"));
            }
        }
    }
    matrix.judge(14);
}
