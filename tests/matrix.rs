//! What each command line can do with keys, one test a feature. `scripts/matrix.sh` runs them with one version after the
//! other and makes the table of the README. A command line that lacks a feature must refuse it; then the table says no.

mod features;
pub mod newer;

use std::fs::OpenOptions;
use std::io::Write;

use crate::support::cli;
use crate::support::outcome::Outcome;

/// The file that the rows of the table are added to.
const RECORD: &str = "APIKEY_MATRIX_RECORD";

/// A row of the table, and the first versions that can do it.
pub struct Feature {
    pub name: &'static str,
    pub terraform: Option<[u32; 2]>,
    pub opentofu: Option<[u32; 2]>,
}

impl Feature {
    /// What every version can do that the provider supports.
    pub const fn everywhere(name: &'static str) -> Self {
        Self {
            name,
            terraform: Some([1, 11]),
            opentofu: Some([1, 11]),
        }
    }

    /// What Terraform has had since a version, and OpenTofu has not.
    pub const fn of_terraform(name: &'static str, since: [u32; 2]) -> Self {
        Self {
            name,
            terraform: Some(since),
            opentofu: None,
        }
    }

    /// What OpenTofu has had since a version, and Terraform has not.
    pub const fn of_opentofu(name: &'static str, since: [u32; 2]) -> Self {
        Self {
            name,
            terraform: None,
            opentofu: Some(since),
        }
    }

    /// Whether the command line has it.
    pub fn is_here(&self) -> bool {
        cli::version().since(self.terraform, self.opentofu)
    }

    /// Where the command line has it, it works; elsewhere this attempt is refused in one of these words.
    #[track_caller]
    pub fn works(&self, here: impl FnOnce(), attempt: impl FnOnce() -> Outcome, refusals: &[&str]) {
        if self.is_here() {
            here();
            return self.record("yes");
        }
        let refused = attempt();
        let said = refused.text();
        assert!(
            refused.code != 0 && refusals.iter().any(|words| said.contains(words)),
            "{} was to be refused: {refused}",
            self.name
        );
        self.record("no");
    }

    /// The command line has it, and it works.
    pub fn works_everywhere(&self, here: impl FnOnce()) {
        assert!(self.is_here(), "{} is older than this", self.name);
        here();
        self.record("yes");
    }

    fn record(&self, cell: &str) {
        let Some(path) = std::env::var_os(RECORD) else {
            return;
        };
        let line = format!("{}\t{cell}\n", self.name);
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.unwrap().write_all(line.as_bytes()).unwrap();
    }
}
