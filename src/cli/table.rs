//! Tables for a terminal: as wide as it is, coloured where somebody looks.

use std::io::IsTerminal;

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table};

use crate::health::Status;
use crate::instant::Instant;
use crate::printable::printable_line;

/// What stands where there is nothing to say.
const NONE: &str = "-";

/// A table with these columns.
pub fn table(columns: &[&str], rows: impl Iterator<Item = Vec<Cell>>) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    // Who wants no colours looks at a terminal that is no wider.
    if let Some(width) = table.width() {
        table.set_width(width);
    }
    match is_coloured() {
        true => table.enforce_styling(),
        false => table.force_no_tty(),
    };
    let bold = |name: &&str| Cell::new(name).add_attribute(Attribute::Bold);
    table.set_header(columns.iter().map(bold));
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// How many characters a line of the terminal holds; `None` where there is none.
pub fn width() -> Option<usize> {
    Table::new().width().map(usize::from)
}

/// Whether somebody looks who sees colours and did not ask for none.
fn is_coloured() -> bool {
    let says = |name, value: fn(&str) -> bool| std::env::var(name).is_ok_and(|text| value(&text));
    let is_unwanted =
        says("NO_COLOR", |text| !text.is_empty()) || says("TERM", |text| text == "dumb");
    std::io::stdout().is_terminal() && !is_unwanted
}

/// Some text, or a dash.
pub fn text(text: Option<&str>) -> Cell {
    Cell::new(printable_line(
        text.filter(|text| !text.is_empty()).unwrap_or(NONE),
    ))
}

/// A status: red where it is late or worse, yellow where somebody has to look.
pub fn status(status: Status) -> Cell {
    let cell = Cell::new(status.word());
    match status {
        Status::Compromised | Status::Overdue => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Status::Blocked | Status::Pending | Status::Due => cell.fg(Color::Yellow),
        Status::Ok | Status::Notice => cell,
    }
}

/// An environment: production green, staging blue.
pub fn environment(name: Option<&str>) -> Cell {
    let cell = text(name);
    match name.map(str::to_lowercase).as_deref() {
        Some("prod" | "production" | "live") => cell.fg(Color::Green),
        Some("staging" | "stage" | "preprod") => cell.fg(Color::Blue),
        _ => cell,
    }
}

/// A day, and how far away it is.
pub fn day(at: Option<Instant>, now: Instant) -> Cell {
    let told = at.map(|at| {
        let written = at.to_string();
        let (day, _) = written.split_once('T').unwrap_or((&written, ""));
        format!("{day} ({})", distance(at, now))
    });
    text(told.as_deref())
}

/// How far away it is.
pub fn away(at: Option<Instant>, now: Instant) -> Cell {
    text(at.map(|at| distance(at, now)).as_deref())
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

    #[test]
    fn what_a_name_would_do_to_a_terminal_is_shown() {
        let told = table(&["NAME"], [vec![text(Some("a\u{1b}[31mb\nc"))]].into_iter());
        assert!(told.contains("a\\u{1b}[31mb c"), "{told}");
        let told = table(&["NAME"], [vec![text(Some(""))]].into_iter());
        assert_eq!(told, "NAME\n-");
    }
}
