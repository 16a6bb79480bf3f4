//! Tests through the public interface, in one binary of modules.

/// Time between plans and applies.
#[cfg(unix)]
mod clock;
/// Deliveries that change behind our back or on purpose.
#[cfg(unix)]
mod deliveries;
/// What people edit while keys live.
#[cfg(unix)]
mod edits;
/// The store `file` with real files, shells, readers and processes.
#[cfg(unix)]
mod file_store;
/// The whole life of a key, driven through the real CLI.
#[cfg(unix)]
mod lifecycle;
/// Destroying, replacing, importing.
#[cfg(unix)]
mod replacement;
/// What the tests share.
#[cfg(unix)]
mod support;
/// The request of `verification` against a real server.
mod verification;
