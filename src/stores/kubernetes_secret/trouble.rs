//! What speaks against a write to a Secret, and what went wrong with one.

use super::Target;
use super::wire::Object;
use crate::error::{Error, Kind, Result};
use crate::http::{Meaning, Refusal};
use crate::stores::{Foreign, Store, Version};

impl Target {
    /// Somebody else was here since the Secret was looked at.
    pub fn refuse_another(&self, there: Option<&Object>, expected: &Version) -> Result<()> {
        match self.version_of(there) == *expected {
            true => Ok(()),
            false => Err(Error::new(
                Kind::Stale,
                format!("{} was changed in the meantime", self.place()),
                "Somebody else wrote a value, or deleted it, since this apply looked at it. It was left as it is. Plan again.",
            )),
        }
    }

    /// A Secret that cannot take our data keys, or should not.
    pub fn refuse_unfit(&self, there: &Object) -> Result<()> {
        let object = self.place.object();
        if there.immutable {
            return Err(Error::new(
                Kind::Invalid,
                format!("{object} is immutable"),
                "Nobody can change its data, and a key that is rotated changes. Deliver to another name, or delete the Secret \
                 and let it be created here.",
            ));
        }
        if !there.is_opaque() {
            return Err(Error::new(
                Kind::Invalid,
                format!("{object} is of type {}", there.r#type),
                "Its data keys have a meaning of their own, and other software writes them. Deliver to another name: a Secret \
                 that does not exist is created with the type Opaque.",
            ));
        }
        match &there.metadata.deletion_timestamp {
            None => Ok(()),
            Some(_) => Err(Error::new(
                Kind::Unavailable,
                format!("{object} is being deleted"),
                "It is there until its finalizers are done. Wait for that, or remove them, then apply again.",
            )),
        }
    }

    /// Data keys that others own: whoever applies its own values again would bring back a key that is revoked by then.
    pub fn refuse_managed<'k>(
        &self,
        there: &Object,
        written: impl Iterator<Item = &'k String>,
    ) -> Result<()> {
        if self.place.force {
            return Ok(());
        }
        for key in written {
            let owners: Vec<&str> = there.others_of(key, &self.api.manager).collect();
            if !owners.is_empty() {
                return Err(self.managed_by(&owners.join(", "), key));
            }
        }
        Ok(())
    }

    fn managed_by(&self, owners: &str, key: &str) -> Error {
        Error::new(
            Kind::Stale,
            format!("{} is managed by {owners} as well", self.place()),
            format!(
                "By metadata.managedFields, {owners} owns data.{key} and may write its own value there again. Nothing was \
                 written. Take data.{key} out of what it applies, or, if it wrote there but once (kubectl edit), set \
                 force_conflicts = true in the delivery to take it over. kubectl get secret {} -n {} -o yaml \
                 --show-managed-fields shows who owns what.",
                self.place.name, self.place.namespace
            ),
        )
    }

    /// What is not ours is never taken away.
    pub fn foreign(&self, foreign: &Foreign) -> Error {
        Error::new(
            Kind::Stale,
            format!("{} is not ours to remove", self.place()),
            format!(
                "In it, {foreign}. Nothing was changed there. Take it out by hand, or deliver to another place."
            ),
        )
    }

    pub fn not_written(&self, refusal: Refusal) -> Error {
        let summary = format!("{} could not be written", self.place());
        let namespace = &self.place.namespace;
        match refusal.meaning {
            Meaning::Missing => Error {
                kind: Kind::Other,
                detail: format!(
                    "There is no namespace {namespace:?} in the cluster. Create it (kubectl create namespace {namespace}), or \
                     correct the namespace of the delivery: none is created here."
                ),
                ..refusal.explain(summary)
            },
            _ => refusal.explain(summary),
        }
    }

    /// Something between us and the database changed what was sent.
    pub fn altered(&self) -> Error {
        Error::new(
            Kind::Stale,
            format!("{} does not hold what was written", self.place()),
            "An admission webhook of the cluster may change what is written to Secrets. Exempt this one from it, then plan \
             again.",
        )
    }

    pub fn restless(&self) -> Error {
        Error::new(
            Kind::Unavailable,
            format!("{} changes all the time", self.place()),
            "Each attempt met another change of the Secret by somebody else. Find out who writes there (kubectl get secret -o \
             yaml --show-managed-fields), then apply again.",
        )
    }
}
