//! Markdown: lines, and tables of text from outside.

use std::fmt::Write;

use crate::printable::printable_line;

/// A line.
pub fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // A string takes whatever is written to it.
    let _ = writeln!(text, "{content}");
}

/// A table, or that there is nothing to show.
pub fn table(text: &mut String, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    if rows.is_empty() {
        line(text, format_args!("None.\n"));
        return;
    }
    line(text, format_args!("| {} |", columns.join(" | ")));
    line(text, format_args!("|{}", "---|".repeat(columns.len())));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
        line(text, format_args!("| {} |", cells.join(" | ")));
    }
    text.push('\n');
}

/// Text from outside on one line, which neither ends a cell nor begins a tag or a link.
pub fn cell(text: &str) -> String {
    let mut cell = String::new();
    for character in printable_line(text).chars() {
        match character {
            '|' | '[' | '\\' | '`' => cell.extend(['\\', character]),
            '<' => cell.push_str("&lt;"),
            _ => cell.push(character),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_would_do_to_a_page_is_shown() {
        let odd = "a|b\n# c <img src=x> [d](e) `f\u{1b}";
        assert_eq!(cell(odd), "a\\|b # c &lt;img src=x> \\[d](e) \\`f\\\\u{1b}");
        let mut text = String::new();
        table(&mut text, &["A"], []);
        assert_eq!(text, "None.\n\n");
    }
}
