//! Finds the real CLI and runs it: bounded in time, with nothing of the developer's own settings.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use super::child::VENDORS;

/// Selects the CLI; without it, `terraform` or else `tofu` of the PATH is used.
pub const OVERRIDE: &str = "TF_ACC_TERRAFORM_PATH";

/// One command takes seconds; what takes this long hangs.
const BOUND: Duration = Duration::from_secs(120);

/// Time to end in an orderly way after SIGINT, so that the CLI takes the provider with it.
const GOODBYE: Duration = Duration::from_secs(10);

/// Variables of the developer that would change what the tests see, with those of [`VENDORS`].
const FOREIGN: [&str; 2] = ["TF_", "APIKEY_"];

/// What a finished child left.
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// The CLI that the tests drive. There is no skipping: a test that did not run proves nothing.
pub fn path() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let chosen = std::env::var_os(OVERRIDE).map(PathBuf::from);
        let candidates = match chosen {
            Some(path) => vec![path],
            None => vec!["terraform".into(), "tofu".into()],
        };
        candidates
            .into_iter()
            .find(|path| answers(path))
            .unwrap_or_else(|| {
                panic!(
                    "The acceptance tests drive the real CLI, and neither `terraform` nor `tofu` runs here. \
                     Install Terraform 1.11 or OpenTofu 1.10 (or newer) into the PATH, or set {OVERRIDE} to it."
                )
            })
    })
}

fn answers(path: &Path) -> bool {
    Command::new(path)
        .arg("version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// What the CLI says of itself, such as `OpenTofu v1.12.6`.
pub fn version() -> &'static Version {
    static SAID: OnceLock<Version> = OnceLock::new();
    SAID.get_or_init(|| {
        let said = Command::new(path())
            .arg("version")
            .env("CHECKPOINT_DISABLE", "1")
            .env_remove("TF_CLI_CONFIG_FILE")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        Version::parse(&said).unwrap_or_else(|| panic!("{said:?} tells no version"))
    })
}

/// Which of the two products the CLI is, and its version.
#[derive(Debug)]
pub struct Version {
    opentofu: bool,
    /// Major, minor, patch.
    pub number: [u32; 3],
}

impl Version {
    fn parse(said: &str) -> Option<Self> {
        // A warning about the developer's own settings may stand before it.
        let (product, number) = said.lines().find_map(|line| line.split_once(" v"))?;
        // What follows a hyphen is the name of a version before a release.
        let mut parts = number.split('-').next()?.split('.').map(str::parse);
        let mut next = || parts.next()?.ok();
        Some(Self {
            opentofu: product == "OpenTofu",
            number: [next()?, next()?, next()?],
        })
    }

    pub fn is_opentofu(&self) -> bool {
        self.opentofu
    }

    /// Where addresses of providers lead that name no host.
    pub fn registry(&self) -> &'static str {
        match self.opentofu {
            true => "registry.opentofu.org",
            false => "registry.terraform.io",
        }
    }

    /// Whether it is at least this version of Terraform, or this one of OpenTofu; null is for never.
    pub fn since(&self, terraform: Option<[u32; 2]>, opentofu: Option<[u32; 2]>) -> bool {
        let least = if self.opentofu { opentofu } else { terraform };
        least.is_some_and(|least| self.number[..2] >= least[..])
    }
}

/// The CLI in a directory, reading only the configuration file that is given.
pub fn command(directory: &Path, cli_config: &Path) -> Command {
    command_of(path(), directory, cli_config)
}

/// The same with another CLI.
pub fn command_of(path: &Path, directory: &Path, cli_config: &Path) -> Command {
    prepared(Command::new(path), directory, cli_config)
}

/// A shell script in a directory whose `terraform` is that CLI.
pub fn script(directory: &Path, cli_config: &Path, text: &str) -> Command {
    let text = text.replace("terraform ", &format!("{} ", path().display()));
    let mut shell = Command::new("sh");
    shell.args(["-c", &text]);
    prepared(shell, directory, cli_config)
}

fn prepared(mut command: Command, directory: &Path, cli_config: &Path) -> Command {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let mut foreign = FOREIGN.iter().chain(&VENDORS);
        if foreign.any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
        .current_dir(directory)
        .env("TF_CLI_CONFIG_FILE", cli_config)
        .env("TF_DATA_DIR", directory.join(".terraform"))
        .env("TF_IN_AUTOMATION", "1")
        .env("TF_INPUT", "0")
        .env("CHECKPOINT_DISABLE", "1")
        .env("HOME", directory);
    command
}

/// Runs a command to its end, or ends it after the bound and fails the test.
pub fn run(mut command: Command) -> Finished {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let status = wait(&mut child, BOUND);
    if status.is_none() {
        end(&mut child);
    }
    let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
    match status {
        Some(status) => Finished {
            status,
            stdout,
            stderr,
        },
        None => panic!("{command:?} did not end within {BOUND:?}\n{stdout}\n{stderr}"),
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // Whatever came before a broken pipe is what there is to show.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child, bound: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + bound;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}

fn end(child: &mut Child) {
    let _ = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    if wait(child, GOODBYE).is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
}
