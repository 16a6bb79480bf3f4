//! Names in a configuration that no attribute has. Terraform and OpenTofu refuse an unknown argument of a block, but drop an
//! unknown name inside of a nested object without a word: a delivery with `requird = false` is required.
//!
//! Only what is written out is looked at; a value that comes from elsewhere is left alone, and so is what cannot be read.

mod modules;
mod names;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hcl_edit::structure::{Block, Body};
use tf_provider::schema::Schema;

use crate::protocol::Catalogue;
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
        if let Err(error) = directory.read_dir() {
            let reason = format!("{}: {error}", directory.display());
            report.unread.push(reason);
        }
        for file in modules::files(&directory) {
            match read(&file) {
                Ok(Some((text, body))) => {
                    open.extend(modules::called(&body, &directory));
                    let findings = of_file(&file, &text, &body, catalogue);
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
fn read(file: &Path) -> Result<Option<(String, Body)>, String> {
    let about = file.metadata().map_err(|error| error.to_string())?;
    if about.len() > LARGEST {
        return Err("it is larger than 4 MiB".into());
    }
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    if !text.contains(OURS) && !text.contains("module") {
        return Ok(None);
    }
    let body = hcl_edit::parser::parse_body(&text);
    let body = body.map_err(|error| {
        let place = error.location();
        format!("line {}: it is no HCL that can be read", place.line())
    })?;
    Ok(Some((text, body)))
}

fn of_file(file: &Path, text: &str, body: &Body, catalogue: &Catalogue) -> Vec<Finding> {
    let mut names = Names::new(file, text);
    for block in body.blocks() {
        if let Some((label, schema)) = described(block, catalogue) {
            names.block(&label, block, schema);
        }
    }
    names.findings
}

/// The schema of a block of ours, and what people call the block.
fn described<'c>(block: &Block, catalogue: &'c Catalogue) -> Option<(String, &'c Schema)> {
    let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
    let table = match block.ident.as_str() {
        "provider" if labels == ["apikey"] => {
            return Some(("provider apikey".into(), catalogue.provider.as_ref()?));
        }
        "resource" => &catalogue.resources,
        "data" => &catalogue.data_sources,
        "ephemeral" => &catalogue.ephemeral_resources,
        "list" => &catalogue.list_resources,
        "action" => &catalogue.actions,
        _ => return None,
    };
    Some((labels.join("."), table.get(*labels.first()?)?))
}

#[cfg(test)]
mod tests;
