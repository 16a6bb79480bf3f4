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

/// What was heard of alerts about keys of the ledger. What is in neither list stays as it was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Who was asked for what.
    pub source: String,
    /// What is open there, each once.
    pub open: Vec<Leak>,
    /// What is over: the source that told of it, and the id of the alert.
    pub over: Vec<(String, String)>,
}

/// The source of what a configuration passes in for one resource, rather than a scanner that can be asked.
pub const PASSED_IN: &str = "leaks_wo of ";
