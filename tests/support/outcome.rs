//! What a command of the CLI said: its exit code, and its diagnostics as data.

use std::fmt;

use serde_json::Value;

use crate::support::cli::Finished;
use crate::support::golden;

/// The end of one command.
pub struct Outcome {
    /// What was run, for messages.
    pub command: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub diagnostics: Vec<Diagnostic>,
}

/// One warning or error.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub severity: String,
    pub summary: String,
    pub detail: String,
}

impl Diagnostic {
    fn says(&self, phrase: &str) -> bool {
        self.summary.contains(phrase) || self.detail.contains(phrase)
    }
}

impl Outcome {
    pub fn new(command: String, finished: Finished) -> Self {
        let diagnostics = finished.stdout.lines().filter_map(diagnostic).collect();
        Self {
            command,
            code: finished.status.code().unwrap_or(-1),
            stdout: finished.stdout,
            stderr: finished.stderr,
            diagnostics,
        }
    }

    /// The command succeeded (2 is "there are changes" of `plan -detailed-exitcode`).
    #[track_caller]
    pub fn ok(self) -> Self {
        assert!(
            matches!(self.code, 0 | 2) && self.errors().is_empty(),
            "{self}"
        );
        self
    }

    /// The command failed.
    #[track_caller]
    pub fn failed(self) -> Self {
        assert!(self.code == 1, "was to fail: {self}");
        self
    }

    /// The command ended with this code.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// The command printed this.
    #[track_caller]
    pub fn says(self, phrase: &str) -> Self {
        assert!(self.stdout.contains(phrase), "{phrase:?} is not in {self}");
        self
    }

    /// The errors are those of `refusals/<name>.txt`.
    #[track_caller]
    pub fn reads(self, name: &str) -> Self {
        golden::told(name, "Error", texts(&self.errors()));
        self
    }

    /// The warnings about keys are those of `refusals/<name>.txt`.
    #[track_caller]
    pub fn reads_warnings(self, name: &str) -> Self {
        let mut warnings = self.warnings();
        warnings.retain(|warning| {
            !warning.summary.contains("The clock is set by hand")
                && !warning.summary.contains("development overrides")
        });
        golden::told(name, "Warning", texts(&warnings));
        self
    }

    pub fn warnings(&self) -> Vec<&Diagnostic> {
        self.with("warning")
    }

    pub fn errors(&self) -> Vec<&Diagnostic> {
        self.with("error")
    }

    fn with(&self, severity: &str) -> Vec<&Diagnostic> {
        let all = self.diagnostics.iter();
        all.filter(|diagnostic| diagnostic.severity == severity)
            .collect()
    }

    /// Some warning holds all of these phrases.
    #[track_caller]
    pub fn warns(self, phrases: &[&str]) -> Self {
        assert!(
            any_says(&self.warnings(), phrases),
            "no warning with {phrases:?}: {self}"
        );
        self
    }

    /// No warning holds this phrase.
    #[track_caller]
    pub fn does_not_warn(self, phrase: &str) -> Self {
        assert!(
            !any_says(&self.warnings(), &[phrase]),
            "a warning with {phrase:?}: {self}"
        );
        self
    }

    /// Some error holds all of these phrases.
    #[track_caller]
    pub fn complains(self, phrases: &[&str]) -> Self {
        assert!(
            any_says(&self.errors(), phrases),
            "no error with {phrases:?}: {self}"
        );
        self
    }

    /// Everything that was printed, without the frames and line breaks that the CLI puts in.
    pub fn text(&self) -> String {
        let all = format!("{}\n{}", self.stdout, self.stderr);
        let bare: String = all.chars().filter(|c| !"│╷╵".contains(*c)).collect();
        bare.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn texts<'a>(diagnostics: &'a [&Diagnostic]) -> impl Iterator<Item = (&'a str, &'a str)> {
    let all = diagnostics.iter();
    all.map(|told| (&*told.summary, &*told.detail))
}

fn any_says(diagnostics: &[&Diagnostic], phrases: &[&str]) -> bool {
    diagnostics
        .iter()
        .any(|diagnostic| phrases.iter().all(|phrase| diagnostic.says(phrase)))
}

/// A line of the machine-readable output, if it carries a diagnostic.
fn diagnostic(line: &str) -> Option<Diagnostic> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| {
        value["diagnostic"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    value.get("diagnostic")?;
    Some(Diagnostic {
        severity: text("severity"),
        summary: text("summary"),
        detail: text("detail"),
    })
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "`{}` ended with {}", self.command, self.code)?;
        for diagnostic in &self.diagnostics {
            let Diagnostic {
                severity,
                summary,
                detail,
            } = diagnostic;
            writeln!(f, "{severity}: {summary}: {detail}")?;
        }
        if self.diagnostics.is_empty() {
            writeln!(f, "{}\n{}", self.stdout, self.stderr)?;
        }
        Ok(())
    }
}
