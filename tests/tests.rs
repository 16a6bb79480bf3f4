//! Every integration test, in one binary of modules.

/// The store `file` with real files, shells, readers and processes.
#[cfg(unix)]
mod file_store;
/// The plugin protocol over its socket and under the real command line.
mod protocol;
/// The request of `verification` against a real server.
mod verification;
