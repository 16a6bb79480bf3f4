//! A directory with one case in it, and the real `terraform` that runs there with nothing in its environment
//! but what the case says.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::case::{Case, Given};
use crate::support::cli;

const VERSIONS: &str = "terraform {\n  required_providers {\n    apikey = { source = \"apikey-dev/apikey\" }\n  }\n}\n";
const STATE: &str = "terraform.tfstate";

pub struct Workspace {
    root: TempDir,
    environment: Vec<(String, String)>,
}

impl Workspace {
    pub fn of(case: &Case) -> Self {
        let workspace = Self {
            root: tempfile::tempdir().unwrap(),
            environment: case.environment.clone(),
        };
        fs::create_dir(workspace.directory()).unwrap();
        fs::create_dir(workspace.home()).unwrap();
        let plugin = Path::new(env!("CARGO_BIN_EXE_terraform-provider-apikey"));
        let settings = format!(
            "provider_installation {{\n  dev_overrides {{ \"apikey-dev/apikey\" = {:?} }}\n  direct {{}}\n}}\n",
            plugin.parent().unwrap()
        );
        fs::write(workspace.settings(), settings).unwrap();
        fs::write(workspace.directory().join("versions.tf"), VERSIONS).unwrap();
        case.given.iter().for_each(|given| workspace.put(given));
        // What directories allow comes last, for it may forbid to put anything into them.
        case.given.iter().for_each(|given| workspace.permit(given));
        workspace
    }

    fn directory(&self) -> PathBuf {
        self.root.path().join("work")
    }

    fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    fn settings(&self) -> PathBuf {
        self.root.path().join("settings")
    }

    fn put(&self, given: &Given) {
        let (path, remark) = self.place(given);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match remark.as_str() {
            "link" => symlink(&given.body, path).unwrap(),
            "directory" | "closed directory" => fs::create_dir(path).unwrap(),
            _ => fs::write(path, self.named(&given.body) + "\n").unwrap(),
        }
    }

    fn permit(&self, given: &Given) {
        let (path, remark) = self.place(given);
        let mode = match remark.as_str() {
            "closed directory" => 0o500,
            "open to its group" => 0o640,
            "" => 0o600,
            _ => return,
        };
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn place(&self, given: &Given) -> (PathBuf, String) {
        let (name, remark) = given.head.split_once(" (").unwrap_or((&given.head, ""));
        let remark = remark.trim_end_matches(')').to_owned();
        (self.directory().join(name), remark)
    }

    /// Runs one command and gives back what it reports.
    pub fn terraform(&self, command: &str, options: &[&str]) -> Vec<Value> {
        let mut terraform = cli::command(&self.directory(), &self.settings());
        terraform
            .args([command, "-json"])
            .args(options)
            .env("HOME", self.home())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("NO_GCE_CHECK", "true")
            .envs(self.environment.iter().cloned());
        diagnostics(&cli::run(terraform).stdout)
    }

    /// Every file and directory, with its mode and its content.
    pub fn snapshot(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let mut files = BTreeMap::new();
        collect(&self.directory(), &mut files);
        files
    }

    /// Nothing has changed, and the state knows no key that it did not know before.
    pub fn unchanged_since(
        &self,
        before: &BTreeMap<PathBuf, (u32, Vec<u8>)>,
    ) -> Result<(), String> {
        let now = self.snapshot();
        let touched = before
            .keys()
            .chain(now.keys())
            .find(|path| before.get(*path) != now.get(*path) && !is_terraforms_own(path));
        if let Some(path) = touched {
            return Err(format!("{} was changed", path.display()));
        }
        let resources = |files: &BTreeMap<PathBuf, (u32, Vec<u8>)>| {
            let state = files.get(&self.directory().join(STATE));
            let state: Option<Value> =
                state.and_then(|(_, bytes)| serde_json::from_slice(bytes).ok());
            state.map_or(0, |state| state["resources"].as_array().map_or(0, Vec::len))
        };
        match resources(before) == resources(&now) {
            true => Ok(()),
            false => Err("the state holds something else".into()),
        }
    }

    /// A text without the names of temporary directories and of a registry, in Terraform's words where OpenTofu has others.
    pub fn anonymous(&self, text: &str) -> String {
        let root = self.root.path().canonicalize().unwrap();
        let at = |name: &str| root.join(name).display().to_string();
        text.replace(&at("work"), "<dir>")
            .replace(&at("home"), "<home>")
            .replace(cli::version().registry(), "<registry>")
            .replace(
                "the <registry>/apikey-dev/apikey provider",
                "the apikey provider",
            )
            .replace("object required, but have string", "object required")
    }

    fn named(&self, text: &str) -> String {
        text.replace("<dir>", &self.directory().display().to_string())
    }
}

/// Terraform writes its state, and keeps the one before, even when nothing in it has changed. The ledger lies in the
/// data directory.
fn is_terraforms_own(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let data = path
        .components()
        .any(|part| part.as_os_str() == ".terraform");
    name.starts_with(STATE) || name.starts_with(".terraform") || data
}

/// `validate` prints one document, the others a line for each event.
fn diagnostics(text: &str) -> Vec<Value> {
    let found = match serde_json::from_str::<Value>(text) {
        Ok(mut document) if document["diagnostics"].is_array() => {
            match document["diagnostics"].take() {
                Value::Array(diagnostics) => diagnostics,
                _ => Vec::new(),
            }
        }
        _ => text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|event| event["type"] == "diagnostic")
            .map(|mut event| event["diagnostic"].take())
            .collect(),
    };
    let ours = |it: &Value| it["summary"] != "Provider development overrides are in effect";
    found.into_iter().filter(ours).collect()
}

fn collect(directory: &Path, files: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
    // A directory that is closed to us holds nothing that we put there.
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_dir() {
            files.insert(path.clone(), (metadata.mode(), Vec::new()));
            collect(&path, files);
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            let target = target.display().to_string().into_bytes();
            files.insert(path, (metadata.mode(), target));
        } else {
            files.insert(path.clone(), (metadata.mode(), fs::read(&path).unwrap()));
        }
    }
}
