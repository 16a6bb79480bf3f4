//! Verification: a key is promoted only once it was proved to work.

use crate::domain::slots::Key;
use crate::domain::steps::Subject;
use crate::engine::journal::{Deed, mark};
use crate::engine::run::Run;
use crate::error::{Error, Kind, Result};
use crate::instant::Instant;
use crate::ledger::Effect;

impl Run<'_> {
    pub(super) async fn verify(&mut self, subject: Subject) -> Result<()> {
        if subject == Subject::Staged && self.progress.verified {
            return Ok(());
        }
        let slots = self.managed.slots.as_ref();
        let key = match subject {
            Subject::New => self.minted.clone(),
            Subject::NewlyStaged | Subject::Staged => slots.and_then(|s| s.staged().cloned()),
        };
        let Some(key) = key else { return Ok(()) };
        let Some(secret) = self.secrets.secret_of(&key) else {
            return Err(self.unread(&key));
        };
        let (connections, is_first) = (self.connections, slots.is_none());
        let verify = |_| connections.verify(&key, secret, is_first, self.stop);
        let verified = self
            .journal
            .effect(
                Effect::Verify,
                self.acting,
                Deed::to(mark(&key)),
                verify,
                |()| None,
            )
            .await;
        match verified {
            Ok(()) => {
                self.mark_verified(subject, Some(self.clock.now()));
                self.progress.verified = subject == Subject::NewlyStaged;
                Ok(())
            }
            Err(error) => {
                self.mark_verified(subject, None);
                self.refused(subject, &key, error).await
            }
        }
    }

    fn mark_verified(&mut self, subject: Subject, at: Option<Instant>) {
        let slots = self.managed.slots.as_mut();
        let key = match subject {
            Subject::New => self.minted.as_mut(),
            _ => slots.and_then(|s| s.secondary.as_mut()).map(|s| &mut s.key),
        };
        if let Some(key) = key {
            key.verified_at = at;
        }
    }

    /// What follows from a key that was not proved. A staged key is kept: the next apply verifies it again.
    async fn refused(&mut self, subject: Subject, key: &Key, error: Error) -> Result<()> {
        let label = key.label();
        let what = match error.kind {
            Kind::Interrupted => format!("the verification of key {label} was interrupted"),
            _ => format!("key {label} failed its verification"),
        };
        let cause = Error::new(
            error.kind,
            format!("{}: {what}", self.name),
            error.to_string(),
        );
        if subject == Subject::New {
            return Err(self.undo(cause).await);
        }
        if self.progress.takes_back {
            return Err(cause);
        }
        let slots = self.managed.slots.as_ref();
        let primary = slots.map_or("the primary", |slots| slots.primary.label());
        let detail = format!(
            "{} {label} stays staged and is not promoted before it passes; {primary} stays primary. The next apply \
             verifies {label} again. If it never passes, change rotation_trigger: then it is revoked and another key \
             staged.",
            cause.detail
        );
        let told = Error { detail, ..cause };
        if subject == Subject::NewlyStaged && !self.progress.promotes_next {
            self.warnings.push(told);
            return Ok(());
        }
        Err(told)
    }
}
