//! Runs a test in a process of its own, where it may have environment variables to itself.

use std::process::Command;

const MARK: &str = "APIKEY_TEST_IN_CHILD";

/// What variables of vendors begin with: those of the developer would change what the tests see.
pub const VENDORS: [&str; 7] = [
    "AWS_",
    "BAO_",
    "VAULT_",
    "GOOGLE_",
    "GCLOUD_",
    "CLOUDSDK_",
    "GCE_",
];

/// Runs the test of this path again in a child process with these variables and no others of a vendor, and
/// returns `false`; in the child it returns `true`, and the test goes on.
pub fn inside(module: &str, test: &str, variables: &[(&str, &str)]) -> bool {
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let (_, module) = module.split_once("::").unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if VENDORS.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    let output = command
        .args([&format!("{module}::{test}"), "--exact", "--nocapture"])
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .env(MARK, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    false
}
