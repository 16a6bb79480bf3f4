//! The resources: Terraform's values in, the engine's verdict out.

pub mod diagnostics;
pub mod identities;
pub mod managed;
pub mod rotation_policy;
