//! Ends a key, and looks whether the list agrees.

use super::{Account, find};
use crate::error::{Error, Kind, Result};
use crate::issuers::{KeyRef, KeyStatus, Listed, Revoked};

impl Account {
    /// See [`Issuer::revoke`]. A key that is gone already counts as done.
    pub async fn revoke(&self, key: KeyRef<'_>, survivor: Option<KeyRef<'_>>) -> Result<()> {
        let mut revoked = match self.issuer.revoke(key, survivor).await {
            // A person with more rights was faster.
            Err(error) if error.kind == Kind::Denied && self.is_gone(key).await => {
                Revoked::NotFound
            }
            revoked => revoked?,
        };
        let Some(id) = key.key_id.filter(|_| self.capabilities().lists()) else {
            return Ok(());
        };
        // A key made a moment ago may not be known everywhere yet, and would live on; so the list has the last word.
        if revoked == Revoked::NotFound {
            let keys = self.list_again(|keys| find(keys, id).is_some()).await?;
            if find(&keys, id).is_some() {
                revoked = self.issuer.revoke(key, survivor).await?;
            } else {
                revoked = Revoked::Ended;
            }
        }
        if revoked == Revoked::NotFound {
            return Err(self.listed_and_unknown(id));
        }
        if self.capabilities().is_declared && self.is_still_listed(id).await? {
            return Err(self.revoked_and_listed(id));
        }
        self.note(|keys| keys.retain(|there| there.key_id != id))
            .await;
        Ok(())
    }

    /// Whether a list that was read just now lacks the key; not so where it cannot be told.
    async fn is_gone(&self, key: KeyRef<'_>) -> bool {
        let Some(id) = key.key_id.filter(|_| self.capabilities().lists()) else {
            return false;
        };
        let listed = self.list_again(|keys| find(keys, id).is_some()).await;
        listed.is_ok_and(|keys| find(&keys, id).is_none())
    }

    fn listed_and_unknown(&self, id: &str) -> Error {
        Error::new(
            Kind::Unavailable,
            format!(
                "{} lists key {id} and says that there is none",
                self.account()
            ),
            match self.capabilities().is_declared {
                false => "It may have been created a moment ago. Apply again in a minute.",
                true => {
                    "It may have been created a moment ago: then apply again in a minute. Otherwise the address of revoke \
                     in the declaration of the API is wrong, or that of another API."
                }
            },
        )
    }

    fn revoked_and_listed(&self, id: &str) -> Error {
        Error::new(
            Kind::Other,
            format!("{} still lists key {id}", self.account()),
            "It answered the revocation with a success. Check revoke in the declaration of the API. If keys that ended stay in \
             the list, say in list.active how they are told.",
        )
    }

    /// Whether the list goes on to show a key as one that works.
    async fn is_still_listed(&self, id: &str) -> Result<bool> {
        let works =
            |keys: &[Listed]| find(keys, id).is_some_and(|key| key.status == KeyStatus::Active);
        Ok(works(&self.list_again(|keys| !works(keys)).await?))
    }
}
