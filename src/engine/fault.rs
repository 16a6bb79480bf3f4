//! Points at which a test kills or suspends the provider. Release builds have none of them.
//!
//! `APIKEY_KILL=<action>:<effect>:<moment>#<count>` names one, such as `stage:deliver:done#2` for the second delivery of
//! a staging; the moments of an effect are `before` its intent, `begun`, `done` and `after` its outcome.
//! `APIKEY_SUSPEND` names one at which it stops until somebody lets it go on.
//! `APIKEY_KILL_LOG` names a file that lists those that were passed.

use crate::ledger::Intent;

/// Passes a point of an effect, or dies there.
pub fn point(intent: &Intent, moment: &str) {
    pass(&format!("{}:{}:{moment}", intent.action, intent.effect));
}

/// Passes a point, or dies there.
#[cfg(not(debug_assertions))]
pub fn pass(_: &str) {}

/// Passes a point, or dies there.
#[cfg(debug_assertions)]
pub fn pass(name: &str) {
    use std::io::Write;

    let wanted = std::env::var("APIKEY_KILL").ok();
    let asleep = std::env::var("APIKEY_SUSPEND").ok();
    let log = std::env::var_os("APIKEY_KILL_LOG");
    if wanted.is_none() && asleep.is_none() && log.is_none() {
        return;
    }
    let name = counted(name.to_owned());
    if let Some(log) = log
        && let Ok(mut log) = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
    {
        let _ = writeln!(log, "{name}");
    }
    if wanted.as_deref() == Some(&name) {
        die();
    }
    if asleep.as_deref() == Some(&name) {
        signal("-STOP");
        // The signal is for the process, and whichever thread takes it stops the others, in its own time.
        std::thread::sleep(std::time::Duration::from_secs(2));
    }
}

/// How often a point was passed by now is part of its name.
#[cfg(debug_assertions)]
fn counted(name: String) -> String {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};

    static PASSED: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
    let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    let count = passed.entry(name.clone()).or_default();
    *count += 1;
    format!("{name}#{count}")
}

/// No destructor runs, no buffer is flushed, nobody is told.
#[cfg(debug_assertions)]
fn die() {
    signal("-KILL");
    std::process::abort();
}

#[cfg(debug_assertions)]
fn signal(name: &str) {
    let pid = std::process::id().to_string();
    let _ = std::process::Command::new("kill")
        .args([name, &pid])
        .status();
}
