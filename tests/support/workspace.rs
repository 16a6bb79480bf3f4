//! A directory with a configuration and a state, a clock of its own, and the CLI in it.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use apikey::duration::Duration;
use apikey::instant::Instant;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::cli;
use crate::support::outcome::Outcome;
use crate::support::state::{Change, Key};

/// When every test begins.
pub const START: &str = "2026-01-01T00:00:00Z";

/// The file that `plan` saves to and `apply_plan` applies.
const PLAN: &str = "saved.tfplan";

const HEADER: &str = r#"
terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}
"#;

pub struct Workspace {
    home: TempDir,
    now: Cell<Instant>,
    env: RefCell<Vec<(String, String)>>,
}

impl Workspace {
    /// An empty one that uses the provider which was built for this test run; it needs no `init`.
    pub fn new() -> Self {
        let home = tempfile::Builder::new()
            .prefix("apikey-acceptance-")
            .tempdir()
            .unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_terraform-provider-apikey"));
        let override_to = binary.parent().unwrap().display().to_string();
        let cli_config = format!(
            "provider_installation {{\n  dev_overrides {{\n    \"apikey-dev/apikey\" = {override_to:?}\n  }}\n  direct {{}}\n}}\n"
        );
        let workspace = Self {
            now: Cell::new(Instant::parse(START).unwrap()),
            env: RefCell::default(),
            home,
        };
        fs::write(workspace.path("cli.tfrc"), cli_config).unwrap();
        workspace
    }

    /// An empty one with a configuration in it.
    pub fn with(configuration: &str) -> Self {
        let workspace = Self::new();
        workspace.write(configuration);
        workspace
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The directory itself.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The variables that all commands get, the clock among them.
    pub fn environment(&self) -> Vec<(String, String)> {
        let clock = ("APIKEY_CLOCK".to_owned(), self.now.get().to_string());
        let given = self.env.borrow().iter().cloned().collect::<Vec<_>>();
        given.into_iter().chain([clock]).collect()
    }

    /// Replaces the configuration.
    pub fn write(&self, configuration: &str) -> &Self {
        fs::write(self.path("main.tf"), format!("{HEADER}{configuration}")).unwrap();
        self
    }

    /// Sets a variable for all commands from now on.
    pub fn env(&self, name: &str, value: &str) -> &Self {
        self.env.borrow_mut().push((name.into(), value.into()));
        self
    }

    pub fn at(&self, instant: &str) -> &Self {
        self.now.set(Instant::parse(instant).unwrap());
        self
    }

    pub fn advance(&self, by: &str) -> &Self {
        self.now.set(self.now.get() + Duration::parse(by).unwrap());
        self
    }

    pub fn now(&self) -> Instant {
        self.now.get()
    }

    /// What the virtual clock will show after a while, as the state writes it.
    pub fn in_a(&self, while_: &str) -> String {
        (self.now.get() + Duration::parse(while_).unwrap()).to_string()
    }

    /// Runs the CLI with these arguments at the virtual instant.
    pub fn run(&self, args: &[&str]) -> Outcome {
        let mut command = cli::command(self.home.path(), &self.path("cli.tfrc"));
        command.args(args);
        self.finish(&args.join(" "), command)
    }

    /// Runs a shell script that uses the CLI at the virtual instant.
    pub fn shell(&self, script: &str) -> Outcome {
        let command = cli::script(self.home.path(), &self.path("cli.tfrc"), script);
        self.finish("a script", command)
    }

    fn finish(&self, what: &str, mut command: Command) -> Outcome {
        command.envs(self.environment());
        Outcome::new(format!("{what} at {}", self.now.get()), cli::run(command))
    }

    /// Plans, saves the plan, and ends with 2 if there are changes and with 0 if there are none.
    pub fn plan(&self) -> Outcome {
        self.plan_with(&[])
    }

    pub fn plan_with(&self, args: &[&str]) -> Outcome {
        let saved = format!("-out={PLAN}");
        self.run(&[&["plan", "-json", "-detailed-exitcode", &saved], args].concat())
    }

    /// Applies what the last `plan` saved.
    pub fn apply_plan(&self) -> Outcome {
        self.run(&["apply", "-json", PLAN])
    }

    /// Plans and applies in one go.
    pub fn apply(&self) -> Outcome {
        self.apply_with(&[])
    }

    pub fn apply_with(&self, args: &[&str]) -> Outcome {
        self.run(&[&["apply", "-json", "-auto-approve"], args].concat())
    }

    /// Begins another workspace with the state in a file. OpenTofu 1.12 leaves it empty after `workspace new -state`.
    pub fn begin_workspace(&self, name: &str, state: &str) {
        self.run(&["workspace", "new", name]).ok();
        self.run(&["state", "push", state]).ok();
    }

    pub fn destroy(&self) -> Outcome {
        self.run(&["destroy", "-json", "-auto-approve"])
    }

    pub fn import(&self, address: &str, id: &str) -> Outcome {
        self.run(&["import", "-no-color", address, id])
    }

    /// The change that the saved plan holds for a resource.
    pub fn change(&self, address: &str) -> Change {
        let plan = self.show_plan();
        let changes = plan["resource_changes"].as_array();
        let found = changes
            .into_iter()
            .flatten()
            .find(|change| change["address"] == address && change["deposed"].is_null());
        Change(found.cloned().unwrap_or_default())
    }

    /// The saved plan as JSON.
    pub fn show_plan(&self) -> Value {
        let shown = self.run(&["show", "-json", PLAN]).ok();
        serde_json::from_str(&shown.stdout).unwrap()
    }

    /// The bytes of the saved plan.
    pub fn plan_file(&self) -> Vec<u8> {
        fs::read(self.path(PLAN)).unwrap()
    }

    /// The key `apikey_managed.<name>` in the state.
    #[track_caller]
    pub fn key(&self, name: &str) -> Key {
        self.find_key(name)
            .unwrap_or_else(|| panic!("apikey_managed.{name} is not in the state"))
    }

    pub fn find_key(&self, name: &str) -> Option<Key> {
        Self::key_in(&self.state(), name)
    }

    /// The key `apikey_managed.<name>` in a state.
    pub fn key_in(state: &Value, name: &str) -> Option<Key> {
        let resources = state["resources"].as_array()?;
        let found = resources.iter().find(|r| {
            r["type"] == "apikey_managed" && r["name"] == name && r["mode"] == "managed"
        })?;
        let instances = found["instances"].as_array()?;
        let current = instances
            .iter()
            .find(|instance| instance["deposed"].is_null())?;
        Some(Key(current["attributes"].clone()))
    }

    /// The state file; null if there is none yet.
    pub fn state(&self) -> Value {
        fs::read(self.path("terraform.tfstate"))
            .map(|bytes| serde_json::from_slice(&bytes).unwrap())
            .unwrap_or_default()
    }

    /// Changes the state file behind the back of everybody.
    pub fn edit_state(&self, edit: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        edit(&mut state);
        state["serial"] = (state["serial"].as_u64().unwrap_or(0) + 1).into();
        fs::write(self.path("terraform.tfstate"), state.to_string()).unwrap();
    }

    /// Puts an older state back, with a higher serial than any before.
    pub fn put_back(&self, older: &Value) {
        let serial = self.state()["serial"].as_u64().unwrap_or(0) + 100;
        let mut state = older.clone();
        state["serial"] = serial.into();
        fs::write(self.path("terraform.tfstate"), state.to_string()).unwrap();
    }

    /// The document in a delivered JSON file; null if there is no file.
    pub fn delivered(&self, name: &str) -> Value {
        fs::read(self.path(name))
            .map(|bytes| serde_json::from_slice(&bytes).unwrap())
            .unwrap_or_default()
    }

    /// The secret in a slot of a delivered JSON file; empty if there is none.
    pub fn secret(&self, name: &str, slot: &str) -> String {
        let document = self.delivered(name);
        document[slot]["secret"].as_str().unwrap_or_default().into()
    }
}
