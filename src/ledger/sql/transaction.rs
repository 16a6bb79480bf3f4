//! One transaction. It holds the end of the audit trail, so that one at a time reads and writes, in every process.

use std::time::Duration;

use sqlx::AnyConnection;

use super::chain::Head;
use super::dialect::Dialect;

/// What the jobs of one transaction share.
pub struct Transaction<'a> {
    /// Where it runs.
    pub connection: &'a mut AnyConnection,
    /// In whose words.
    pub dialect: Dialect,
    /// The end of the audit trail.
    pub head: Head,
    /// How long a lock is held without being renewed.
    pub lease: Duration,
}
