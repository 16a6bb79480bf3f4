//! Servers and contexts that tests start from.

pub mod child;
pub mod fake;
pub mod moto;
