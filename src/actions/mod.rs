//! Actions: done once, on request (Terraform 1.14). None of them can write a state. One file each.

pub mod resolve_leak;
pub mod revoke;
pub mod rotate_now;
