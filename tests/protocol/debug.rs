//! `--debug`: the real command line attaches itself to the real provider, which somebody else started.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::support::workspace::Workspace;

const KEY: &str = r#"
resource "apikey_managed" "a" {
  name       = "a"
  policy     = { name = "p", rotation_interval = "90d" }
  issuer     = { generated = { prefix = "made" } }
  deliveries = { app = { file = { path = "a.json" } } }
}
"#;

/// A provider that waits for somebody to attach, and what it tells them to set. Whatever it keeps is at home.
async fn started(home: &Path) -> (Child, String) {
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_terraform-provider-apikey"))
        .arg("--debug")
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("what to set");
        if let Some(value) = line.trim().strip_prefix("TF_REATTACH_PROVIDERS='") {
            return (child, value.trim_end_matches('\'').to_owned());
        }
    }
}

async fn interrupted(mut child: Child) -> ExitStatus {
    let id = child.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(sent.success());
    let ended = tokio::time::timeout(Duration::from_secs(60), child.wait());
    ended.await.expect("it ends when interrupted").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_plans_and_applies_through_a_provider_that_runs_already() {
    let home = tempfile::tempdir().unwrap();
    let (child, reattach) = started(home.path()).await;
    let workspace = tokio::task::spawn_blocking(move || {
        let workspace = Workspace::with(KEY);
        workspace.env("TF_REATTACH_PROVIDERS", &reattach);
        workspace.plan().ok().code(2);
        workspace.apply_plan().ok();
        assert_eq!(workspace.key("a").0["phase"], "single");
        // A provider of its own for every run: what was configured before does not linger.
        workspace.plan().ok().code(0);
        workspace.destroy().ok();
        workspace
    })
    .await
    .unwrap();

    assert!(interrupted(child).await.success());
    let gone = tokio::task::spawn_blocking(move || workspace.plan().failed());
    let text = gone.await.unwrap().text();
    assert!(text.contains("process not found"), "{text}");
}

#[tokio::test]
async fn nothing_but_the_same_user_reaches_the_socket() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let (child, reattach) = started(home.path()).await;
    let told: serde_json::Value = serde_json::from_str(&reattach).unwrap();
    let told = &told["apikey-dev/apikey"];
    assert_eq!(told["Pid"], child.id().unwrap());
    assert_eq!(
        (&told["Protocol"], &told["Test"]),
        (&"grpc".into(), &true.into())
    );
    let socket = std::path::PathBuf::from(told["Addr"]["String"].as_str().unwrap());
    let mode = std::fs::metadata(socket.parent().unwrap())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);

    assert!(interrupted(child).await.success());
    assert!(!socket.exists());
}
