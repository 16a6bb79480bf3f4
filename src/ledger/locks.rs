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

/// The number of the first holding of a lock. In a ledger that was lost and made anew it is another one, so that whoever
/// held the lock in the old ledger does not hold it in the new one.
pub fn first_number() -> i64 {
    // Without chance two ledgers count alike, as all did; the lease still ends by itself.
    1 + i64::from(getrandom::u32().unwrap_or_default())
}
