//! The command line is killed. The provider holds credentials in its environment, so it does not outlive it.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::support::cli;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

/// The last key keeps Terraform from being done with the provider.
const WAITING: &str = r#"
resource "terraform_data" "waiting" {
  depends_on = [apikey_managed.k]

  provisioner "local-exec" {
    command = "touch started; exec sleep 60"
  }
}

resource "apikey_managed" "last" {
  depends_on = [terraform_data.waiting]
  name       = "last"
  policy     = apikey_rotation_policy.p
  issuer     = { generated = { prefix = "acme" } }
}
"#;

/// Looks until it is so; what takes longer hangs.
fn wait_for(what: &str, so: impl Fn() -> bool) {
    for _ in 0..1200 {
        if so() {
            return;
        }
        sleep(Duration::from_millis(50));
    }
    panic!("{what}");
}

#[test]
fn a_provider_whose_command_line_is_killed_ends_too() {
    let ws = Workspace::with(&Config::new().beside(WAITING).text());
    let sockets = ws.path("sockets");
    fs::create_dir(&sockets).unwrap();
    let mut command = cli::command(&ws.path(""), &ws.path("cli.tfrc"));
    command
        .args(["apply", "-auto-approve"])
        .env("TMPDIR", &sockets)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut killed = command.spawn().unwrap();
    wait_for("the apply did not start", || ws.path("started").exists());
    let providers = || fs::read_dir(&sockets).unwrap().flatten();
    let is_provider = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("apikey-plugin-")
    };
    assert!(providers().any(|entry| is_provider(&entry)));

    killed.kill().unwrap();
    killed.wait().unwrap();
    // It takes its socket along when it ends of its own accord.
    wait_for("the provider lives on", || {
        !providers().any(|entry| is_provider(&entry))
    });
    assert!(!ws.secret("k.json", "primary").is_empty());
}
