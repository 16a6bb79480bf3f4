//! Locks across processes: leases that end by themselves, and fences against holders that wake up late.

/// A lock that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What proves that it is still ours.
    pub fence: Fence,
    /// How long it lasts without being renewed, by the clock of the database.
    pub length: std::time::Duration,
}

/// One holding of one lock. The number grows each time that a lock changes hands, so that an effect under an old
/// number is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The lock: the account of an issuer.
    pub name: String,
    /// Which holding of it.
    pub number: i64,
}
