//! `examples/automation`: pipelines that run on a schedule.

mod github;
mod platforms;
mod workflows;

use std::path::{Path, PathBuf};

/// Their files below `examples/` that are no YAML. Nothing here reads the names in those of Terraform, which need other providers.
pub const EXAMPLES: [&str; 7] = [
    "automation/atlantis/rotate.sh",
    "automation/aws-codebuild/main.tf",
    "automation/github-actions/overdue-issues.sh",
    "automation/hcp-terraform/main.tf",
    "automation/hcp-terraform/rotate.sh",
    "automation/scalr/main.tf",
    "automation/spacelift/main.tf",
];

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/automation")
        .join(name)
}
