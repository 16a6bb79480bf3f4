//! Tests through the public interface, in one binary of modules.

/// The store `file` with real files, shells, readers and processes.
#[cfg(unix)]
mod file_store;
/// The request of `verification` against a real server.
mod verification;
