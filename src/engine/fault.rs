//! Points at which a test kills the provider. Release builds have none of them.
//!
//! `APIKEY_KILL=<action>:<effect>:<moment>` names one, such as `stage:mint:done`; the moments of an effect are
//! `before` its intent, `begun`, `done` and `after` its outcome. `APIKEY_KILL_LOG` lists those that were passed.

use crate::ledger::Intent;

/// Passes a point, or dies there.
#[cfg(not(debug_assertions))]
pub fn point(_: &Intent, _: &str) {}

/// Passes a point, or dies there.
#[cfg(debug_assertions)]
pub fn point(intent: &Intent, moment: &str) {
    use std::io::Write;

    let wanted = std::env::var("APIKEY_KILL").ok();
    let log = std::env::var_os("APIKEY_KILL_LOG");
    if wanted.is_none() && log.is_none() {
        return;
    }
    let word = crate::ledger::Effect::WORDS
        .iter()
        .find(|(_, effect)| *effect == intent.effect)
        .map_or("", |(word, _)| word);
    let name = format!("{}:{word}:{moment}", intent.action);
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
}

/// No destructor runs, no buffer is flushed, nobody is told.
#[cfg(debug_assertions)]
fn die() {
    let pid = std::process::id().to_string();
    let _ = std::process::Command::new("kill")
        .args(["-KILL", &pid])
        .status();
    std::process::abort();
}
