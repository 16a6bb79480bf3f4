//! What is said of a command that was not understood: which of its words, and what was perhaps meant.
//!
//! A word may be the password of a URL that was given without `--url`. So nothing that somebody wrote is repeated, only its
//! number, and names of ours.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::lint::nearest;

/// What is wrong with the words for a command.
pub fn fault(error: &clap::Error, command: &Command, words: &[OsString]) -> String {
    let fault = Fault {
        error,
        command,
        words,
    };
    match error.kind() {
        ErrorKind::UnknownArgument => fault.unknown_argument(),
        ErrorKind::InvalidSubcommand => fault.unknown_command(),
        ErrorKind::InvalidValue => fault.value_of_no_use(),
        ErrorKind::ValueValidation => fault.value_of_another_form(),
        ErrorKind::ArgumentConflict => fault.conflict(),
        ErrorKind::MissingRequiredArgument => fault.missing(),
        ErrorKind::InvalidUtf8 => "One of the arguments is not UTF-8 text.".into(),
        _ => fault.nothing_to_do(),
    }
}

struct Fault<'a> {
    error: &'a clap::Error,
    command: &'a Command,
    words: &'a [OsString],
}

impl Fault<'_> {
    fn unknown_argument(&self) -> String {
        let wrong = self.text(ContextKind::InvalidArg);
        let which = self.number_of(&wrong);
        let options: Vec<String> = self
            .command
            .get_arguments()
            .filter_map(|argument| argument.get_long())
            .map(|long| format!("--{long}"))
            .collect();
        match wrong.starts_with('-') {
            true => format!(
                "{which} is no option.{}",
                meant(&wrong, options.iter().map(String::as_str))
            ),
            false => format!("{which} is one too many."),
        }
    }

    fn unknown_command(&self) -> String {
        let wrong = self.text(ContextKind::InvalidSubcommand);
        let known = self.command.get_subcommands().map(Command::get_name);
        let which = self.number_of(&wrong);
        let known: Vec<&str> = known.collect();
        format!(
            "{which} is no command.{} There are {}.",
            meant(&wrong, known.iter().copied()),
            known.join(", ")
        )
    }

    fn value_of_no_use(&self) -> String {
        let (name, _) = self.argument(ContextKind::InvalidArg);
        let wrong = self.text(ContextKind::InvalidValue);
        if wrong.is_empty() {
            return format!("{name} has no value.");
        }
        let known = self.texts(ContextKind::ValidValue);
        if known.is_empty() {
            return format!("{name} takes another value.");
        }
        format!(
            "{name} takes {}.{}",
            known.join(", "),
            meant(&wrong, known.iter().map(String::as_str))
        )
    }

    fn value_of_another_form(&self) -> String {
        match self.argument(ContextKind::InvalidArg) {
            (name, form) if form.is_empty() => format!("The value of {name} is not of its form."),
            (name, form) => format!("The value of {name} is no {form}."),
        }
    }

    fn conflict(&self) -> String {
        let (name, _) = self.argument(ContextKind::InvalidArg);
        let others = self.texts(ContextKind::PriorArg);
        let others: Vec<&str> = others.iter().map(|other| first(other)).collect();
        match others[..] {
            [other] if other == name => format!("{name} is given more than once."),
            [] => format!("{name} is given more than once, or beside one that it excludes."),
            _ => format!("{name} and {} exclude each other.", others.join(", ")),
        }
    }

    fn missing(&self) -> String {
        let missing = self.texts(ContextKind::InvalidArg);
        let missing: Vec<&str> = missing.iter().map(|name| first(name)).collect();
        match missing[..] {
            [only] => format!("{only} is missing."),
            _ => format!("{} are missing.", missing.join(" and ")),
        }
    }

    fn nothing_to_do(&self) -> String {
        let known: Vec<&str> = self
            .command
            .get_subcommands()
            .map(Command::get_name)
            .collect();
        match known.is_empty() {
            true => "Say what is to be done.".into(),
            false => format!("Say what is to be done: {}.", known.join(", ")),
        }
    }

    /// An option or an argument of ours, and the form of its value.
    fn argument(&self, kind: ContextKind) -> (String, String) {
        let text = self.texts(kind).into_iter().next().unwrap_or_default();
        let form = text.split_once(['<', '[']).map_or("", |(_, form)| form);
        let form = form.trim_end_matches(['>', ']', '.']).to_owned();
        (first(&text).to_owned(), form)
    }

    fn text(&self, kind: ContextKind) -> String {
        self.texts(kind).into_iter().next().unwrap_or_default()
    }

    fn texts(&self, kind: ContextKind) -> Vec<String> {
        match self.error.get(kind) {
            Some(ContextValue::String(text)) => vec![text.clone()],
            Some(ContextValue::Strings(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    /// Which word it is.
    fn number_of(&self, wrong: &str) -> String {
        let is_it = |word: &OsString| {
            let word = word.to_string_lossy();
            word == wrong
                || word
                    .strip_prefix(wrong)
                    .is_some_and(|rest| rest.starts_with('='))
        };
        match self.words.iter().position(is_it) {
            Some(index) => format!("Argument {}", index + 1),
            None => "One of the arguments".into(),
        }
    }
}

/// `--seal <NUMBER:HASH>` without what stands behind the name.
fn first(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

fn meant<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(wrong, known).map_or(String::new(), |name| format!(" Did you mean {name}?"))
}
