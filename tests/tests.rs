//! Every integration test, in one binary of modules.

/// Amazon Web Services, against moto and against servers that misbehave.
/// The store `file` with real files, shells, readers and processes.
#[cfg(unix)]
/// The plugin protocol over its socket and under the real command line.
/// Servers and contexts that tests start from.
/// Time between plans and applies.
#[cfg(unix)]
/// What people edit while keys live.
#[cfg(unix)]
/// The store `file` with real files, shells, readers and processes.
#[cfg(unix)]
/// The whole life of a key, driven through the real CLI.
#[cfg(unix)]
/// What the tests share.
#[cfg(unix)]
/// The request of `verification` against a real server.

mod aws;
mod clock;
mod edits;
mod file_store;
mod lifecycle;
mod protocol;
mod support;
mod verification;
