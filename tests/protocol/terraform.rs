//! The demo provider under the real command line.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use crate::support::cli;

const HEAD: &str = r#"
terraform {
  required_providers {
    demo = { source = "example/demo" }
  }
}
"#;

/// A directory with a configuration, and the plugin where the command line finds it.
struct Workspace(TempDir);

impl Workspace {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let plugin = path.join("terraform-provider-demo");
        let this = std::env::current_exe().unwrap();
        let script = format!(
            "#!/bin/sh\nexec '{}' --exact protocol::the_demo_plugin --ignored --nocapture 3>&1 1>/dev/null\n",
            this.display()
        );
        std::fs::write(&plugin, script).unwrap();
        std::fs::set_permissions(&plugin, PermissionsExt::from_mode(0o755)).unwrap();
        let settings = format!(
            "provider_installation {{\n  dev_overrides {{ \"example/demo\" = {:?} }}\n  direct {{}}\n}}\n",
            path
        );
        std::fs::write(path.join("settings"), settings).unwrap();
        Self(directory)
    }

    fn configure(&self, body: &str) {
        std::fs::write(self.path().join("main.tf"), format!("{HEAD}{body}")).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Whether it succeeded, and what it printed.
    fn terraform(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = cli::command(self.path(), &self.path().join("settings"));
        command.args(arguments).arg("-no-color");
        let ended = cli::run(command);
        (ended.status.success(), ended.stdout + &ended.stderr)
    }

    fn succeed(&self, arguments: &[&str]) -> String {
        let (succeeded, text) = self.terraform(arguments);
        assert!(succeeded, "{arguments:?}: {text}");
        text
    }

    fn fail(&self, arguments: &[&str]) -> String {
        let (succeeded, text) = self.terraform(arguments);
        assert!(!succeeded, "{arguments:?}: {text}");
        text
    }
}

#[test]
fn an_object_lives_its_whole_life() {
    let workspace = Workspace::new();
    let body = |mode: &str| {
        format!(
            r#"
            resource "demo_thing" "a" {{
              name  = "a"
              mode  = "{mode}"
              size  = 3
              parts = {{ one = {{ text = "x" }}, two = {{ count = 2 }} }}
            }}
            data "demo_echo" "e" {{ text = demo_thing.a.id }}
            output "length" {{ value = data.demo_echo.e.length }}
            output "double" {{ value = provider::demo::double(demo_thing.a.size) }}
            "#
        )
    };
    workspace.configure(&body(""));
    let text = workspace.succeed(&["apply", "-auto-approve"]);
    assert!(
        text.contains("double = 6") && text.contains("length = 7"),
        "{text}"
    );
    workspace.succeed(&["plan", "-detailed-exitcode"]);

    workspace.configure(&body("nothing"));
    let text = workspace.fail(&["apply", "-auto-approve"]);
    assert!(text.contains("Cannot update demo_thing"), "{text}");

    workspace.configure(&body("indestructible"));
    workspace.succeed(&["apply", "-auto-approve"]);
    let text = workspace.fail(&["destroy", "-auto-approve"]);
    assert!(text.contains("Cannot destroy demo_thing"), "{text}");
    assert!(
        workspace
            .succeed(&["state", "list"])
            .contains("demo_thing.a")
    );

    workspace.configure(&body(""));
    workspace.succeed(&["apply", "-auto-approve"]);
    workspace.succeed(&["destroy", "-auto-approve"]);
}

#[test]
fn an_object_is_imported_and_its_unknowns_are_planned() {
    let workspace = Workspace::new();
    workspace.configure(
        r#"
        resource "demo_thing" "a" { name = "imported" }
        resource "terraform_data" "later" { input = "v" }
        resource "demo_thing" "b" {
          name  = "b-${terraform_data.later.id}"
          parts = { one = { text = "t-${terraform_data.later.output}" } }
        }
        "#,
    );
    workspace.succeed(&["import", "demo_thing.a", "thing-9"]);
    let text = workspace.succeed(&["apply", "-auto-approve"]);
    assert!(
        text.contains("2 added, 1 changed") || text.contains("2 added, 0 changed"),
        "{text}"
    );
    workspace.succeed(&["plan", "-detailed-exitcode"]);
}
