//! The files of `examples/`, and the places in hand-written pages that show them.

use std::io;
use std::path::{Path, PathBuf};

use super::panels;

/// One example file.
#[derive(Debug)]
pub struct Example {
    /// What it is written in, in the words of Markdown.
    pub language: &'static str,
    text: String,
}

impl Example {
    fn read(path: &Path) -> io::Result<Self> {
        let language = match path.extension().and_then(|extension| extension.to_str()) {
            Some("tf" | "hcl") => "terraform",
            Some("sh") => "shell",
            Some("py") => "python",
            Some("mjs") => "javascript",
            Some("go") => "go",
            Some("json") => "json",
            Some("yaml" | "yml") => "yaml",
            _ => "text",
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })?;
        Ok(Self { language, text })
    }

    /// Its first comment, without the full stop.
    pub fn title(&self) -> &str {
        let first = self.text.lines().next().unwrap_or_default();
        first.trim_start_matches('#').trim().trim_end_matches('.')
    }

    /// Whether it says this.
    pub fn has(&self, words: &str) -> bool {
        self.text.contains(words)
    }

    /// It as a block of code.
    pub fn block(&self) -> String {
        fenced(self.language, &self.text)
    }

    /// The same without the first comment, which is a heading already.
    pub fn block_below_title(&self) -> String {
        let (_, rest) = self.text.split_once('\n').unwrap_or_default();
        fenced(self.language, rest)
    }
}

fn fenced(language: &str, text: &str) -> String {
    format!("```{language}\n{}\n```", text.trim_end())
}

/// The examples of one folder below `examples/` whose names begin with `stem`: `<stem>.…` first, then by name.
pub fn of(root: &Path, folder: &str, stem: &str) -> io::Result<Vec<Example>> {
    let mut paths = files(&root.join("examples").join(folder))?;
    let name = |path: &Path| {
        path.file_stem()
            .map(|name| name.to_string_lossy().into_owned())
    };
    paths.retain(|path| name(path).is_some_and(|name| name.starts_with(stem)));
    paths.sort_by_key(|path| (name(path).as_deref() != Some(stem), path.clone()));
    paths.iter().map(|path| Example::read(path)).collect()
}

/// The pages that people write, by their path in the checkout.
pub fn hand_written(root: &Path) -> io::Result<Vec<PathBuf>> {
    let guides = files(&root.join("docs/guides"))?;
    let relative = |path: PathBuf| path.strip_prefix(root).map(Path::to_owned).ok();
    Ok(guides
        .into_iter()
        .filter_map(relative)
        .chain([PathBuf::from("README.md")])
        .collect())
}

/// The text with every included file, and the panels of every dashboard, as they are now.
pub fn refreshed(text: &str, root: &Path) -> io::Result<String> {
    let mut fresh = String::with_capacity(text.len());
    let mut end: Option<String> = None;
    for line in text.split_inclusive('\n') {
        if end.as_deref().is_some_and(|end| line.trim_end() != end) {
            continue;
        }
        end = None;
        fresh.push_str(line);
        let Some((word, path)) = marked(line) else {
            continue;
        };
        let path = root.join(path);
        let made = match word {
            "include" => Example::read(&path)?.block(),
            "panels" => panels::table(&path)?,
            _ => continue,
        };
        fresh.push_str(&made);
        fresh.push('\n');
        end = Some(format!("<!-- /{word} -->"));
    }
    match end {
        None => Ok(fresh),
        Some(end) => Err(io::Error::other(format!("{end} is missing"))),
    }
}

/// `<!-- include examples/main.tf -->`, before what is made from that file.
fn marked(line: &str) -> Option<(&str, &str)> {
    let comment = line
        .strip_prefix("<!-- ")?
        .trim_end()
        .strip_suffix(" -->")?;
    comment.split_once(' ')
}

/// The files of a folder in order; none if there is no such folder.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
