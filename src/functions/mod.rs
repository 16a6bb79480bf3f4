//! Provider functions: pure calculations that a configuration can call. One file a function.

pub mod verify_checksum;
