//! The store `file`: both slots in a file on this machine, as JSON or as variables of a dotenv file.
//!
//! Here are the settings. What is done with them is in `target`, what a dotenv file looks like in `dotenv` and
//! `scan`, how a file is looked at and replaced in `disk` and `replace`, who else could get at it in `access` and
//! `windows`, and what it is under every name in `identity` and `file_id`.

mod access;
mod disk;
pub(crate) mod dotenv;
mod file_id;
mod identity;
mod replace;
mod scan;
mod target;
#[cfg(windows)]
mod windows;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use tf_provider::schema::AttributeType;
use tf_provider::value::ValueAny;
use zeroize::Zeroizing;

use super::fields;
use super::shape::{self, Shape};
use super::{Store, StoreKind};
use crate::context::Context;
use crate::error::Result;
use crate::issuers::Permission;
use crate::schema::{Attributes, attributes, optional, required};
use crate::settings::{DROPPED, Settings};

use dotenv::Names;

/// Bytes of a file that may hold secrets: wiped when dropped.
type Bytes = Zeroizing<Vec<u8>>;

/// Leaves room for what the names of the files beside it add, within the 255 bytes of common file systems.
const LONGEST_NAME: usize = 200;

/// The table entry of the store.
pub struct File;

impl StoreKind for File {
    fn name(&self) -> &'static str {
        "file"
    }

    fn description(&self) -> &'static str {
        "A file on the machine that runs Terraform, replaced in one step, readable by its owner only (mode 0600), \
         in directories that no other user can write. On Windows its access list names the owner, administrators and the \
         system, whatever its directory allows; who may write to the directory is for you to judge. Drives of Windows in \
         WSL and network shares that keep no modes are refused. \
         As `json` it belongs to one delivery; a `dotenv` file may be shared by several deliveries and with \
         variables of your own, which are left as they are."
    }

    fn attributes(&self) -> Attributes {
        attributes([
            (
                "path",
                required(
                    AttributeType::String,
                    "Where the file is. A relative path starts at the working directory of Terraform. Missing \
                     directories are created with mode 0700.",
                ),
            ),
            (
                "format",
                optional(
                    AttributeType::String,
                    "`json` (default, except where the file is named like a dotenv file: then it must be said) or `dotenv`: lines such as `API_KEY_PRIMARY=…`, which `sh`, \
                     `docker --env-file` and dotenv libraries read alike.",
                ),
            ),
            (
                "prefix",
                optional(
                    AttributeType::String,
                    "What the variables of a `dotenv` file begin with, or those of a `json` file with `layout = \"variables\"`: `<prefix>_PRIMARY`, `<prefix>_SECONDARY` \
                     (empty when there is none), `<prefix>_GENERATION` and, for keys with a public id, \
                     `<prefix>_PRIMARY_ID` and `<prefix>_SECONDARY_ID`. Default `API_KEY`.",
                ),
            ),
            (
                "layout",
                optional(
                    AttributeType::String,
                    &format!("Of a `json` file. {}", shape::LAYOUT_WORDS),
                ),
            ),
            ("fields", shape::fields_attribute("Of a `json` file. ")),
        ])
    }

    fn can_be_gone(&self) -> bool {
        true
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let text = |text: &str| ValueAny::String(text.into());
        BTreeMap::from([
            ("path".to_owned(), text("secrets/payments.env")),
            ("format".to_owned(), text("dotenv")),
        ])
    }

    /// None: nobody is asked.
    fn permissions(&self) -> &'static [Permission] {
        &[]
    }

    fn connect(&self, settings: &Settings, _: &Context) -> Result<Box<dyn Store>> {
        Ok(Box::new(Target::from_settings(settings)?))
    }
}

/// One file, or one prefix in it.
#[derive(Clone, Debug)]
struct Target {
    path: PathBuf,
    format: Format,
}

#[derive(Clone, Debug)]
enum Format {
    Json(Shape),
    Dotenv(Names),
}

impl Target {
    fn from_settings(settings: &Settings) -> Result<Self> {
        let path = absolute(settings)?;
        let refuse = |name: &str, format: &str| match settings.string(name) {
            None => Ok(()),
            Some(_) => Err(settings.wrong(
                name,
                format!("{name} does not go with this format"),
                format!(
                    "{name} is for format = {format:?} only. Remove {name}, or set the format."
                ),
            )),
        };
        let json = || {
            // A prefix is rather a format that was left out than a layout.
            if settings.string("layout") != Some("variables") {
                refuse("prefix", "dotenv")?;
            }
            Shape::from_settings(settings).map(Format::Json)
        };
        let format = match settings.one_of("format", &["json", "dotenv"])? {
            Some("dotenv") => {
                refuse("layout", "json")?;
                if fields::is_set(settings) {
                    return Err(settings.wrong(
                        "fields",
                        "fields does not go with this format",
                        "fields is for format = \"json\" only. Remove fields, or set the format.",
                    ));
                }
                Format::Dotenv(Names::from_settings(settings)?)
            }
            Some(_) => json()?,
            None => {
                let format = json()?;
                refuse_doubtful_format(settings, &path)?;
                format
            }
        };
        Ok(Self { path, format })
    }
}

/// A misspelt `format` never gets here, and JSON in a dotenv file would be found out by the application.
fn refuse_doubtful_format(settings: &Settings, path: &Path) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !name.ends_with(".env") && !name.starts_with(".env") {
        return Ok(());
    }
    Err(settings.wrong(
        "format",
        "format is missing",
        format!(
            "{name:?} is the name of a dotenv file, but without a format JSON is written. Set format = \"dotenv\" or \
             format = \"json\". {DROPPED}"
        ),
    ))
}

/// The path of the settings, absolute and without `.` and `..`, so that one place has one text.
fn absolute(settings: &Settings) -> Result<PathBuf> {
    let text = settings.required_string("path")?;
    let wrong = |detail: String| settings.wrong("path", "path is not valid", detail);
    if text.starts_with('~') {
        return Err(wrong(format!(
            "{text:?}: nothing expands ~ here. Write pathexpand({text:?})."
        )));
    }
    if text.contains('\0') {
        return Err(wrong(format!("{text:?} holds a NUL character.")));
    }
    if text.ends_with(std::path::is_separator) || text.ends_with("/.") || text.ends_with("/..") {
        return Err(wrong(format!(
            "{text:?} is a directory. Name a file in it."
        )));
    }
    let path = std::path::absolute(text)
        .map(|path| cleaned(&path))
        .map_err(|error| wrong(format!("{text:?} has no absolute form: {error}.")))?;
    match path.file_name() {
        None => Err(wrong(format!(
            "{text:?} is a directory. Name a file in it."
        ))),
        Some(name) if name.len() > LONGEST_NAME => Err(wrong(format!(
            "The name of the file is longer than {LONGEST_NAME} bytes."
        ))),
        Some(_) => Ok(path),
    }
}

fn cleaned(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            // At the root there is nothing to pop, and /.. is /.
            Component::ParentDir => drop(clean.pop()),
            other => clean.push(other),
        }
    }
    clean
}
