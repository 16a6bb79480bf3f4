//! Verification: a key is promoted only once it was proved to work.

use crate::domain::slots::Key;
use crate::domain::steps::Subject;
use crate::engine::connections::stale;
use crate::engine::journal::{Deed, mark};
use crate::engine::run::Run;
use crate::error::{Error, Result};
use crate::instant::Instant;
use crate::ledger::Effect;

impl Run<'_> {
    pub(super) async fn verify(&mut self, subject: Subject) -> Result<()> {
        if !self.connections.must_verify() {
            return Ok(());
        }
        let slots = self.managed.slots.as_ref();
        let key = match subject {
            Subject::New => self.minted.clone(),
            Subject::NewlyStaged | Subject::Staged => slots.and_then(|s| s.staged().cloned()),
        };
        let Some(key) = key else { return Ok(()) };
        let Some(secret) = self.vault.secret_of(&key) else {
            return Err(stale(format!(
                "{}: no delivery holds the secret of staged key {} any more",
                self.name,
                key.label()
            )));
        };
        let prove = |_| self.connections.prove(&key, secret, self.stop);
        let proved = self
            .journal
            .effect(
                Effect::Verify,
                self.acting,
                Deed::to(mark(&key)),
                prove,
                |()| None,
            )
            .await;
        match proved {
            Ok(()) => {
                self.mark_verified(subject, Some(self.clock.now()));
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

    async fn refused(&mut self, subject: Subject, key: &Key, error: Error) -> Result<()> {
        let label = key.label();
        let summary = format!("{}: key {label} failed its verification", self.name);
        match subject {
            Subject::New => {
                let cause = Error::new(error.kind, summary, error.to_string());
                Err(self.undo(cause).await)
            }
            Subject::Staged => Err(Error::new(
                error.kind,
                summary,
                format!(
                    "{error}. It stays staged and is not promoted; the old primary stays in use. The next \
                     apply tries again."
                ),
            )),
            Subject::NewlyStaged => {
                let detail = format!(
                    "{error}. It stays staged and will not be promoted before it passes; the primary \
                     stays in use."
                );
                self.warnings.push(Error::new(error.kind, summary, detail));
                Ok(())
            }
        }
    }
}
