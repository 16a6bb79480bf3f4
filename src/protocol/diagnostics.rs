//! Diagnostics and attribute paths of the authoring traits, as messages.

use std::backtrace::{Backtrace, BacktraceStatus};

use tf_provider::{AttributePath, AttributePathStep, Diagnostic, Diagnostics};

use super::wire::tfplugin6::{self as wire, attribute_path::Step, attribute_path::step::Selector};
use crate::error::{self, Path, Result};
use crate::printable::{printable, printable_line};

/// All of them, errors first.
pub(super) fn to_wire(diags: Diagnostics) -> Vec<wire::Diagnostic> {
    use wire::diagnostic::Severity;
    let errors = diags.errors.into_iter().map(|it| (Severity::Error, it));
    let warnings = diags.warnings.into_iter().map(|it| (Severity::Warning, it));
    errors
        .chain(warnings)
        .map(|(severity, diagnostic)| wire::Diagnostic {
            severity: severity.into(),
            detail: printable(&detail_with_place(&diagnostic)).into_owned(),
            summary: printable_line(&diagnostic.summary).into_owned(),
            attribute: Some(path_to_wire(pointable(diagnostic.attribute)))
                .filter(|path| !path.steps.is_empty()),
        })
        .collect()
}

/// The value, or the error as a diagnostic.
pub(super) fn report<T>(outcome: Result<T>, diags: &mut Diagnostics) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(error) => {
            diags.error(error.summary, error.detail, path_of(error.path));
            None
        }
    }
}

fn path_of(path: Path) -> AttributePath {
    let steps = path.0.into_iter();
    steps.fold(AttributePath::root(), |path, step| match step {
        error::Step::Attribute(name) => path.attribute(name),
        error::Step::Key(key) => path.key(key),
        error::Step::Index(index) => path.index(i64::try_from(index).unwrap_or(i64::MAX)),
    })
}

/// As much of a path as Terraform can find the line of: an attribute, and one element of it. Given a longer
/// path, Terraform 1.11 and OpenTofu 1.10 point at the first line of the whole resource.
fn pointable(mut path: AttributePath) -> AttributePath {
    let element = !matches!(path.steps.get(1), Some(AttributePathStep::Attribute(_)));
    path.steps.truncate(if element { 2 } else { 1 });
    path
}

/// The detail, and before it the place as it would be written, where Terraform cannot point at it.
fn detail_with_place(diagnostic: &Diagnostic) -> String {
    let detail = detail_of(diagnostic);
    let whole = &diagnostic.attribute;
    let place = written(whole);
    let pointed_at = pointable(whole.clone()).steps.len() == whole.steps.len();
    if pointed_at || detail.contains(&place) {
        return detail;
    }
    format!("{place}: {detail}")
}

/// `deliveries["app"].file.path`
fn written(path: &AttributePath) -> String {
    let steps = path.steps.iter().map(|step| match step {
        AttributePathStep::Attribute(name) => format!(".{name}"),
        AttributePathStep::Key(key) => format!("[{key:?}]"),
        AttributePathStep::Index(index) => format!("[{index}]"),
    });
    steps.collect::<String>().trim_start_matches('.').to_owned()
}

/// The first errors of a function, in the one text that the protocol has for them.
pub(super) fn to_function_error(diags: Diagnostics) -> Option<wire::FunctionError> {
    let function_argument =
        diags
            .errors
            .iter()
            .find_map(|error| match error.attribute.steps.first() {
                Some(AttributePathStep::Index(index)) => Some(*index),
                _ => None,
            });
    let texts: Vec<String> = diags.errors.iter().map(text_of).collect();
    (!texts.is_empty()).then(|| wire::FunctionError {
        // The command line ends it with a full stop of its own.
        text: printable(texts.join("\n").trim_end_matches('.')).into_owned(),
        function_argument,
    })
}

/// A path into a value.
pub(super) fn path_to_wire(path: AttributePath) -> wire::AttributePath {
    let steps = path.steps.into_iter().map(|step| Step {
        selector: Some(match step {
            AttributePathStep::Attribute(name) => Selector::AttributeName(name.into_owned()),
            AttributePathStep::Key(key) => Selector::ElementKeyString(key.into_owned()),
            AttributePathStep::Index(index) => Selector::ElementKeyInt(index),
        }),
    });
    wire::AttributePath {
        steps: steps.collect(),
    }
}

fn text_of(error: &Diagnostic) -> String {
    match detail_of(error) {
        detail if detail.is_empty() => error.summary.to_string(),
        detail => format!("{}: {detail}", error.summary),
    }
}

/// Under `RUST_BACKTRACE`, `tf_provider` appends a backtrace to every detail. It helps nobody who
/// reads a plan, so it is cut off where its first frame begins.
fn detail_of(diagnostic: &Diagnostic) -> String {
    let backtraces = Backtrace::capture().status() == BacktraceStatus::Captured;
    let detail: &str = &diagnostic.detail;
    if !backtraces {
        return detail.to_owned();
    }
    before_backtrace(detail).to_owned()
}

fn before_backtrace(detail: &str) -> &str {
    const FIRST_FRAME: &str = "   0: ";
    if detail.starts_with(FIRST_FRAME) {
        return "";
    }
    detail
        .rsplit_once(&format!("\n{FIRST_FRAME}"))
        .map_or(detail, |(text, _frames)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_before_warnings_and_keep_their_paths() {
        let mut diags = Diagnostics::default();
        diags.root_warning("w", "later");
        diags.error("e", "first", AttributePath::new("a").key("k"));
        let messages = to_wire(diags);
        assert_eq!(messages[0].summary, "e");
        assert_eq!(messages[0].attribute.as_ref().unwrap().steps.len(), 2);
        assert_eq!(messages[0].detail, "first");
        assert_eq!(messages[1].attribute, None);
    }

    #[test]
    fn no_text_reaches_a_terminal_as_a_command() {
        let mut diags = Diagnostics::default();
        diags.root_error("\u{1b}[2J\nGone", "\u{1b}]0;title\u{7}\nnext");
        let message = to_wire(diags).remove(0);
        assert_eq!(message.summary, "\\u{1b}[2J Gone");
        assert_eq!(message.detail, "\\u{1b}]0;title\\u{7}\nnext");
        let mut diags = Diagnostics::default();
        diags.function_error(0, "\u{9b}31m");
        assert_eq!(to_function_error(diags).unwrap().text, "\\u{9b}31m");
    }

    #[test]
    fn a_place_that_terraform_cannot_point_at_is_written_out() {
        let app = || AttributePath::new("a").key("app");
        for (path, text, steps, detail) in [
            (app().attribute("b"), "wrong", 2, "a[\"app\"].b: wrong"),
            (
                app().attribute("b"),
                "Set a[\"app\"].b.",
                2,
                "Set a[\"app\"].b.",
            ),
            (
                AttributePath::new("a").attribute("b"),
                "wrong",
                1,
                "a.b: wrong",
            ),
            (AttributePath::new("a").index(1), "wrong", 2, "wrong"),
            (AttributePath::new("a"), "wrong", 1, "wrong"),
        ] {
            let mut diags = Diagnostics::default();
            diags.error("e", text, path);
            let message = to_wire(diags).remove(0);
            assert_eq!(message.attribute.unwrap().steps.len(), steps);
            assert_eq!(message.detail, detail);
        }
    }

    #[test]
    fn a_backtrace_is_cut_off() {
        assert_eq!(before_backtrace("why\n   0: main\n   1: start\n"), "why");
        assert_eq!(before_backtrace("   0: main\n"), "");
        assert_eq!(before_backtrace("why"), "why");
    }

    #[test]
    fn a_function_error_names_its_argument_and_leaves_the_full_stop_to_the_command_line() {
        let mut diags = Diagnostics::default();
        diags.function_error(1, "It is too long. Shorten it.");
        let error = to_function_error(diags).unwrap();
        assert_eq!(error.function_argument, Some(1));
        assert_eq!(error.text, "It is too long. Shorten it");
    }
}
