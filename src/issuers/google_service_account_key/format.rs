//! How the credentials file looks in a text: on several lines or on one, in a string of another document too.

use memchr::{memchr, memmem, memrchr};

use crate::scan::format::{Format, Found, is_hex, is_of_a_word};

/// The id tells whose it is. Alone it opens nothing, and examples have no key beside it, so both have to be there.
pub const FORMATS: &[Format] = &[Format {
    name: "Google service account key",
    is_id: true,
    find: |text| {
        let names = memmem::find_iter(text, NAME);
        let ids = names.filter_map(|at| id_behind(text, at + NAME.len()));
        ids.filter(|id| holds_a_key(document_around(text, id)))
            .collect()
    },
}];

const NAME: &str = "private_key_id";

/// The forty digits that are the next word.
fn id_behind(text: &[u8], at: usize) -> Option<Found> {
    let length = |from: usize, is: fn(u8) -> bool| {
        let run = text[from..].iter();
        run.take_while(|byte| is(**byte)).count()
    };
    let start = at + length(at, |byte| !is_of_a_word(byte));
    let end = start + length(start, is_of_a_word);
    let is_id = end - start == 40 && text[start..end].iter().all(|byte| is_hex(*byte));
    is_id.then_some(Found {
        at: start..end,
        shown: end - start,
    })
}

/// It holds no other, so that its braces are the nearest.
fn document_around<'a>(text: &'a [u8], id: &Found) -> &'a [u8] {
    let (before, behind) = (&text[..id.at.start], &text[id.at.end..]);
    let start = memrchr(b'{', before).unwrap_or_default();
    let end = memchr(b'}', behind).map_or(text.len(), |length| id.at.end + length);
    &text[start..end]
}

/// Every RSA key of PKCS #8 begins with these letters, however the line break before them is written.
fn holds_a_key(document: &[u8]) -> bool {
    // In two parts, so that no scanner takes this for one.
    const BEGINNING: &str = concat!("-----BEGIN ", "PRIVATE KEY-----");
    let behind = memmem::find(document, BEGINNING.as_bytes()).map(|at| at + BEGINNING.len());
    let body = behind.map(|at| &document[at..document.len().min(at + 8)]);
    body.is_some_and(|body| memmem::find(body, b"MII").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    /// With what stands for a key, or for none.
    fn document(body: &str) -> String {
        let file = serde_json::json!({
            "type": "service_account",
            "private_key_id": ID,
            "private_key": format!("-----BEGIN {} KEY-----\n{body}\n-----END PRIVATE KEY-----\n", "PRIVATE"),
            "client_email": "a@b",
        });
        serde_json::to_string_pretty(&file).unwrap()
    }

    fn found(text: &str) -> Vec<&str> {
        let found = (FORMATS[0].find)(text.as_bytes()).into_iter();
        found.map(|it| &text[it.at]).collect()
    }

    #[test]
    fn a_credentials_file_is_found_by_its_id_however_it_is_written() {
        let file = document("MIIEvmadeup");
        let in_one_line = file.replace('\n', "");
        let in_a_string = serde_json::json!({ "GOOGLE_CREDENTIALS": file }).to_string();
        let with_one_behind = format!("{file}\n{{\"private_key_id\": \"{ID}\"}}");
        for text in [&file, &in_one_line, &in_a_string, &with_one_behind] {
            assert_eq!(found(text), [ID], "{text}");
        }
    }

    #[test]
    fn an_id_without_a_key_and_an_example_without_an_id_are_none() {
        let file = document("MIIEvmadeup");
        for text in [
            document("PRIVATE_KEY"),
            file.replace(ID, "KEY_ID"),
            file.replace(ID, &ID[1..]),
            format!("{{\"private_key_id\": \"{ID}\"}}"),
            format!("\"private_key_id\": \"{ID}\"\n{{}}\n{file}")
                .replace(&format!("d\": \"{ID}\",\n"), "d\": \"x\",\n"),
        ] {
            assert_eq!(found(&text), [""; 0], "{text}");
        }
    }
}
