//! Which files belong to a configuration.

use std::path::{Path, PathBuf};

use hcl_edit::structure::Body;
use serde::Deserialize;

use crate::ledger::workspace::data_directory;

/// The files of one module, in order.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let is_ours = |path: &PathBuf| {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let has = |end: &str| name.ends_with(end);
        !name.starts_with('.') && (has(".tf") || has(".tofu") || has(".tfquery.hcl"))
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_ours).collect();
    files.sort();
    files
}

/// The modules below the directory of this one that it calls.
pub fn called(body: &Body, directory: &Path) -> Vec<PathBuf> {
    let modules = body
        .blocks()
        .filter(|block| block.ident.as_str() == "module");
    let sources = modules.filter_map(|block| {
        let source = block.body.get_attribute("source")?.value.as_str()?;
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
