//! Every integration test, in one binary of modules.

/// Amazon Web Services, against moto and against servers that misbehave.
mod aws;
/// Time between plans and applies.
#[cfg(unix)]
mod clock;
/// Deliveries that change behind our back or on purpose.
#[cfg(unix)]
mod deliveries;
/// What people edit while keys live.
#[cfg(unix)]
mod edits;
/// Every example of the documentation, applied.
#[cfg(unix)]
mod examples;
/// The store `file` with real files, shells, readers and processes.
#[cfg(unix)]
mod file_store;
/// The whole life of a key, driven through the real CLI.
#[cfg(unix)]
mod lifecycle;
/// The plugin protocol over its socket and under the real command line.
mod protocol;
/// Destroying, replacing, importing.
#[cfg(unix)]
mod replacement;
/// The real CLI, servers and contexts that tests start from.
#[cfg(unix)]
mod support;
/// The request of `verification` against a real server.
mod verification;
