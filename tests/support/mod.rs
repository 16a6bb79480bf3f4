//! What the tests share: the real CLI around the real binary, servers, and stand-ins for the world outside.

pub mod child;
#[cfg(unix)]
pub mod cli;
pub mod core;
pub mod fake;
pub mod gate;
#[cfg(unix)]
pub mod keys;
pub mod moto;
#[cfg(unix)]
pub mod outcome;
#[cfg(unix)]
pub mod state;
#[cfg(unix)]
pub mod workspace;
pub mod world;
#[cfg(unix)]
pub mod zip;
