//! The file format of a case: a text, then sections that begin with a line `=== …`.

use std::fmt;

use crate::support::cli;

/// One wrong configuration.
#[derive(Debug, Default)]
pub struct Case {
    /// What is wrong, for people.
    pub title: String,
    /// What is put into the directory, in order.
    pub given: Vec<Given>,
    /// Variables of the environment.
    pub environment: Vec<(String, String)>,
    /// The superuser may do everything, so that some refusals never reach him.
    pub needs_ordinary_user: bool,
    /// What is written down.
    pub expected: Option<Printed>,
}

/// Something that lies in the directory before the first command.
#[derive(Debug)]
pub struct Given {
    /// The line of its section: a file name, perhaps `(mode 0640)`, `(directory)` or `(link)`.
    pub head: String,
    /// What stands in the file; where the link leads.
    pub body: String,
}

/// What a command printed.
#[derive(Debug)]
pub struct Printed {
    /// `validate`, `plan` or `apply`.
    pub command: String,
    /// As on a terminal, without colours and frames.
    pub diagnostics: String,
}

const MARK: &str = "=== ";
const COMMAND: &str = "terraform ";
const ENVIRONMENT: &str = "environment";
const ORDINARY_USER: &str = "for an ordinary user only";

impl Case {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut sections: Vec<(String, String)> = vec![(String::new(), String::new())];
        for line in text.lines() {
            match line.strip_prefix(MARK) {
                Some(head) => sections.push((head.trim().to_owned(), String::new())),
                None => {
                    // There is always a first section.
                    let body = &mut sections.last_mut().unwrap().1;
                    body.push_str(line);
                    body.push('\n');
                }
            }
        }
        let mut case = Self::default();
        for (head, body) in sections {
            case.take(head, body.trim_end().to_owned())?;
        }
        match case.title.is_empty() {
            true => Err("it does not say what is wrong".into()),
            false => Ok(case),
        }
    }

    fn take(&mut self, head: String, body: String) -> Result<(), String> {
        if head.is_empty() {
            self.title = body;
        } else if head == ENVIRONMENT {
            for line in body.lines() {
                let (name, value) = line
                    .split_once('=')
                    .ok_or(format!("not NAME=value: {line}"))?;
                self.environment.push((name.to_owned(), value.to_owned()));
            }
        } else if head == ORDINARY_USER {
            self.needs_ordinary_user = true;
        } else if let Some(command) = head.strip_prefix(COMMAND) {
            self.expected = Some(Printed {
                command: command.to_owned(),
                diagnostics: body,
            });
        } else {
            self.given.push(Given { head, body });
        }
        Ok(())
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        if self.needs_ordinary_user {
            writeln!(f, "\n{MARK}{ORDINARY_USER}")?;
        }
        if !self.environment.is_empty() {
            writeln!(f, "\n{MARK}{ENVIRONMENT}")?;
            for (name, value) in &self.environment {
                writeln!(f, "{name}={value}")?;
            }
        }
        for Given { head, body } in &self.given {
            writeln!(f, "\n{MARK}{head}\n{body}")?;
        }
        match &self.expected {
            Some(printed) => writeln!(f, "\n{}", printed.text()),
            None => Ok(()),
        }
    }
}

impl Printed {
    /// OpenTofu and newer versions of Terraform refuse some things in `validate` already, in the same words. Terraform 1.15
    /// shows the whole of an object where others show its first line.
    pub fn is_met_by(&self, printed: &Self) -> bool {
        if self.command == printed.command && self.diagnostics == printed.diagnostics {
            return true;
        }
        let newer = cli::version().since(Some([1, 12]), Some([1, 11]));
        let earlier = self.command == printed.command || printed.command == "validate";
        newer && earlier && shortened(&self.diagnostics) == shortened(&printed.diagnostics)
    }

    pub fn text(&self) -> String {
        format!("{MARK}{COMMAND}{}\n{}", self.command, self.diagnostics)
    }
}

/// Of each piece of the configuration the first line only.
fn shortened(diagnostics: &str) -> Vec<&str> {
    let mut before = false;
    let mut follows = |line: &str| {
        let number = line.split_once(": ").map_or("", |(number, _)| number);
        let is_code = number.len() >= 4 && number.trim_start().parse::<u32>().is_ok();
        std::mem::replace(&mut before, is_code) && is_code
    };
    diagnostics.lines().filter(|line| !follows(line)).collect()
}
