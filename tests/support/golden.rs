//! What a person reads when a step in the life of a key is refused, as it is written down in `tests/refusals`.
//!
//! `UPDATE_GOLDEN=1` writes down what is printed now. Read the difference.

use std::fs;
use std::path::Path;

use apikey::clock::Clock;
use apikey::error::Error;
use apikey::instant::Instant;

use crate::support::wrap::wrapped;

/// Errors or warnings, each its summary and its detail, are those of `refusals/<name>.txt`.
#[track_caller]
pub fn told<'a>(name: &str, severity: &str, texts: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let texts = texts.into_iter().map(|(summary, detail)| {
        let (summary, detail) = (anonymous(summary), anonymous(detail));
        format!("{severity}: {summary}\n\n{}\n", wrapped(&detail))
    });
    written_down(name, &texts.collect::<Vec<_>>().join("\n"));
}

/// The error of the engine is that of `refusals/<name>.txt`.
#[track_caller]
pub fn error_reads(name: &str, error: &Error) {
    told(name, "Error", [(&*error.summary, &*error.detail)]);
}

/// What a command printed is in `refusals/<name>.txt`.
#[cfg(unix)]
#[track_caller]
pub fn printed(name: &str, text: &str) {
    written_down(name, &anonymous(text));
}

#[track_caller]
fn written_down(name: &str, printed: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/refusals/{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, printed).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        printed == expected,
        "--- written down in {name}\n{expected}\n--- printed now\n{printed}"
    );
}

/// Without what is another in each run.
fn anonymous(text: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || "_/.:-".contains(c);
    let mut anonymous = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let between = rest.find(is_part).unwrap_or(rest.len());
        anonymous.push_str(&rest[..between]);
        rest = &rest[between..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = rest[..end].trim_end_matches(['.', ':']);
        // How often a server is asked within a time depends on the machine.
        match anonymous.ends_with("tried ") && is_number(word) {
            true => anonymous.push_str("<n>"),
            false => anonymous.push_str(&renamed(word)),
        }
        anonymous.push_str(&rest[word.len()..end]);
        rest = &rest[end..];
    }
    anonymous
}

fn renamed(word: &str) -> String {
    if let Some((_, below)) = word.split_once("/apikey-acceptance-") {
        let path = below.split_once('/').map_or("", |(_, path)| path);
        return format!("<dir>/{path}");
    }
    if let Some(key) = word.strip_prefix("aws_iam:") {
        return format!("aws_iam:{}", renamed(key));
    }
    if word.starts_with("AKIA") || word.starts_with("ASIA") {
        return "<access key>".into();
    }
    if word.starts_with("127.0.0.1:") {
        return "127.0.0.1:<port>".into();
    }
    if let Some((folder, _)) = word.split_once("/apikey-new-") {
        return format!("{folder}/…");
    }
    for (prefix, digits) in [("sha256:", 12), ("sha256:", 6), ("key_", 20)] {
        let hex = word.strip_prefix(prefix).unwrap_or_default();
        if hex.len() == digits && hex.chars().all(|c| c.is_ascii_hexdigit()) {
            return format!("{prefix}…");
        }
    }
    if Instant::parse(word).is_some_and(is_of_this_run) {
        return "<moment>".into();
    }
    match word.rsplit_once('-') {
        // Users and secrets are numbered; a region has one more part.
        Some((name, number)) if is_number(number) && !name.contains('-') && !is_number(name) => {
            name.to_owned()
        }
        _ => word.to_owned(),
    }
}

/// By the clock of the machine, which servers go by; that of the provider is set by the tests.
fn is_of_this_run(instant: Instant) -> bool {
    (Clock::system().now().unix() - instant.unix()).abs() < 86_400
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}
