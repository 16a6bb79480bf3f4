//! The shell.

pub mod verification;
