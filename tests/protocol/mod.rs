//! The plugin protocol, spoken to a real plugin process over its socket with mutual TLS.
//!
//! The plugin is this test binary itself: [`the_demo_plugin`] serves a small provider when a test, or the
//! `terraform` command line, starts it as one.

mod calls;
pub mod client;
mod debug;
mod demo;
mod demo_newer;
mod features;
mod hostile;
mod killed;
mod lifecycle;
mod newer;
mod real_life;
mod rotations;
mod terraform;

/// Serves the demo provider on the socket that it announces on file descriptor 3 (stdout belongs to
/// the test harness).
#[test]
#[ignore = "not a test: the plugin process that the tests start"]
fn the_demo_plugin() {
    let announcement = std::fs::OpenOptions::new().write(true).open("/dev/fd/3");
    let Ok(announcement) = announcement else {
        return;
    };
    apikey::protocol::run_with(announcement, demo::registry);
    std::process::exit(0);
}
