//! Names in a configuration that no attribute has. Terraform and OpenTofu refuse an unknown argument of a block, but drop an
//! unknown name inside of a nested object without a word: a delivery with `requird = false` is required.
//!
//! Only what is written out is looked at; a value that comes from elsewhere is left alone, and so is what cannot be read.

mod blocks;
mod modules;
mod names;
mod written;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tf_provider::schema::Schema;

use crate::protocol::Catalogue;
use blocks::{Block, blocks};
use names::Names;
pub use names::nearest;

/// What holds more is no configuration that a person wrote.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Whatever has no part in it has nothing of ours.
const OURS: &str = "apikey";

/// A name that no attribute has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// The block that it is in, such as `apikey_managed.payments`.
    pub block: String,
    /// The object that it is in, such as `deliveries.app`.
    pub object: String,
    /// The name.
    pub name: String,
    /// What was most likely meant.
    pub nearest: Option<String>,
}

/// What was found, and what could not be read.
#[derive(Debug, Default)]
pub struct Report {
    /// The names, by place.
    pub findings: Vec<Finding>,
    /// Files and directories that could not be read, each with the reason.
    pub unread: Vec<String>,
}

impl Finding {
    /// In a sentence.
    pub fn sentence(&self) -> String {
        let meant = match &self.nearest {
            Some(nearest) => format!("Did you mean {nearest}? "),
            None => String::new(),
        };
        format!(
            "{}: {} has no {:?}, so the command line drops it without a word. {meant}Correct the name, or remove it.",
            self.block, self.object, self.name
        )
    }
}

/// Looks through the configuration in a directory, and that of its modules.
pub fn lint(directory: &Path, catalogue: &Catalogue) -> Report {
    let mut report = Report::default();
    let mut seen = BTreeSet::new();
    let mut open = vec![directory.to_owned()];
    open.extend(modules::installed(directory));
    while let Some(directory) = open.pop() {
        let canonical = directory
            .canonicalize()
            .unwrap_or_else(|_| directory.clone());
        if !seen.insert(canonical) {
            continue;
        }
        let files = modules::files(&directory);
        let unread = match directory.read_dir() {
            Err(error) => Some(error.to_string()),
            Ok(_) => files
                .is_empty()
                .then(|| "there is no configuration in it".into()),
        };
        let unread = unread.map(|reason| format!("{}: {reason}", directory.display()));
        report.unread.extend(unread);
        for file in files {
            match read(&file) {
                Ok(Some((text, blocks))) => {
                    open.extend(modules::called(&blocks, &directory));
                    let findings = of_file(&file, &text, &blocks, catalogue);
                    report.findings.extend(findings);
                }
                Ok(None) => {}
                Err(reason) => report.unread.push(format!("{}: {reason}", file.display())),
            }
        }
    }
    report.findings.sort();
    report.unread.sort();
    report
}

/// A file that may hold something of ours, or a call of a module that does.
fn read(file: &Path) -> Result<Option<(String, Vec<Block>)>, String> {
    let about = file.metadata().map_err(|error| error.to_string())?;
    if about.len() > LARGEST {
        return Err("it is larger than 4 MiB".into());
    }
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    if !text.contains(OURS) && !text.contains("module") {
        return Ok(None);
    }
    let is_json = file.extension().is_some_and(|it| it == "json");
    let blocks = blocks(&text, is_json)?;
    Ok(Some((text, blocks)))
}

fn of_file(file: &Path, text: &str, blocks: &[Block], catalogue: &Catalogue) -> Vec<Finding> {
    let mut names = Names::new(file, text);
    for block in blocks {
        if let Some((label, schema)) = described(block, catalogue) {
            names.block(&label, block, schema);
        }
    }
    names.findings
}

/// The schema of a block of ours, and what people call the block.
fn described<'c>(block: &Block, catalogue: &'c Catalogue) -> Option<(String, &'c Schema)> {
    let labels = &block.labels;
    let table = match block.kind.as_str() {
        "provider" if *labels == [OURS] => {
            return Some(("provider apikey".into(), catalogue.provider.as_ref()?));
        }
        "resource" => &catalogue.resources,
        "data" => &catalogue.data_sources,
        "ephemeral" => &catalogue.ephemeral_resources,
        "list" => &catalogue.list_resources,
        "action" => &catalogue.actions,
        _ => return None,
    };
    Some((labels.join("."), table.get(labels.first()?)?))
}

#[cfg(test)]
mod tests;
