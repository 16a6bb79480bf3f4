//! Leaks: alerts that are open about keys of the ledger, as whoever asked a scanner of secrets last has heard.

/// An open alert.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leak {
    /// The id of the alert: its URL.
    pub alert: String,
    /// The mark of the key that it is about.
    pub mark: String,
    /// Whether the key works, as the scanner says.
    pub validity: Option<String>,
    /// When the alert was opened, as the scanner says.
    pub found_at: Option<String>,
}

/// Every alert about keys of the ledger that was open at a source, each once. One that was and is no longer among them is
/// over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Who was asked for what.
    pub source: String,
    /// What is open.
    pub open: Vec<Leak>,
    /// Alerts that may still be open, and nobody can tell what they are about: what was known of them stays known.
    pub unsure: Vec<String>,
}

/// The source of what a configuration passes in for one resource, rather than a scanner that can be asked.
pub const PASSED_IN: &str = "leaks_wo of ";
