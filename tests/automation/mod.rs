//! `examples/automation`: pipelines that run on a schedule.

mod github;
mod workflows;

use std::path::{Path, PathBuf};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/automation")
        .join(name)
}
