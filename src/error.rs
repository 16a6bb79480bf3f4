//! What went wrong, to which object, and what to do next. Turned into a Terraform diagnostic at the edge only.

use std::fmt;

/// A place in a configuration: `deliveries["app"].file.path`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `.name`
    Attribute(String),
    /// `["name"]` of a map
    Key(String),
    /// `[0]` of a list
    Index(usize),
}

impl Path {
    /// A path that starts at a top-level attribute.
    pub fn root(name: &str) -> Self {
        Self(vec![Step::Attribute(name.into())])
    }

    /// This path and one attribute more.
    pub fn attribute(&self, name: &str) -> Self {
        self.with(Step::Attribute(name.into()))
    }

    /// This path and one map key more.
    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.into()))
    }

    /// This path and one place in a list more.
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if index == 0 => write!(f, "{name}")?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// What sort of failure this is. Only decisions are taken from it; people read the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The configuration cannot be right.
    Invalid,
    /// The other side knows us and says no (401, 403, a missing permission).
    Denied,
    /// The other side says for certain that the object is not there.
    NotFound,
    /// A limit of the vendor leaves no room.
    Limit,
    /// Timeouts, 429, 5xx, resets: nothing is known about the object.
    Unavailable,
    /// It may have been done: the answer was lost. Only a later look can tell.
    Uncertain,
    /// A person has to approve it first.
    Awaiting,
    /// A person asked to stop before it was known.
    Interrupted,
    /// The world is not as it was when the plan was made.
    Stale,
    /// A key that is said to be ended is accepted all the same.
    StillValid,
    /// Everything else.
    Other,
}

/// An error that a person can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{summary}: {detail}")]
pub struct Error {
    /// For decisions.
    pub kind: Kind,
    /// What happened, in one line and with the name of the object.
    pub summary: String,
    /// More, ending in what to do next.
    pub detail: String,
    /// The attribute that is to blame; empty when none is.
    pub path: Path,
}

/// One fault where there could be many.
impl From<Error> for Vec<Error> {
    fn from(error: Error) -> Self {
        vec![error]
    }
}

impl Error {
    /// An error without an attribute.
    pub fn new(kind: Kind, summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            kind,
            summary: summary.into(),
            detail: detail.into(),
            path: Path::default(),
        }
    }

    /// A wrong value of one attribute.
    pub fn invalid(path: Path, summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, summary, detail).at(path)
    }

    /// The same error, blamed on an attribute unless it already names one.
    pub fn at(mut self, path: Path) -> Self {
        if self.path.0.is_empty() {
            self.path = path;
        }
        self
    }
}

/// A result whose error a person can act on, unless another error is named.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_in_the_configuration() {
        let path = Path::root("deliveries").key("app").attribute("file");
        assert_eq!(path.to_string(), "deliveries[\"app\"].file");
    }
}
