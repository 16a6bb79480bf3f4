//! The demo provider under the real `terraform` command line, where there is one.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

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
    /// `None` where there is no `terraform` to drive.
    fn new() -> Option<Self> {
        if Command::new("terraform").arg("version").output().is_err() {
            eprintln!("skipped: there is no terraform on the PATH");
            return None;
        }
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
        Some(Self(directory))
    }

    fn configure(&self, body: &str) {
        std::fs::write(self.path().join("main.tf"), format!("{HEAD}{body}")).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Whether it succeeded, and what it printed.
    fn terraform(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new("terraform")
            .args(arguments)
            .arg("-no-color")
            .current_dir(self.path())
            .env("TF_CLI_CONFIG_FILE", self.path().join("settings"))
            .env("CHECKPOINT_DISABLE", "1")
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
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
    let Some(workspace) = Workspace::new() else {
        return;
    };
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
    let Some(workspace) = Workspace::new() else {
        return;
    };
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
