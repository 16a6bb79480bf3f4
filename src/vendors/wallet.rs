//! The credentials in use: found once, shared by all who call, and found again before they run out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::error::{Error, Kind, Result};

/// Credentials that may run out.
pub trait Lasting {
    /// Whether they still last for the next call.
    fn lasts(&self) -> bool;
}

/// Holds the credentials of one client.
#[derive(Debug)]
pub struct Wallet<Held> {
    held: Mutex<Option<Result<Arc<Held>>>>,
    /// How often they were looked for.
    searches: AtomicU64,
}

impl<Held> Default for Wallet<Held> {
    fn default() -> Self {
        Self {
            held: Mutex::default(),
            searches: AtomicU64::default(),
        }
    }
}

impl<Held: Lasting> Wallet<Held> {
    /// The credentials, found by `find` if none are held that last. Whoever comes meanwhile waits for the
    /// same answer, an outage included. A wrong configuration stays wrong; only what may pass is looked for again.
    pub async fn get(&self, find: impl Future<Output = Result<Held>>) -> Result<Arc<Held>> {
        let before = self.searches.load(Ordering::Relaxed);
        let mut held = self.held.lock().await;
        let searched_meanwhile = self.searches.load(Ordering::Relaxed) > before;
        match held.as_ref() {
            Some(Ok(credentials)) if credentials.lasts() => return Ok(Arc::clone(credentials)),
            Some(Err(error)) if error.kind != Kind::Unavailable || searched_meanwhile => {
                return Err(Error::clone(error));
            }
            _ => {}
        }
        let found = find.await.map(Arc::new);
        self.searches.fetch_add(1, Ordering::Relaxed);
        *held = Some(found.clone());
        found
    }

    /// Forgets these credentials, because the vendor says that they have run out.
    pub async fn forget(&self, expired: &Held) {
        let mut held = self.held.lock().await;
        let same = |held: &Arc<Held>| std::ptr::eq(Arc::as_ptr(held), expired);
        if matches!(held.as_ref(), Some(Ok(held)) if same(held)) {
            *held = None;
        }
    }
}
