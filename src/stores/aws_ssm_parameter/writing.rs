//! A write to a parameter: over the expected version only.
//!
//! Parameter Store has no condition for a write over something, but counts: the version that a write gets tells whether
//! another one came between. If so, that one is put back in front, for it is newer than what this apply knew.

use super::api::{Content, Parameter, Value, mark};
use crate::error::{Error, Kind, Result};
use crate::http::Refusal;
use crate::stores::aws::{Making, REREAD_DELAYS, changed_meanwhile, explain, overwritten};

impl Parameter {
    /// What it holds.
    pub async fn look(&self) -> Result<Option<Value>> {
        let current = self.current().await;
        current.map_err(|refusal| explain(refusal, format!("{} could not be read", self.place)))
    }

    /// Writes over the expected content, unless it is there already. Tells the version, and what tells its content.
    pub async fn write_over(
        &self,
        expected: Option<&str>,
        content: &Content<'_>,
        making: &Making,
        tier: Option<&str>,
    ) -> Result<(u64, String)> {
        let before = self.look().await?;
        let is_there = |value: &&Value| value.holds(content.text) && value.is_encrypted;
        if let Some(there) = before.as_ref().filter(is_there) {
            return Ok((there.version, there.mark()));
        }
        self.refuse_another(before.as_ref(), expected)?;
        let version = match before {
            None => match self.create(making, tier, content).await {
                Ok(version) => version,
                Err(refusal) if refusal.is("ParameterAlreadyExists") => {
                    self.exists_after_all(content).await?
                }
                Err(refusal) => return Err(self.not_created(refusal)),
            },
            Some(before) => {
                self.refuse_plain(&before)?;
                let version = self.put_over(content).await?;
                self.give_way(before.version, version, content).await?;
                version
            }
        };
        self.confirm(version, content).await?;
        Ok((version, mark(version, content.text)))
    }

    /// Somebody was faster, or an earlier attempt of ours did arrive.
    async fn exists_after_all(&self, content: &Content<'_>) -> Result<u64> {
        match self.look().await? {
            Some(value) if value.holds(content.text) => Ok(value.version),
            Some(_) => Err(changed_meanwhile(&self.place)),
            None => Err(Error::new(
                Kind::Unavailable,
                format!("{} was deleted a moment ago", self.place),
                "AWS takes half a minute before a parameter of the same name can be made again. Apply again then.",
            )),
        }
    }

    async fn put_over(&self, content: &Content<'_>) -> Result<u64> {
        let put = self.overwrite(content).await;
        put.map_err(|refusal| explain(refusal, format!("{} could not be written", self.place)))
    }

    /// A write that came between ours and the look before it comes back to the front. A version with our own text is an
    /// earlier attempt of the same write.
    async fn give_way(&self, before: u64, ours: u64, content: &Content<'_>) -> Result<()> {
        // A parameter that was deleted and made anew counts from the start.
        let first = if ours > before { before + 1 } else { 1 };
        for version in (first..ours).rev() {
            let theirs = self.version(version).await.map_err(|refusal| {
                refusal.explain(format!(
                    "Version {version} of {} could not be read",
                    self.place
                ))
            })?;
            let Some(theirs) = theirs.filter(|theirs| !theirs.holds(content.text)) else {
                continue;
            };
            let hidden = [&theirs.text];
            let back = Content {
                text: &theirs.text,
                hidden: &hidden,
            };
            let outcome = match self.put_over(&back).await {
                Ok(now) => format!(
                    "Its version {version}, which came in between, is the newest again, as version {now}."
                ),
                Err(error) => format!(
                    "Its version {version}, which came in between, is kept but could not be made the newest again: {error}"
                ),
            };
            return Err(Error::new(
                Kind::Stale,
                format!(
                    "{} was written by somebody else at the same moment",
                    self.place
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
    async fn confirm(&self, version: u64, content: &Content<'_>) -> Result<()> {
        let mut delays = REREAD_DELAYS.iter();
        loop {
            match self.look().await? {
                Some(there) if there.version == version && there.holds(content.text) => {
                    return Ok(());
                }
                Some(there) if there.version > version => return Err(overwritten(&self.place)),
                _ => {}
            }
            match delays.next() {
                Some(delay) => self.session.wait(*delay).await?,
                None => return Err(overwritten(&self.place)),
            }
        }
    }

    /// Somebody else was here since the parameter was looked at.
    pub fn refuse_another(&self, there: Option<&Value>, expected: Option<&str>) -> Result<()> {
        match there.map(Value::mark).as_deref() == expected {
            true => Ok(()),
            false => Err(changed_meanwhile(&self.place)),
        }
    }

    /// The type of a parameter cannot be changed, and any other than this one is not encrypted.
    pub fn refuse_plain(&self, there: &Value) -> Result<()> {
        if there.is_encrypted {
            return Ok(());
        }
        let name = &self.name;
        Err(Error::new(
            Kind::Invalid,
            format!("{} is not encrypted", self.place),
            format!(
                "It exists and is no SecureString, so that whoever may read parameters could read the key. AWS cannot \
                 change the type of a parameter. Delete it (aws ssm delete-parameter --name {name}) and it is created as \
                 a SecureString, or deliver to another name."
            ),
        ))
    }

    fn not_created(&self, refusal: Refusal) -> Error {
        explain(refusal, format!("{} could not be created", self.place))
    }
}
