//! `credential_process`: a command that prints credentials.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::credentials::Held;
use super::document;
use crate::error::{Error, Kind, Result};

/// It ends a command that waits for something.
const LONGEST: Duration = Duration::from_secs(60);

/// Runs the command, as the shell understands it. What it prints may hold a secret and is never shown.
pub async fn credentials(command: &str, origin: &str) -> Result<Held> {
    let (shell, option) = match cfg!(windows) {
        true => ("cmd.exe", "/C"),
        false => ("sh", "-c"),
    };
    let running = Command::new(shell)
        .args([option, command])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match timeout(LONGEST, running).await {
        Err(_) => return Err(not_in_time(origin)),
        Ok(Err(_)) => return Err(failed(origin, "could not be started")),
        Ok(Ok(output)) => output,
    };
    let printed = Zeroizing::new(output.stdout);
    match output.status.code() {
        Some(0) => document::read(&printed, &format!("credential_process of {origin}")),
        Some(code) => Err(failed(origin, &format!("ended with exit status {code}"))),
        None => Err(failed(origin, "was ended by a signal")),
    }
}

fn failed(origin: &str, how: &str) -> Error {
    Error::new(
        Kind::Unavailable,
        "The AWS credentials could not be obtained",
        format!(
            "The command of credential_process {how}. It is that of {origin}. What it printed may hold a secret and is \
             not shown; run it by hand to see it."
        ),
    )
}

fn not_in_time(origin: &str) -> Error {
    Error::new(
        Kind::Unavailable,
        "The AWS credentials were not found in time",
        format!(
            "The command of credential_process of {origin} took longer than {} seconds and was ended. Check that it ends \
             without asking anything.",
            LONGEST.as_secs()
        ),
    )
}
