//! The provider is killed at every point of a rotation, those around the sending among them: nothing that happened goes untold,
//! and nothing is told twice but for what was sent a moment before the end, which comes again under the same id.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use super::{body, provider, reaching};
use crate::support::keys::Config;
use crate::support::receiver::{Arrived, Receiver};
use crate::support::workspace::Workspace;

/// How long the lock of a killed apply outlives it, and a little more.
const LEASE: Duration = Duration::from_secs(3);

/// How many lives are lived side by side: they wait most of their time, for locks.
const LIVES: usize = 6;

/// Slow enough for a message that was taken by whoever was killed to be free again in between.
const POLICY: &str = r#"
  rotation_interval = "1000s"
  stage_before      = "500s"
  propagation_delay = "5s"
  grace_period      = "100s"
  notifications     = { hook = { events = ["staged", "promoted", "revoked"] } }
"#;

/// The steps of a rotation, and how long after the one before each is due.
const STEPS: [(&str, &str); 3] = [("500s", "stage"), ("500s", "promote"), ("110s", "revoke")];

fn new(receiver: &Receiver) -> Workspace {
    let config = Config::new()
        .policy(POLICY)
        .beside(&provider(r#"ledger = { lock_lease = "2s" }"#));
    let ws = reaching(&config, receiver);
    ws.apply().ok();
    ws
}

/// Every point that a rotation passes, with its step.
fn points() -> Vec<(&'static str, String)> {
    let receiver = Receiver::start();
    let ws = new(&receiver);
    let log = ws.path("points.log");
    ws.env("APIKEY_KILL_LOG", &log.display().to_string());
    let mut points = Vec::new();
    for (wait, step) in STEPS {
        let _ = fs::remove_file(&log);
        ws.advance(wait).apply().ok();
        let passed = fs::read_to_string(&log).unwrap();
        points.extend(passed.lines().map(|point| (step, point.to_owned())));
    }
    points
}

/// A rotation whose apply is killed at one point of one step.
fn lives(killed: &str, point: &str) -> Result<(), String> {
    let receiver = Receiver::start();
    let ws = new(&receiver);
    let first = ws.key("k").text("primary.fingerprint");
    for (wait, step) in STEPS {
        ws.advance(wait);
        if step == killed {
            if ws.env("APIKEY_KILL", point).apply().code == 0 {
                return Err("was not killed".into());
            }
            ws.env("APIKEY_KILL", "");
            thread::sleep(LEASE);
            ws.advance("61s");
        }
        ws.apply().ok();
        ws.advance("6s").apply().ok();
    }
    let key = ws.key("k");
    if key.generation() != 2 || key.phase() != "single" {
        return Err(format!("{} {}", key.generation(), key.phase()));
    }
    let second = key.text("primary.fingerprint");
    let arrived = receiver.arrived();
    for (event, fingerprint) in [
        ("staged", &second),
        ("promoted", &second),
        ("revoked", &first),
    ] {
        // The ledger and what is told from it have fewer digits.
        let ids = told(&arrived, event, &fingerprint[.."sha256:".len() + 6]);
        let times = ids.len();
        let ids: BTreeSet<&str> = ids.into_iter().collect();
        let most = 1 + usize::from(point.starts_with("notify:send:done"));
        if ids.len() != 1 || times > most {
            return Err(format!("{event}: {times} times under {ids:?}"));
        }
    }
    Ok(())
}

/// The ids under which an event of a key was told.
fn told<'a>(arrived: &'a [Arrived], event: &str, key: &str) -> Vec<&'a str> {
    let of_it = arrived.iter().filter(|arrived| {
        let data = &body(arrived)["data"];
        data["event"] == event && data["key"] == key
    });
    of_it.map(|arrived| arrived.id.as_str()).collect()
}

#[test]
fn a_rotation_that_is_killed_at_any_point_is_told_once() {
    let points = points();
    assert!(points.len() >= 20, "{points:?}");
    assert!(
        points
            .iter()
            .any(|(_, point)| point.starts_with("notify:send:done"))
    );
    let (left, faults) = (Mutex::new(points), Mutex::new(Vec::new()));
    let live = || {
        loop {
            let next = left.lock().unwrap().pop();
            let Some((step, point)) = next else { break };
            if let Err(fault) = lives(step, &point) {
                faults
                    .lock()
                    .unwrap()
                    .push(format!("{step}, {point}: {fault}"));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..LIVES {
            scope.spawn(live);
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
