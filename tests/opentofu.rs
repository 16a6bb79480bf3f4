//! What only OpenTofu has. On Terraform these tests check that it is refused there, so that nobody waits for it.

mod lifecycle;
mod secrecy;
mod takeover;
