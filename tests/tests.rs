//! One binary of modules: what talks to real servers and to servers that misbehave.

/// Amazon Web Services, against moto and against servers that misbehave.
mod aws;
/// Servers and contexts that tests start from.
mod support;
