//! Turns our errors into Terraform's diagnostics, once, at the edge.

use tf_provider::{AttributePath, Diagnostics};

use crate::error::{Error, Path, Step};

/// Reports an error.
pub fn report(diags: &mut Diagnostics, error: Error) {
    diags.error(error.summary, error.detail, attribute_path(&error.path));
}

/// Reports what went wrong but does not stop anything.
pub fn warn(diags: &mut Diagnostics, error: Error) {
    diags.warning(error.summary, error.detail, attribute_path(&error.path));
}

/// Reports the error, or every error of a list, and gives back the value if there was none.
pub fn collect<T>(diags: &mut Diagnostics, result: Result<T, impl Into<Vec<Error>>>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(errors) => {
            let errors = errors.into().into_iter();
            errors.for_each(|error| report(diags, error));
            None
        }
    }
}

fn attribute_path(path: &Path) -> AttributePath {
    path.0
        .iter()
        .fold(AttributePath::default(), |path, step| match step {
            Step::Attribute(name) => path.attribute(name.clone()),
            Step::Key(key) => path.key(key.clone()),
            Step::Index(index) => path.index(i64::try_from(*index).unwrap_or(i64::MAX)),
        })
}
