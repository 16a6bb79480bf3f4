//! The vendor's libraries read what people wrote: files, keys, names. Should one of them panic over it, that is an error about
//! what it was given, and no crash that nobody can place.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt;

/// What a library gives, or `None` if it panics.
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// The same of one that waits.
pub async fn awaited<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_library_that_panics_gives_nothing() {
        assert_eq!(caught(|| 1), Some(1));
        assert_eq!(caught(|| -> u8 { panic!("made-up") }), None);
        assert_eq!(awaited(async { 1 }).await, Some(1));
        assert_eq!(awaited(async { panic!("made-up") }).await, None::<u8>);
    }
}
