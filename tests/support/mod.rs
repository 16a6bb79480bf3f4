//! What the tests share: the real CLI around the real binary, servers, and stand-ins for the world outside.

#[cfg(unix)]
pub mod action;
#[cfg(unix)]
pub mod authority;
pub mod child;
#[cfg(unix)]
pub mod cli;
#[cfg(unix)]
pub mod cloudtrail;
#[cfg(unix)]
pub mod core;
pub mod doppler;
pub mod fake;
#[cfg(unix)]
pub mod foreign;
pub mod forms;
pub mod gate;
pub mod github;
pub mod github_alerts;
pub mod golden;
pub mod google;
pub mod infisical;
pub mod keyring;
#[cfg(unix)]
pub mod keys;
#[cfg(unix)]
pub mod kubernetes;
pub mod moto;
#[cfg(unix)]
pub mod openbao;
#[cfg(unix)]
pub mod outcome;
#[cfg(unix)]
pub mod postgres;
pub mod prism;
pub mod programs;
#[cfg(unix)]
pub mod receiver;
pub mod service;
#[cfg(unix)]
pub mod state;
pub mod stripe;
pub mod twilio;
#[cfg(unix)]
pub mod workspace;
#[cfg(unix)]
pub mod world;
pub mod wrap;
#[cfg(unix)]
pub mod zip;

/// Serves [`foreign`] on the socket that it announces on file descriptor 3 (stdout belongs to the test harness).
#[cfg(unix)]
#[test]
#[ignore = "not a test: a plugin process that the CLI starts"]
fn the_foreign_plugin() {
    let announcement = std::fs::OpenOptions::new().write(true).open("/dev/fd/3");
    let Ok(announcement) = announcement else {
        return;
    };
    apikey::protocol::run_with(announcement, |_| foreign::registry());
    std::process::exit(0);
}

/// Whether the tests run as the superuser, who may do everything.
#[cfg(unix)]
pub fn is_superuser() -> bool {
    use std::os::unix::fs::MetadataExt;
    tempfile::tempdir()
        .unwrap()
        .path()
        .metadata()
        .unwrap()
        .uid()
        == 0
}

/// Writes over whatever stands at a place now.
pub async fn write_over(
    store: &dyn apikey::stores::Store,
    document: &apikey::stores::Document,
    token: &str,
) -> apikey::error::Result<apikey::stores::Receipt> {
    let seen = store.observe().await?;
    let written = store.write(document, token, &seen.version).await?;
    written.completed(&store.place())
}

/// Removes whatever stands at a place now.
pub async fn remove_now(store: &dyn apikey::stores::Store) -> apikey::error::Result<()> {
    let seen = store.observe().await?;
    store.remove(&seen.version).await
}
