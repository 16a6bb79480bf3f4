//! Where a table has no room for its fields: how wide each column becomes, and where what is longer goes on. A name is broken
//! behind what joins its parts, so that a person can read it and put it together again.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

/// Blanks between two columns.
pub const GAP: usize = 2;

/// The widths of so many columns of these fields, in as much room as there is; `None` if a part of one would have to be broken.
pub fn widths<'a, Fields>(
    columns: usize,
    rows: impl Iterator<Item = Fields>,
    room: Option<usize>,
) -> Option<Vec<usize>>
where
    Fields: Iterator<Item = Cow<'a, str>>,
{
    let (mut whole, mut parts) = (vec![0; columns], vec![0; columns]);
    for fields in rows {
        for (column, field) in fields.enumerate().take(columns) {
            let width = width_of(&field);
            // A part is no longer than the whole.
            if width > parts[column] && room.is_some() {
                parts[column] = longest_part(&field).max(parts[column]);
            }
            whole[column] = width.max(whole[column]);
        }
    }
    let Some(room) = room else { return Some(whole) };
    let room = room.checked_sub(GAP * columns.saturating_sub(1))?;
    levelled(&parts, &whole, room)
}

/// Something between the least and the most for each, all as near to the same as there is room for.
fn levelled(least: &[usize], most: &[usize], room: usize) -> Option<Vec<usize>> {
    let at = |level: usize| -> Vec<usize> {
        let bounds = least.iter().zip(most);
        bounds
            .map(|(least, most)| level.max(*least).min(*most))
            .collect()
    };
    let mut levels = (0..=room).rev().map(at);
    levels.find(|widths| widths.iter().sum::<usize>() <= room)
}

/// How many columns of a terminal a text takes.
pub fn width_of(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.width(),
    }
}

/// A text in lines of no more than a width.
pub fn folded(text: &str, width: usize) -> Vec<&str> {
    let (mut lines, mut rest) = (Vec::new(), text);
    while width_of(rest) > width {
        let (line, next) = rest.split_at(end_of_line(rest, width));
        lines.push(line.trim_end());
        rest = next.trim_start();
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest);
    }
    lines
}

/// Behind the last part that has room, or in the middle of the first one if it has none.
fn end_of_line(text: &str, width: usize) -> usize {
    let fits = |end: &usize| width_of(text[..*end].trim_end()) <= width;
    let whole = ends(text).take_while(fits).last();
    let mut characters = text
        .char_indices()
        .map(|(at, character)| at + character.len_utf8());
    let first = characters.next();
    let some = characters.take_while(fits).last();
    whole.or(some).or(first).unwrap_or(text.len())
}

fn longest_part(text: &str) -> usize {
    let mut begin = 0;
    let parts = ends(text).map(|end| {
        let part = &text[begin..end];
        begin = end;
        width_of(part.trim_end())
    });
    parts.max().unwrap_or_default()
}

/// Where parts of a text end. Two digits belong together, so that a day and a version stay whole.
fn ends(text: &str) -> impl Iterator<Item = usize> {
    let joints = text.match_indices(|it| " /-_.:@,".contains(it));
    let ends = joints.filter_map(move |(at, joint)| {
        let end = at + joint.len();
        let is_digit = |character: Option<char>| character.is_some_and(|it| it.is_ascii_digit());
        let is_inner = joint != " "
            && is_digit(text[..at].chars().next_back())
            && is_digit(text[end..].chars().next());
        (!is_inner && end < text.len()).then_some(end)
    });
    ends.chain([text.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_broken_behind_what_joins_its_parts() {
        for (text, width, lines) in [
            ("payments", 8, &["payments"][..]),
            ("the-key-of-payments", 9, &["the-key-", "of-", "payments"]),
            (
                "prod/payments_api.key",
                9,
                &["prod/", "payments_", "api.key"],
            ),
            ("2026-07-01 (50d ago)", 10, &["2026-07-01", "(50d ago)"]),
            ("0123456789ab", 5, &["01234", "56789", "ab"]),
            ("żółć-żółć", 5, &["żółć-", "żółć"]),
            ("日本語", 4, &["日本", "語"]),
            ("日本", 1, &["日", "本"]),
            ("a--b", 1, &["a", "-", "-", "b"]),
        ] {
            assert_eq!(folded(text, width), lines, "{text} {width}");
            let whole: String = folded(text, width).concat();
            assert_eq!(whole, text.replace(' ', "").replace("50dago", "50d ago"));
        }
    }

    fn of(rows: &[&[&'static str]], room: usize) -> Option<Vec<usize>> {
        let fields = rows
            .iter()
            .map(|row| row.iter().copied().map(Cow::Borrowed));
        widths(rows[0].len(), fields, Some(room))
    }

    #[test]
    fn a_column_is_as_wide_as_its_fields_and_the_longest_share_what_is_left() {
        let widths = of(&[&["NAME", "OWNER"], &["payments", "a"]], 80);
        assert_eq!(widths, Some(vec![8, 5]));
        let long = "a-b-c-d-e-f-g-h-i-j-k-l-m-n";
        let widths = of(&[&["A", "B", "C"], &["ok", long, long]], 26);
        assert_eq!(widths, Some(vec![2, 10, 10]));
        assert_eq!(of(&[&["A", "B"], &["日本", "b"]], 80), Some(vec![4, 1]));
    }

    #[test]
    fn what_cannot_be_broken_takes_its_room_from_what_can_or_there_is_none() {
        let parts = "a-b-c-d-e-f-g-h-i-j-k-l-m-n";
        let whole = "AKIAEXAMPLEEXAMPLE";
        let widths = of(&[&["A", "B"], &[parts, whole]], 30);
        assert_eq!(widths, Some(vec![10, 18]));
        assert_eq!(of(&[&["A", "B"], &[whole, whole]], 38), Some(vec![18, 18]));
        assert_eq!(of(&[&["A", "B"], &[whole, whole]], 37), None);
        assert_eq!(of(&[&["A", "B"], &["a", "b"]], 1), None);
        // A day is one part.
        assert_eq!(of(&[&["DUE"], &["2026-07-01 (in 3d)"]], 10), Some(vec![10]));
        assert_eq!(of(&[&["DUE"], &["2026-07-01 (in 3d)"]], 9), None);
    }
}
