//! Reads a dotenv file line by line, as bytes, with only as much understanding as it takes to find our variables.

/// A dotenv file, line by line.
pub struct Scan<'a> {
    /// All lines, in order.
    pub lines: Vec<Line<'a>>,
    /// The last line is not the end of its value.
    pub open_at_end: bool,
}

pub struct Line<'a> {
    /// With its newline.
    pub raw: &'a [u8],
    /// It continues a quoted value or a line that ends in a backslash: some readers see an assignment in it, some do not.
    pub inside: bool,
    /// Set if it assigns to one of the names.
    pub ours: Option<Ours<'a>>,
}

impl Line<'_> {
    /// Which of the names it assigns to.
    pub fn index(&self) -> Option<usize> {
        self.ours.as_ref().map(|ours| ours.index)
    }
}

/// An assignment to one of our variables.
pub struct Ours<'a> {
    /// Which one.
    pub index: usize,
    /// Byte order mark, indentation, `export`.
    pub lead: &'a [u8],
    /// Without the space around it.
    pub value: &'a [u8],
}

impl<'a> Scan<'a> {
    /// Reads a file, where `index_of` knows our variables by name.
    pub fn of(bytes: &'a [u8], index_of: impl Fn(&[u8]) -> Option<usize>) -> Self {
        let mut quote = None;
        let mut continued = false;
        let lines = bytes
            .split_inclusive(|byte| *byte == b'\n')
            .map(|raw| {
                let inside = quote.is_some() || continued;
                let assignment = Assignment::of(raw);
                quote = match quote {
                    Some(open) => Some(open).filter(|open| closing(raw, *open).is_none()),
                    None => assignment.as_ref().and_then(Assignment::left_open),
                };
                let comment = raw.trim_ascii_start().starts_with(b"#");
                continued = quote.is_none() && !comment && raw.trim_ascii_end().ends_with(b"\\");
                let ours = assignment.and_then(|assignment| {
                    Some(Ours {
                        index: index_of(assignment.name)?,
                        lead: assignment.lead,
                        value: assignment.value,
                    })
                });
                Line { raw, inside, ours }
            })
            .collect();
        Self {
            lines,
            open_at_end: quote.is_some() || continued,
        }
    }
}

struct Assignment<'a> {
    lead: &'a [u8],
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Assignment<'a> {
    fn of(line: &'a [u8]) -> Option<Self> {
        let rest = line
            .strip_prefix(b"\xEF\xBB\xBF")
            .unwrap_or(line)
            .trim_ascii_start();
        let rest = match rest.strip_prefix(b"export") {
            Some(exported) if exported.starts_with(b" ") || exported.starts_with(b"\t") => {
                exported.trim_ascii_start()
            }
            _ => rest,
        };
        let (name, after) = rest.split_at(name_length(rest));
        let value = after.trim_ascii_start().strip_prefix(b"=")?;
        (!name.is_empty()).then(|| Self {
            lead: &line[..line.len() - rest.len()],
            name,
            value: value.trim_ascii(),
        })
    }

    /// The quote that begins the value and is not closed on this line.
    fn left_open(&self) -> Option<u8> {
        let (quote, rest) = quoted(self.value)?;
        closing(rest, quote).is_none().then_some(quote)
    }
}

/// How many bytes at the start make a name that a shell allows.
fn name_length(text: &[u8]) -> usize {
    let fits = |(index, byte): (usize, &u8)| {
        *byte == b'_' || byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit())
    };
    text.iter()
        .enumerate()
        .take_while(|item| fits(*item))
        .count()
}

/// The quote that a value begins with, and what follows it.
pub fn quoted(value: &[u8]) -> Option<(u8, &[u8])> {
    let (first, rest) = value.split_first()?;
    matches!(first, b'\'' | b'"' | b'`').then_some((*first, rest))
}

/// Where a quoted text ends. A backslash protects the next character, except in single quotes.
pub fn closing(text: &[u8], quote: u8) -> Option<usize> {
    let mut protected = false;
    text.iter().position(|byte| {
        let found = *byte == quote && !protected;
        protected = quote != b'\'' && *byte == b'\\' && !protected;
        found
    })
}
