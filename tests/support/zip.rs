//! Reads the entries of a ZIP archive, which is what a saved plan is.

/// The start of an entry in the directory at the end of the archive.
const ENTRY: &[u8] = b"PK\x01\x02";

/// Name and content of every entry. Panics on what it does not understand.
pub fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let starts = (0..archive.len().saturating_sub(ENTRY.len()))
        .filter(|start| archive[*start..].starts_with(ENTRY));
    let entries: Vec<_> = starts.map(|start| entry(archive, start)).collect();
    assert!(!entries.is_empty(), "no entries in the archive");
    entries
}

fn entry(archive: &[u8], start: usize) -> (String, Vec<u8>) {
    let number = |at: usize, bytes: usize| {
        let field = archive[at..at + bytes].iter().rev();
        field.fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    let method = number(start + 10, 2);
    let (packed, name_length, local) = (
        number(start + 20, 4),
        number(start + 28, 2),
        number(start + 42, 4),
    );
    let name = String::from_utf8_lossy(&archive[start + 46..start + 46 + name_length]);
    let content = local + 30 + number(local + 26, 2) + number(local + 28, 2);
    let bytes = &archive[content..content + packed];
    let unpacked = match method {
        0 => bytes.to_vec(),
        8 => miniz_oxide::inflate::decompress_to_vec(bytes).unwrap(),
        other => panic!("{name} is packed by method {other}"),
    };
    (name.into_owned(), unpacked)
}
