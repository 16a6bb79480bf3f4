//! A mint whose answer was lost: what the list tells of it.

use super::{Account, find};
use crate::error::{Error, Kind};
use crate::issuers::{KeyRef, Listed};

impl Account {
    /// Looks for a key that may have been created although its answer was lost. Its secret is gone, so it is of no use. One
    /// whose label tells that it came of this mint is revoked again; somebody else may have created any other in the same
    /// moment, so that is only told of.
    pub(super) async fn lost_mint(&self, token: &str, before: &[Listed], lost: Error) -> Error {
        let may_be_ours = |key: &&Listed| {
            find(before, &key.key_id).is_none() && key.came_of(token) != Some(false)
        };
        let listed = self.list_again(|keys| keys.iter().any(|key| may_be_ours(&key)));
        let found = match listed.await {
            Err(error) => format!(
                "The list could not be read to find out ({}); look for a new key of this account and delete it.",
                error.summary
            ),
            Ok(keys) => match keys.iter().find(may_be_ours) {
                Some(key) if key.came_of(token).is_some() => {
                    return self.take_back(key, lost).await;
                }
                Some(key) => self.found_after_lost_mint(key),
                None => "No new key has appeared, so apply again.".to_owned(),
            },
        };
        Error {
            detail: format!("{} {found}", lost.detail),
            ..lost
        }
    }

    /// A key of this very mint, whose secret was never received, is revoked again: then nothing is left of it.
    async fn take_back(&self, key: &Listed, lost: Error) -> Error {
        let id = &key.key_id;
        match self.revoke(KeyRef::of_id(id), None).await {
            Ok(()) => Error {
                kind: Kind::Unavailable,
                detail: format!(
                    "{} It was: the list holds {id} with the label of this mint. Its secret was never received, so it was \
                     revoked again, and nothing has changed. Apply again.",
                    lost.detail
                ),
                ..lost
            },
            Err(error) => Error {
                detail: format!(
                    "{} {} Revoking it failed: {}.",
                    lost.detail,
                    self.found_after_lost_mint(key),
                    error.summary
                ),
                ..lost
            },
        }
    }

    fn found_after_lost_mint(&self, key: &Listed) -> String {
        let id = &key.key_id;
        let how = self.cli(id);
        let how = how.map_or_else(String::new, |cli| format!(" ({})", cli.delete));
        let created = key.created_at;
        let created = created.map_or_else(String::new, |at| format!(" (created {at})"));
        format!(
            "A new key has appeared, {id}{created}. Its secret was never received. With a ledger, the next plan shows it \
             and its apply revokes it; without one, if nobody else created it, delete it{how}, then apply again."
        )
    }
}
