//! `examples/automation`: pipelines that run on a schedule.

mod github;
mod workflows;

use std::path::{Path, PathBuf};

/// Their files below `examples/` that are no YAML. Nothing here reads that of AWS, which needs another provider.
pub const EXAMPLES: [&str; 2] = [
    "automation/aws-codebuild/main.tf",
    "automation/github-actions/overdue-issues.sh",
];

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/automation")
        .join(name)
}
