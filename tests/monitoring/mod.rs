//! What people and pipelines see of the ledger without Terraform: the command line, metrics, alerts, dashboards.

mod command_line;
mod datadog;
pub mod exporters;
mod grafana;
pub mod installed;
mod inventory;
mod lint;
mod metrics;
mod program;
mod prometheus;
mod rules;
mod scan;
mod scanners;
mod snapshot;
mod telemetry;
mod terminal;

use std::path::Path;
use std::process::{Command, Output};

use crate::support::workspace::Workspace;

/// Where the files lie that people import.
fn shipped(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("monitoring")
        .join(name)
}

/// What a command by hand said, in the directory of a workspace and at its instant.
pub struct Said {
    code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn says(self, phrases: &[&str]) -> Self {
        for phrase in phrases {
            let said = self.stdout.contains(phrase) || self.stderr.contains(phrase);
            assert!(
                said,
                "{phrase:?} is not in\n{}\n{}",
                self.stdout, self.stderr
            );
        }
        self
    }

    /// What it printed for programs.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The binary as a person starts it.
fn by_hand(ws: &Workspace) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_terraform-provider-apikey"));
    command
        .current_dir(ws.home())
        .env_remove("TF_DATA_DIR")
        .env_remove("APIKEY_LEDGER_URL")
        .env_remove("TF_PLUGIN_MAGIC_COOKIE")
        .envs(ws.environment());
    command
}

/// What is due is planned, and fails because a directory stands where the document was. It is the document again then.
fn an_apply_fails(ws: &Workspace) {
    ws.plan().ok().code(2);
    let (file, aside) = (ws.path("k.json"), ws.path("aside"));
    std::fs::rename(&file, &aside).unwrap();
    std::fs::create_dir(&file).unwrap();
    ws.apply_plan().failed();
    std::fs::remove_dir(&file).unwrap();
    std::fs::rename(&aside, &file).unwrap();
}

pub fn ask(ws: &Workspace, words: &[&str]) -> Said {
    by_hand(ws).args(words).output().unwrap().into()
}
