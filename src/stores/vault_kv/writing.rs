//! A write to a key/value engine: over the expected content only.

use super::SecretPlace;
use super::api::About;
use crate::error::{Error, Kind, Result};
use crate::http::Meaning;
use crate::secret::Secret;
use crate::stores::{Receipt, Store, Version};
use crate::vendors::vault::Looked;

impl SecretPlace {
    /// The engine itself compares the number of the version that is written over.
    pub(super) async fn write_version(
        &self,
        text: &str,
        expected: &Version,
        secrets: &[&Secret],
    ) -> Result<Receipt> {
        let number = match expected {
            Version::Absent => Some(0),
            Version::Of(version) => number_in(version),
        };
        if let Some(number) = number
            && let Some(about) = self.put_over(number, text, secrets).await?
        {
            return self.lasting(about, expected).await;
        }
        // Somebody was faster, an earlier attempt of ours did arrive, or what stood there was deleted and counts on.
        let looked = self.api.read(&self.place).await;
        let over = match looked.map_err(|refusal| self.unread(refusal))? {
            Looked::There(stored) if stored.holds(text) => {
                return match stored.about {
                    Some(about) => self.lasting(about, expected).await,
                    None => Ok(receipt(stored.version, None)),
                };
            }
            Looked::Gone(remains) if *expected == Version::Absent => remains.version,
            _ => return Err(changed_meanwhile(&self.place())),
        };
        match self.put_over(over, text, secrets).await? {
            Some(about) => self.lasting(about, expected).await,
            None => Err(changed_meanwhile(&self.place())),
        }
    }

    /// `None` if another version stands there.
    async fn put_over(
        &self,
        number: u64,
        text: &str,
        secrets: &[&Secret],
    ) -> Result<Option<About>> {
        match self.api.put_over(&self.place, number, text, secrets).await {
            Ok(about) => Ok(Some(about)),
            Err(refusal) if refusal.meaning == Meaning::Conflict => Ok(None),
            Err(refusal) => Err(self.unwritten(refusal)),
        }
    }

    /// A version that the engine deletes by itself after a while would leave its readers without a key.
    async fn lasting(&self, about: About, replaced: &Version) -> Result<Receipt> {
        if about.deletion_time.is_empty() {
            return Ok(receipt(about.content(), Some(about.version)));
        }
        let outcome = match replaced {
            Version::Absent => match self.api.delete_version(&self.place, about.version).await {
                Ok(()) => "The version was deleted again.".to_owned(),
                Err(refusal) => refusal
                    .explain("The version could not be deleted again")
                    .to_string(),
            },
            // Whoever reads without naming a version gets the latest, and nothing at all if that is deleted.
            Version::Of(_) => "Until then it stays, for its readers have no other.".to_owned(),
        };
        Err(Error::new(
            Kind::Invalid,
            format!("{} does not keep what is written", self.place()),
            format!(
                "It deletes its versions by itself (delete_version_after), this one at {}, and readers would be left without \
                 a key. {outcome} Set delete_version_after to 0 there ({} -delete-version-after=0s) and at the mount, or \
                 deliver elsewhere.",
                about.deletion_time,
                self.place.command(&self.api.client, "metadata put"),
            ),
        ))
    }

    /// The engine writes over anything, so it is looked at before and after.
    pub(super) async fn write_plainly(
        &self,
        text: &str,
        expected: &Version,
        secrets: &[&Secret],
    ) -> Result<Receipt> {
        let there = self.plain().await?;
        if let Some(version) = there
            .as_ref()
            .filter(|(_, holds)| holds(text))
            .map(|(version, _)| version)
        {
            return Ok(receipt(version.clone(), None));
        }
        if there.map_or(Version::Absent, |(version, _)| version) != *expected {
            return Err(changed_meanwhile(&self.place()));
        }
        let written = self.api.put(&self.place, text, secrets).await;
        written.map_err(|refusal| self.unwritten(refusal))?;
        match self.plain().await? {
            Some((version, holds)) if holds(text) => Ok(receipt(version, None)),
            _ => Err(overwritten(&self.place())),
        }
    }

    async fn plain(&self) -> Result<Option<(Version, impl Fn(&str) -> bool)>> {
        let looked = self.api.read(&self.place).await;
        Ok(match looked.map_err(|refusal| self.unread(refusal))? {
            Looked::There(stored) => {
                Some((stored.version.clone(), move |text: &str| stored.holds(text)))
            }
            _ => None,
        })
    }
}

fn number_in(version: &str) -> Option<u64> {
    version.split(' ').next()?.parse().ok()
}

fn receipt(content: Version, number: Option<u64>) -> Receipt {
    Receipt {
        content,
        version: number.map(|number| number.to_string()),
    }
}

/// Somebody else was here since the place was looked at.
pub(super) fn changed_meanwhile(place: &str) -> Error {
    Error::new(
        Kind::Stale,
        format!("{place} was changed in the meantime"),
        "Somebody else wrote it, or deleted it, since this apply looked at it. It was left as it is. Plan again.",
    )
}

/// Somebody else was here right after the write.
fn overwritten(place: &str) -> Error {
    Error::new(
        Kind::Stale,
        format!("{place} does not hold what was written"),
        "Somebody else wrote it at the same time. Find out who does, stop it, then run terraform plan again.",
    )
}
