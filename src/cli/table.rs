//! Tables for a terminal: as wide as it is, coloured where somebody looks.

use std::borrow::Cow;
use std::fmt;
use std::io::IsTerminal;

use super::layout::{self, GAP, folded, width_of};
use crate::health::Status;
use crate::instant::Instant;
use crate::printable::printable_line;

/// What stands where there is nothing to say.
const NONE: &str = "-";

/// How a terminal is told of a style.
type Style = &'static str;

const PLAIN: Style = "";
const BOLD: Style = "\u{1b}[1m";
const BOLD_RED: Style = "\u{1b}[1m\u{1b}[38;5;9m";
const YELLOW: Style = "\u{1b}[38;5;11m";
const GREEN: Style = "\u{1b}[38;5;10m";
const BLUE: Style = "\u{1b}[38;5;12m";
const END: &str = "\u{1b}[0m";

/// One field of a table.
pub struct Cell<'a> {
    text: Cow<'a, str>,
    style: Style,
}

/// A table of rows that are made when they are needed, once to see how wide they are and once to write them: those of many keys
/// are large.
pub struct Table<'a, Rows> {
    columns: &'a [&'a str],
    rows: Rows,
}

/// A table with these columns.
pub fn table<'a, Rows>(columns: &'a [&'a str], rows: Rows) -> Table<'a, Rows>
where
    Rows: Iterator<Item = Vec<Cell<'a>>> + Clone,
{
    Table { columns, rows }
}

impl<'a, Rows: Iterator<Item = Vec<Cell<'a>>> + Clone> Table<'a, Rows> {
    fn lines(&self) -> impl Iterator<Item = Vec<Cell<'a>>> {
        let head = self.columns.iter().map(|name| head(name)).collect();
        std::iter::once(head).chain(self.rows.clone())
    }

    fn as_rows(
        &self,
        f: &mut fmt::Formatter<'_>,
        widths: &[usize],
        is_coloured: bool,
    ) -> fmt::Result {
        for (number, cells) in self.lines().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            row(f, &cells, widths, is_coloured)?;
        }
        Ok(())
    }

    /// Where the terminal is too narrow for a table, each row is a list under an empty line.
    fn as_lists(&self, f: &mut fmt::Formatter<'_>, room: usize, is_coloured: bool) -> fmt::Result {
        let name = self.columns.iter().map(|name| width_of(name)).max();
        let name = name.unwrap_or_default();
        let widths = [name, room.saturating_sub(name + GAP).max(1)];
        for (number, cells) in self.rows.clone().enumerate() {
            for (place, (cell, name)) in cells.into_iter().zip(self.columns).enumerate() {
                f.write_str(match (number, place) {
                    (0, 0) => "",
                    (_, 0) => "\n\n",
                    _ => "\n",
                })?;
                row(f, &[head(name), cell], &widths, is_coloured)?;
            }
        }
        Ok(())
    }
}

fn head(name: &str) -> Cell<'_> {
    Cell {
        text: name.into(),
        style: BOLD,
    }
}

impl<'a, Rows: Iterator<Item = Vec<Cell<'a>>> + Clone> fmt::Display for Table<'a, Rows> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (room, is_coloured) = (width(), is_coloured());
        let fields = self
            .lines()
            .map(|cells| cells.into_iter().map(|cell| cell.text));
        match layout::widths(self.columns.len(), fields, room) {
            Some(widths) => self.as_rows(f, &widths, is_coloured),
            None => self.as_lists(f, room.unwrap_or_default(), is_coloured),
        }
    }
}

/// One row, on as many lines as its longest field needs.
fn row(
    f: &mut fmt::Formatter<'_>,
    cells: &[Cell],
    widths: &[usize],
    is_coloured: bool,
) -> fmt::Result {
    let fields = cells.iter().zip(widths);
    let fields: Vec<Vec<&str>> = fields
        .map(|(cell, width)| folded(&cell.text, *width))
        .collect();
    let height = fields.iter().map(Vec::len).max().unwrap_or_default();
    for line in 0..height {
        if line > 0 {
            f.write_str("\n")?;
        }
        // Blanks are owed until something follows them.
        let mut owed = 0;
        for ((cell, field), width) in cells.iter().zip(&fields).zip(widths) {
            let text = field.get(line).copied().unwrap_or_default();
            if !text.is_empty() {
                write!(f, "{:owed$}", "")?;
                owed = 0;
                match is_coloured && !cell.style.is_empty() {
                    true => write!(f, "{}{text}{END}", cell.style)?,
                    false => f.write_str(text)?,
                }
            }
            owed += width + GAP - width_of(text);
        }
    }
    Ok(())
}

/// How many characters a line of the terminal holds; `None` where there is none.
pub fn width() -> Option<usize> {
    let is_seen = std::io::stdout().is_terminal();
    let size = is_seen.then(crossterm::terminal::size)?;
    let columns = size.ok().map(|(columns, _)| usize::from(columns));
    columns.filter(|columns| *columns > 0)
}

/// Whether somebody looks who sees colours and did not ask for none.
fn is_coloured() -> bool {
    let says = |name, value: fn(&str) -> bool| std::env::var(name).is_ok_and(|text| value(&text));
    let is_unwanted =
        says("NO_COLOR", |text| !text.is_empty()) || says("TERM", |text| text == "dumb");
    std::io::stdout().is_terminal() && !is_unwanted
}

/// Some text, or a dash.
pub fn text(text: Option<&str>) -> Cell<'_> {
    styled(text, PLAIN)
}

fn styled(text: Option<&str>, style: Style) -> Cell<'_> {
    let text = text.filter(|text| !text.is_empty()).unwrap_or(NONE);
    Cell {
        text: printable_line(text),
        style,
    }
}

/// A status: red where it is late or worse, yellow where somebody has to look.
pub fn status(status: Status) -> Cell<'static> {
    let style = match status {
        Status::Compromised | Status::Overdue => BOLD_RED,
        Status::Blocked | Status::Pending | Status::Due => YELLOW,
        Status::Ok | Status::Notice => PLAIN,
    };
    styled(Some(status.word()), style)
}

/// An environment: production green, staging blue.
pub fn environment(name: Option<&str>) -> Cell<'_> {
    let style = match name.map(str::to_lowercase).as_deref() {
        Some("prod" | "production" | "live") => GREEN,
        Some("staging" | "stage" | "preprod") => BLUE,
        _ => PLAIN,
    };
    styled(name, style)
}

/// A day, and how far away it is.
pub fn day(at: Option<Instant>, now: Instant) -> Cell<'static> {
    told(at.map(|at| {
        let written = at.to_string();
        let (day, _) = written.split_once('T').unwrap_or((&written, ""));
        format!("{day} ({})", distance(at, now))
    }))
}

/// How far away it is.
pub fn away(at: Option<Instant>, now: Instant) -> Cell<'static> {
    told(at.map(|at| distance(at, now)))
}

/// What is ours and needs no cleaning.
fn told(text: Option<String>) -> Cell<'static> {
    Cell {
        text: text.map_or(NONE.into(), Cow::Owned),
        style: PLAIN,
    }
}

fn distance(at: Instant, now: Instant) -> String {
    let (seconds, is_past) = match now >= at {
        true => (now.since(at).as_secs(), true),
        false => (at.since(now).as_secs(), false),
    };
    let length = match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    };
    match is_past {
        true => format!("{length} ago"),
        false => format!("in {length}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_short_and_says_its_direction() {
        let now = Instant::from_unix(1_000_000_000);
        let apart = |seconds: i64| distance(Instant::from_unix(1_000_000_000 + seconds), now);
        let told = [-10_000_000, -90_000, -1, 0, 59, 3_599, 172_800].map(apart);
        assert_eq!(
            told,
            [
                "115d ago", "25h ago", "1s ago", "0s ago", "in 59s", "in 59m", "in 2d"
            ]
        );
    }

    fn row(name: &str) -> Vec<Cell<'_>> {
        vec![text(Some(name))]
    }

    #[test]
    fn what_a_name_would_do_to_a_terminal_is_shown() {
        let told = |name| table(&["NAME"], std::iter::once(name).map(row)).to_string();
        assert_eq!(told("a\u{1b}[31mb\nc"), "NAME\na\\u{1b}[31mb c");
        assert_eq!(told(""), "NAME\n-");
    }
}
