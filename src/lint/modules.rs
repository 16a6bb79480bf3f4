//! Which files belong to a configuration.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::blocks::Block;
use super::written::Value;
use crate::ledger::workspace::data_directory;

/// The names of files with a configuration in either syntax end so.
const ENDINGS: [&str; 6] = [
    ".tf",
    ".tofu",
    ".tfquery.hcl",
    ".tf.json",
    ".tofu.json",
    ".tfquery.json",
];

/// The files of one module, in order.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let is_ours = |path: &PathBuf| {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let has = |end: &str| name.ends_with(end);
        !name.starts_with('.') && ENDINGS.into_iter().any(has)
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_ours).collect();
    files.sort();
    files
}

/// The modules below the directory of this one that it calls.
pub fn called(blocks: &[Block], directory: &Path) -> Vec<PathBuf> {
    let modules = blocks.iter().filter(|block| block.kind == "module");
    let sources = modules.filter_map(|block| {
        let mut arguments = block.arguments.iter();
        let source = arguments.find(|it| it.named() == Some("source"))?;
        let Value::Text(source) = &source.value else {
            return None;
        };
        let is_local = source.starts_with("./") || source.starts_with("../");
        is_local.then(|| directory.join(source))
    });
    sources.collect()
}

/// What `init` writes down of the modules that it installed.
#[derive(Deserialize)]
struct Installed {
    #[serde(rename = "Modules")]
    modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "Dir")]
    directory: PathBuf,
}

/// The modules that `init` has installed for a directory.
pub fn installed(directory: &Path) -> Vec<PathBuf> {
    let list = directory
        .join(data_directory())
        .join("modules/modules.json");
    let text = std::fs::read(list).unwrap_or_default();
    let installed = serde_json::from_slice(&text).ok();
    let modules = installed.map_or_else(Vec::new, |installed: Installed| installed.modules);
    let directories = modules
        .into_iter()
        .map(|module| directory.join(module.directory));
    directories.collect()
}
