//! Help that fits a terminal: what is longer goes on below where it began.

/// Lines that are longer go on in the column in which their last text begins, behind the name of what it explains.
pub fn wrap(text: &str, width: usize) -> String {
    let lines = text.lines().map(|line| wrap_line(line, width));
    lines.collect::<Vec<_>>().join("\n")
}

fn wrap_line(line: &str, width: usize) -> String {
    let column = line.rfind("  ").map_or(0, |gap| gap + 2);
    let (head, text) = line.split_at(column);
    let indent = head.chars().count();
    let mut wrapped = head.to_owned();
    let mut used = indent;
    for (number, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if number > 0 && used + 1 + length > width {
            wrapped += &format!("\n{}", " ".repeat(indent));
            used = indent;
        } else if number > 0 {
            wrapped.push(' ');
            used += 1;
        }
        wrapped += word;
        used += length;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_goes_on_where_its_text_began_and_a_short_one_stays() {
        let text = "Examples:\n  apikey scan\n\n  scan   Finds keys in files\n      Only the keys of this name";
        let expected = "Examples:\n  apikey scan\n\n  scan   Finds keys\n         in files\n      Only the keys\n      of this name";
        assert_eq!(wrap(text, 19), expected);
        assert_eq!(wrap(text, 80), text);
    }

    #[test]
    fn a_word_that_has_no_room_anywhere_stays_whole() {
        assert_eq!(
            wrap("see https://example.com/x", 10),
            "see\nhttps://example.com/x"
        );
    }
}
