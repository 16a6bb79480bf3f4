//! A write to a secret: over the expected version only, and looked at again afterwards.

use std::time::Duration;

use super::answers::{Described, Newest, mark};
use super::api::Content;
use super::{Look, SecretPlace};
use crate::error::{Error, Kind, Result};
use crate::http::{Meaning, Refusal};
use crate::stores::shape::Shape;
use crate::stores::{Receipt, Store, Version};

/// What was just written may show a moment late; after these waits it is taken for lost.
const REREAD_DELAYS: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

impl SecretPlace {
    /// Writes over the expected version, unless the document is there already.
    pub(super) async fn write_over(
        &self,
        expected: &Version,
        content: &Content<'_>,
    ) -> Result<Receipt> {
        let look = self.look().await?;
        let number = match &look.newest {
            Newest::Value(value) if value.holds(content.data) => value.number,
            _ => {
                self.refuse_another(&look, expected)?;
                if look.secret.is_none() {
                    self.create(content).await?;
                }
                self.add(look.newest.number(), content).await?
            }
        };
        self.confirm(number, content).await?;
        self.lead_there(number).await?;
        Ok(Receipt {
            content: Version::Of(mark(number, content.data)),
            version: Some(number.to_string()),
        })
    }

    /// Somebody else was here since the secret was looked at.
    pub(super) fn refuse_another(&self, look: &Look, expected: &Version) -> Result<()> {
        match look.version() == *expected {
            true => Ok(()),
            false => Err(self.changed_meanwhile()),
        }
    }

    async fn create(&self, content: &Content<'_>) -> Result<()> {
        match self.api.create(&self.place.new_secret()).await {
            Ok(()) => Ok(()),
            // Somebody was faster, or an earlier attempt of ours did arrive.
            Err(refusal) if refusal.meaning == Meaning::Conflict => match self.newest().await? {
                Newest::None => Ok(()),
                Newest::Value(value) if value.holds(content.data) => Ok(()),
                _ => Err(self.changed_meanwhile()),
            },
            Err(refusal) => Err(refusal.explain(format!("{} could not be created", self.place()))),
        }
    }

    /// Adds a version after the one that was seen, and tells its number. If the answer is lost, what stands there tells
    /// whether it was added.
    async fn add(&self, before: u64, content: &Content<'_>) -> Result<u64> {
        let mut delays = REREAD_DELAYS.iter();
        loop {
            let refusal = match self.api.add(content).await {
                Ok(number) => {
                    self.give_way(before, number, content).await?;
                    return Ok(number);
                }
                Err(refusal) if !refusal.outcome_unknown => return Err(self.unwritten(refusal)),
                Err(refusal) => refusal,
            };
            let Some(delay) = delays.next() else {
                return Err(self.unwritten(refusal));
            };
            self.api.client.http().wait(*delay).await?;
            match self.newest().await? {
                Newest::Value(value) if value.holds(content.data) => {
                    self.give_way(before, value.number, content).await?;
                    return Ok(value.number);
                }
                newest if newest.number() == before => {}
                _ => return Err(self.changed_meanwhile()),
            }
        }
    }

    fn unwritten(&self, refusal: Refusal) -> Error {
        refusal.explain(format!("{} could not be written", self.place()))
    }

    /// A version that came between ours and the look before it is newer than what this apply knew. It comes back to the
    /// front. One with our own text is an earlier attempt of the same write.
    async fn give_way(&self, before: u64, ours: u64, content: &Content<'_>) -> Result<()> {
        // A secret that was deleted and made anew counts from the start.
        let first = if ours > before { before + 1 } else { 1 };
        for number in (first..ours).rev() {
            let theirs = self.api.version(number).await.map_err(|refusal| {
                refusal.explain(format!(
                    "Version {number} of {} could not be read",
                    self.place()
                ))
            })?;
            let Some(theirs) = theirs.filter(|theirs| !theirs.holds(content.data)) else {
                continue;
            };
            let back = Content {
                data: &theirs.data,
                hidden: content.hidden,
            };
            let outcome = match self.api.add(&back).await {
                Ok(now) => format!(
                    "Its version {number}, which came in between, is the newest again, as version {now}."
                ),
                Err(refusal) => {
                    let error = self.unwritten(refusal);
                    format!(
                        "Its version {number}, which came in between, is kept but could not be made the newest again: {error}"
                    )
                }
            };
            return Err(Error::new(
                Kind::Stale,
                format!(
                    "{} was written by somebody else at the same moment",
                    self.place()
                ),
                format!(
                    "{outcome} Find out who writes there (another Terraform configuration, a script), stop it, then run \
                     terraform plan again."
                ),
            ));
        }
        Ok(())
    }

    /// Reads back what was written.
    async fn confirm(&self, number: u64, content: &Content<'_>) -> Result<()> {
        let mut delays = REREAD_DELAYS.iter();
        loop {
            match self.newest().await? {
                Newest::Value(value) if value.number == number && value.holds(content.data) => {
                    return Ok(());
                }
                newest if newest.number() > number => return Err(self.overwritten()),
                _ => {}
            }
            match delays.next() {
                Some(delay) => self.api.client.http().wait(*delay).await?,
                None => return Err(self.overwritten()),
            }
        }
    }

    /// Moves the alias. If the secret is another by then, it is looked at again: only its alias must not have moved on.
    async fn lead_there(&self, number: u64) -> Result<()> {
        let Some(alias) = &self.place.alias else {
            return Ok(());
        };
        let mut delays = REREAD_DELAYS.iter();
        loop {
            let secret = self.describe().await?;
            let secret = secret.ok_or_else(|| self.changed_meanwhile())?;
            match secret.aliased(alias) {
                Some(there) if there == number => return Ok(()),
                Some(there) if there > number => return Err(self.overwritten()),
                _ => {}
            }
            let refusal = match self.api.point(&secret, alias, number).await {
                Ok(()) => return Ok(()),
                Err(refusal) => refusal,
            };
            let is_stale =
                refusal.meaning == Meaning::Conflict || refusal.is("FAILED_PRECONDITION");
            match delays.next().filter(|_| is_stale) {
                Some(delay) => self.api.client.http().wait(*delay).await?,
                None => return Err(self.not_led_there(alias, &secret, number, refusal)),
            }
        }
    }

    fn not_led_there(
        &self,
        alias: &str,
        secret: &Described,
        number: u64,
        refusal: Refusal,
    ) -> Error {
        let error = refusal.explain(format!(
            "{} was written as version {number}, but its alias {alias:?} could not be moved there",
            self.place()
        ));
        let readers = match secret.aliased(alias) {
            Some(there) => format!("still get version {there}, with the keys from before"),
            None => "get nothing".to_owned(),
        };
        Error {
            detail: format!(
                "{} Those who read by the alias {readers}; those who read the newest version get what was written. If nobody \
                 reads by the alias, set version_alias = \"\" in the delivery.",
                error.detail
            ),
            ..error
        }
    }

    /// Takes former documents away from readers, once the newest holds one key alone. What others added stays.
    pub(super) async fn disable_former(&self, newest: &str) -> Result<()> {
        let disabled = self.disable_ours_before(newest).await;
        disabled.map_err(|refusal| {
            let error = refusal.explain(format!(
                "former versions of {} could not be disabled",
                self.place()
            ));
            Error {
                detail: format!(
                    "{} Whoever may read the secret can still read the keys in them; it is written, and every apply tries \
                     again until they are disabled.",
                    error.detail
                ),
                ..error
            }
        })
    }

    async fn disable_ours_before(&self, newest: &str) -> Result<(), Refusal> {
        for version in self.api.enabled().await? {
            let number = version.number();
            if !version.is_enabled() || newest.parse().is_ok_and(|newest| number >= newest) {
                continue;
            }
            let value = self.api.version(number).await?;
            let text = value.as_ref().and_then(|value| value.text());
            if text.is_some_and(|text| Shape::parse(text).is_some()) {
                self.api.disable(&version).await?;
            }
        }
        Ok(())
    }

    fn changed_meanwhile(&self) -> Error {
        Error::new(
            Kind::Stale,
            format!("{} was changed in the meantime", self.place()),
            "Somebody else added a version, or deleted the secret, since this apply looked at it. It was left as it is. Plan again.",
        )
    }

    fn overwritten(&self) -> Error {
        Error::new(
            Kind::Stale,
            format!("{} does not hold what was written", self.place()),
            "Somebody else added a version, or moved the alias, at the same time. Find out who does (another Terraform \
             configuration, a script), stop it, then run terraform plan again.",
        )
    }
}
