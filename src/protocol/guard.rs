//! Turns a panic into a diagnostic. The payload is never shown: it may hold a secret. The place is.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe, Location};

use futures::FutureExt;
use tf_provider::{AttributePath, Diagnostic, Diagnostics};

use super::call::call;

thread_local! {
    /// Where the last panic of this thread was. A future that panics is caught within the same poll,
    /// so the thread that reads it is the one that wrote it.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Code of a resource panicked at this place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Panicked {
    place: String,
}

/// Replaces the hook that prints the payload of a panic. Called once, before anything is served.
pub(super) fn silence_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info
            .location()
            .map_or_else(|| "an unknown place".into(), place_of);
        tracing::error!(place, "a panic was caught");
        PLACE.with(|last| *last.borrow_mut() = Some(place));
    }));
}

/// Runs a future to its end, panics included.
pub(super) async fn guard<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .map_err(|_payload| Panicked::here())
}

/// Runs a function to its end, panics included.
pub(super) fn guard_call<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|_payload| Panicked::here())
}

/// What an author's method gave, with the error that its contract demands when it gave nothing.
pub(super) fn settle<T>(
    outcome: Result<Option<T>, Panicked>,
    diags: &mut Diagnostics,
    attempted: &str,
) -> Option<T> {
    match outcome {
        Ok(Some(value)) => return Some(value),
        // Not now is an answer too.
        Ok(None) if call().deferred().is_some() => {}
        Ok(None) if diags.errors.is_empty() => diags.add_error(silent(attempted)),
        Ok(None) => {}
        Err(panicked) => diags.add_error(panicked.diagnostic(attempted)),
    }
    None
}

fn silent(attempted: &str) -> Diagnostic {
    Diagnostic {
        summary: format!("Cannot {attempted}").into(),
        detail: "The provider gave no result and no reason. This is a bug in the provider; please \
                 report it together with the output under TF_LOG=DEBUG."
            .into(),
        attribute: AttributePath::root(),
    }
}

impl Panicked {
    fn here() -> Self {
        let place = PLACE.with(|last| last.borrow_mut().take());
        Self {
            place: place.unwrap_or_else(|| "an unknown place".into()),
        }
    }

    /// Where it happened, as `file:line:column`.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    fn diagnostic(&self, attempted: &str) -> Diagnostic {
        Diagnostic {
            summary: format!("Cannot {attempted}: the provider crashed").into(),
            detail: format!(
                "This is a bug in the provider, at {}. Its message is withheld, because it may hold \
                 a secret. Please report the place and what you were doing.",
                self.place
            )
            .into(),
            attribute: AttributePath::root(),
        }
    }
}

/// The tail of the path is enough to find the line; the head would tell about the build machine.
fn place_of(location: &Location<'_>) -> String {
    let parts: Vec<&str> = location.file().split(['/', '\\']).collect();
    let tail = parts[parts.len().saturating_sub(4)..].join("/");
    format!("{tail}:{}:{}", location.line(), location.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error_without_its_message() {
        let mut diags = Diagnostics::default();
        let outcome = guard(async { panic!("made-up-canary") }).await;
        assert_eq!(settle::<()>(outcome, &mut diags, "read x"), None);
        let error = &diags.errors[0];
        assert!(error.summary.contains("read x"));
        assert!(!format!("{error:?}").contains("made-up-canary"));
    }

    #[test]
    fn nothing_without_a_reason_is_an_error() {
        let mut diags = Diagnostics::default();
        assert_eq!(settle::<()>(Ok(None), &mut diags, "plan x"), None);
        assert_eq!(diags.errors.len(), 1);
    }

    #[test]
    fn nothing_with_a_reason_keeps_to_the_reason() {
        let mut diags = Diagnostics::default();
        diags.root_error_short("the reason");
        assert_eq!(settle::<()>(Ok(None), &mut diags, "plan x"), None);
        assert_eq!(diags.errors.len(), 1);
    }
}
