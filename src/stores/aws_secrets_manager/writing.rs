//! A write to a secret: over the expected version only, and looked at again afterwards.

use std::sync::{MutexGuard, PoisonError};

use super::SecretPlace;
use super::api::{Content, Described, Value};
use crate::error::{Error, Kind, Result};
use crate::http::Refusal;
use crate::secret::Secret;
use crate::stores::aws::{REREAD_DELAYS, changed_meanwhile, explain, overwritten};
use crate::stores::{Receipt, Store, Version};

/// How a secret stands right before the write.
enum Before {
    /// It was made just now, with the document as its first version.
    Written,
    /// It has this value.
    Holds(Option<There>),
}

/// A value that was seen or written. A version never changes it.
#[derive(Clone)]
pub(super) struct There {
    version: String,
    /// What tells it from others; `None` for a binary value.
    content: Option<Version>,
}

impl SecretPlace {
    /// Writes over the expected version, unless the document is there already.
    pub(super) async fn write_over(
        &self,
        expected: &Version,
        content: &Content<'_>,
        token: &str,
    ) -> Result<Receipt> {
        let Before::Holds(before) = self.make_ready(expected, content, token).await? else {
            // The first version of a secret supersedes nothing.
            return Ok(receipt(token));
        };
        if let Some(before) = before.as_ref().filter(|there| there.holds(content.text)) {
            // New settings may want more copies of the same value.
            if !self.place.replicas.is_empty()
                && let Some(secret) = self.describe().await?
            {
                self.replicate(&secret).await?;
            }
            return Ok(receipt(&before.version));
        }
        let former = before.map(|there| there.version);
        if !self.put(content, token).await? {
            self.make_current(token, former.as_deref()).await?;
        }
        self.confirm(token, former.as_deref()).await
    }

    /// Sees to it that there is a secret to put a version into, and that nobody was there since it was looked at.
    async fn make_ready(
        &self,
        expected: &Version,
        content: &Content<'_>,
        token: &str,
    ) -> Result<Before> {
        // Where nothing was, the creation itself tells whether there is something by now, or something that was deleted.
        if *expected == Version::Absent && !self.place.is_arn() {
            match self.create(content, token).await {
                Ok(()) => return Ok(Before::Written),
                Err(refusal) if exists(&refusal) || refusal.is("InvalidRequestException") => {}
                Err(refusal) => return Err(self.uncreated(refusal)),
            }
        }
        match self.describe().await? {
            None if self.place.is_arn() => Err(self.no_such_arn()),
            None => {
                self.refuse_another(None, expected)?;
                match self.create(content, token).await {
                    Ok(()) => Ok(Before::Written),
                    // Somebody was faster, or an earlier attempt of ours did arrive.
                    Err(refusal) if exists(&refusal) => {
                        self.expected(self.there().await?, expected, content)
                    }
                    Err(refusal) => Err(self.uncreated(refusal)),
                }
            }
            Some(secret) if secret.deleted => {
                self.may_restore(&secret)?;
                self.refuse_another(None, expected)?;
                let restored = self.api.restore().await;
                restored.map_err(|refusal| {
                    refusal.explain(format!("{} could not be restored", self.place()))
                })?;
                // Nobody could see this value before.
                Ok(Before::Holds(self.there().await?))
            }
            Some(secret) => {
                self.refuse_what_others_write(&secret)?;
                let there = match self.remembered(&secret, expected) {
                    None => self.there().await?,
                    there => there,
                };
                self.expected(there, expected, content)
            }
        }
    }

    async fn create(&self, content: &Content<'_>, token: &str) -> Result<(), Refusal> {
        let (making, replicas) = (&self.place.making, &self.place.replicas);
        self.api.create(making, replicas, content, token).await
    }

    fn uncreated(&self, refusal: Refusal) -> Error {
        explain(refusal, format!("{} could not be created", self.place()))
    }

    fn expected(
        &self,
        there: Option<There>,
        expected: &Version,
        content: &Content<'_>,
    ) -> Result<Before> {
        if !there
            .as_ref()
            .is_some_and(|there| there.holds(content.text))
        {
            self.refuse_another(there.as_ref(), expected)?;
        }
        Ok(Before::Holds(there))
    }

    pub(super) async fn there(&self) -> Result<Option<There>> {
        let value = self.current().await?;
        Ok(value.as_ref().map(There::of))
    }

    /// The value is the one that this apply has seen or written, if the labels say so now.
    fn remembered(&self, secret: &Described, expected: &Version) -> Option<There> {
        let seen = self.seen().clone()?;
        let is_it = secret.current.as_ref() == Some(&seen.version)
            && *expected == Version::Of(seen.version.clone());
        is_it.then_some(seen)
    }

    pub(super) fn remember(&self, there: There) {
        *self.seen() = Some(there);
    }

    fn seen(&self) -> MutexGuard<'_, Option<There>> {
        // It is replaced whole, so a panic elsewhere leaves nothing half done.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody else was here since the place was looked at.
    pub(super) fn refuse_another(&self, there: Option<&There>, expected: &Version) -> Result<()> {
        let version = there.map_or(Version::Absent, |there| Version::Of(there.version.clone()));
        if version == *expected {
            return Ok(());
        }
        Err(changed_meanwhile(&self.place()))
    }

    /// Whether the version is the current one. A version that exists already may have been superseded meanwhile.
    async fn put(&self, content: &Content<'_>, token: &str) -> Result<bool> {
        self.api.put(content, token).await.map_err(|refusal| {
            if !exists(&refusal) {
                return self.unwritten(refusal);
            }
            Error::new(
                Kind::Stale,
                format!("{} has another value for this write", self.place()),
                format!(
                    "Version {token} was to be written now, but exists already and holds \
                     something else. Somebody wrote it by hand, or two runs went on at the same \
                     time. Run terraform plan again."
                ),
            )
        })
    }

    /// Gives the label of the current version from one version to another. AWS refuses it if the first does not have it.
    async fn make_current(&self, version: &str, former: Option<&str>) -> Result<()> {
        if former == Some(version) {
            return Ok(());
        }
        let moved = self.api.make_current(version, former).await;
        moved.map_err(|refusal| {
            refusal.explain(format!(
                "{} could not be set to version {version}",
                self.place()
            ))
        })
    }

    /// Looks at the labels: the version is the current one, and superseded the one that was there before.
    async fn confirm(&self, version: &str, former: Option<&str>) -> Result<Receipt> {
        let mut delays = REREAD_DELAYS.iter();
        loop {
            let secret = self.describe().await?;
            if let Some(secret) = secret
                && secret.current.as_deref() == Some(version)
            {
                return match secret.previous.as_deref() {
                    Some(other) if former.is_some_and(|former| former != other) => {
                        Err(self.give_way(version, other).await)
                    }
                    _ => self.replicate(&secret).await.map(|()| receipt(version)),
                };
            }
            match delays.next() {
                Some(delay) => self.api.wait(*delay).await?,
                None => return Err(overwritten(&self.place())),
            }
        }
    }

    /// A value that came between the look and the write is newer than what this apply knew. It comes back to the front.
    async fn give_way(&self, version: &str, other: &str) -> Error {
        let outcome = match self.make_current(other, Some(version)).await {
            Ok(()) => format!(
                "Its version {other} is the current one again, and nothing else was changed."
            ),
            Err(error) => format!(
                "Its version {other} is kept as AWSPREVIOUS, but could not be made the current one again: {error}"
            ),
        };
        Error::new(
            Kind::Stale,
            format!(
                "{} was written by somebody else at the same moment",
                self.place()
            ),
            format!(
                "{outcome} Find out who writes there (a rotation Lambda, another Terraform configuration), stop it, then \
                 run terraform plan again."
            ),
        )
    }
}

impl There {
    pub(super) fn of(value: &Value) -> Self {
        Self {
            version: value.version.clone(),
            content: value.text.as_ref().map(digest),
        }
    }

    pub(super) fn written(version: &str, text: &Secret) -> Self {
        Self {
            version: version.to_owned(),
            content: Some(digest(text)),
        }
    }

    fn holds(&self, wanted: &Secret) -> bool {
        self.content == Some(digest(wanted))
    }
}

fn digest(text: &Secret) -> Version {
    Version::of_bytes(text.expose().as_bytes())
}

fn exists(refusal: &Refusal) -> bool {
    refusal.is("ResourceExistsException")
}

fn receipt(version: &str) -> Receipt {
    Receipt {
        content: Version::Of(version.to_owned()),
        version: Some(version.to_owned()),
    }
}
