//! Actions that are killed in the middle: the next to come finds what they left, at an issuer that lists its keys.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::features::{Home, REVOKE, run};
use crate::aws_life::HandMade;
use crate::ledger::samples::sqlite;
use crate::support::core::Object;

const KEY: &str = "apikey_managed";
/// Longer than the lease of the lock that a dead process holds.
const LEASE: Duration = Duration::from_secs(3);

/// The points that an action passes and at which it is killed. A cell takes seconds, so those at which little can be
/// half done are left out unless `APIKEY_CRASHES=all` asks for them.
fn cells(home: &Home) -> Vec<String> {
    let all = std::env::var("APIKEY_CRASHES").is_ok_and(|which| which == "all");
    let passed = std::fs::read_to_string(home.path("points")).unwrap();
    let telling = |point: &&str| {
        all || ["mint:done", "deliver:begun", "revoke:done", "apply:done"]
            .iter()
            .any(|cell| point.contains(cell))
    };
    let cells: Vec<String> = passed.lines().filter(telling).map(str::to_owned).collect();
    assert!(cells.len() > 1, "{passed}");
    cells
}

/// Plays all cells at a time: each waits most of its own.
fn side_by_side(cells: Vec<String>, play: impl Fn(&str) + Sync) {
    thread::scope(|scope| {
        let play = &play;
        for cell in cells {
            scope.spawn(move || play(&cell));
        }
    });
}

#[test]
fn a_rotation_by_an_action_that_is_killed_loses_no_key_and_leaves_none() {
    let whole = Rotation::new();
    whole.rotate("APIKEY_KILL_LOG", "points").unwrap();
    whole.is_sound("an undisturbed rotation");
    side_by_side(cells(&whole.home), |cell| {
        let cut = Rotation::new();
        let killed = cut.rotate("APIKEY_KILL", cell);
        assert!(killed.is_err(), "{cell} was not passed");
        thread::sleep(LEASE);
        cut.is_sound(cell);
    });
}

/// A key of an IAM user that is about to be rotated by the action.
struct Rotation {
    home: Home,
    user: String,
    created: Object,
}

impl Rotation {
    fn new() -> Self {
        let home = Home::new();
        let (user, _) = home.user("cut", 0);
        let created = apply(&home, &user, &Object::absent());
        Self {
            home,
            user,
            created,
        }
    }

    fn rotate(&self, variable: &str, value: &str) -> Result<(), String> {
        let key: Value = serde_json::from_str(&self.created.state.json()).unwrap();
        act(
            &self.home,
            (variable, value),
            "apikey_rotate_now",
            json!({ "key": key }),
        )
    }

    /// One more apply, and the issuer has the keys of the state and no other; what is delivered works.
    fn is_sound(&self, cell: &str) {
        let after = apply(&self.home, &self.user, &self.created);
        let state: Value = serde_json::from_str(&after.state.json()).unwrap();
        let held = ["primary", "secondary"].map(|slot| state[slot]["key_id"].as_str());
        let held: BTreeSet<&str> = held.into_iter().flatten().collect();
        let there = self.home.cloud.ids_of(&self.user);
        let there: BTreeSet<&str> = there.iter().map(String::as_str).collect();
        assert_eq!(there, held, "{cell}");

        let document = std::fs::read(self.home.path("a.json")).unwrap();
        let document: Value = serde_json::from_slice(&document).unwrap();
        let served = |name: &str| document["primary"][name].as_str().unwrap();
        assert_eq!(state["primary"]["key_id"], served("key_id"), "{cell}");
        let works = self.home.cloud.accepts(served("key_id"), served("secret"));
        assert!(works, "{cell}");
    }
}

fn apply(home: &Home, user: &str, before: &Object) -> Object {
    let config = json!({
        "name": "payments",
        "policy": { "name": "p", "rotation_interval": "90d", "grace_period": "1d" },
        "issuer": { "aws_iam": { "user_name": user } },
        "deliveries": { "a": { "file": { "path": "a.json" } } },
    });
    run(async {
        let mut core = home.core().await;
        let config = core.config(KEY, config);
        core.run(KEY, before, &config).await.unwrap()
    })
}

#[test]
fn a_revocation_by_an_action_that_is_killed_can_be_repeated() {
    let whole = Home::new();
    revoke(&whole, ("APIKEY_KILL_LOG", "points")).0.unwrap();
    side_by_side(cells(&whole), |cell| {
        let home = Home::new();
        let (killed, user, keys) = revoke(&home, ("APIKEY_KILL", cell));
        assert!(killed.is_err(), "{cell} was not passed");
        thread::sleep(LEASE);
        let config = named(&user, &keys[0].id);
        act(&home, ("APIKEY_KILL", ""), REVOKE, config).unwrap();
        assert_eq!(home.cloud.ids_of(&user), [keys[1].id.clone()], "{cell}");
        run(async {
            let ledger = sqlite(&home.path(".terraform/apikey/ledger.db"), LEASE);
            let verdict = ledger.verify(None).await.unwrap();
            assert!(verdict.sound > 0 && verdict.broken.is_none(), "{cell}");
        });
    });
}

/// Revokes the first of two keys of a new user.
fn revoke(home: &Home, variable: (&str, &str)) -> (Result<(), String>, String, Vec<HandMade>) {
    let (user, keys) = home.user("leak", 2);
    let config = named(&user, &keys[0].id);
    (act(home, variable, REVOKE, config), user, keys)
}

fn named(user: &str, key_id: &str) -> Value {
    json!({ "issuer": { "aws_iam": { "user_name": user } }, "key_id": key_id })
}

/// Invokes an action; whatever keeps it from its end is an error.
fn act(home: &Home, variable: (&str, &str), name: &str, config: Value) -> Result<(), String> {
    run(async {
        let mut core = home.core_with(&[variable]).await;
        let done = core.action(name, config).await;
        done.map(drop)
            .map_err(|(said, errors)| format!("{said:?} {errors:?}"))
    })
}
