//! An account that its issuer does not find: gone for certain, or only out of sight.

use std::sync::Arc;

use super::Account;
use crate::error::{Error, Kind, Result};
use crate::issuers::Listed;

impl Account {
    /// Most vendors say of an account that somebody may not see that it is not there. Its keys may work all the same.
    pub(super) fn out_of_sight(&self, error: Error) -> Error {
        if error.kind != Kind::NotFound || self.capabilities().proves_absence {
            return error;
        }
        Error {
            kind: Kind::Denied,
            detail: format!(
                "{} {} was not found: the credentials may be those of another account, or may not see it. Nothing follows from \
                 it about its keys. Only if it was deleted for good did they end with it: then take the resource out of the \
                 state (terraform state rm).",
                error.detail,
                self.account()
            ),
            ..error
        }
    }
}

/// An account that is gone has no keys.
pub(super) fn none_if_gone(keys: Result<Arc<Vec<Listed>>>) -> Result<Arc<Vec<Listed>>> {
    match keys {
        Err(error) if error.kind == Kind::NotFound => Ok(Arc::default()),
        keys => keys,
    }
}
