//! Every integration test, in one binary of modules.

/// Amazon Web Services, against moto and against servers that misbehave.
mod aws;
/// The whole life of keys on AWS, driven through the real CLI against a server that checks signatures and policies.
#[cfg(unix)]
mod aws_life;
/// Time between plans and applies.
#[cfg(unix)]
mod clock;
/// What people edit while keys live.
#[cfg(unix)]
mod edits;
/// The store `file` with real files, shells, readers and processes.
#[cfg(unix)]
mod file_store;
/// The whole life of a key, driven through the real CLI.
#[cfg(unix)]
mod lifecycle;
/// The plugin protocol over its socket and under the real command line.
mod protocol;
/// The real CLI, servers and contexts that tests start from.
mod support;
/// The request of `verification` against a real server.
mod verification;
