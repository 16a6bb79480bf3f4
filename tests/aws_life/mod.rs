//! The whole life of keys on AWS: the real CLI, the real binary, and a server that checks signatures and policies.

/// The server, and what its administrator does there by hand.
mod cloud;
/// From create to revoke.
mod life;
/// One managed key and everything around it.
mod world;
