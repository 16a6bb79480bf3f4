//! A text in every form in which a server may repeat it, and how to find what is left of it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// The text as servers and their libraries repeat what they were sent.
pub fn forms(text: &str) -> Vec<String> {
    let each = |write: fn(u8) -> String| text.bytes().map(write).collect::<String>();
    let json = serde_json::to_string(text).unwrap();
    let percent = each(|byte| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).into(),
        false => format!("%{byte:02X}"),
    });
    let html = json
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('+', "&#43;")
        .replace('/', "&#x2F;");
    let base64 = BASE64_STANDARD.encode(text);
    vec![
        text.to_owned(),
        json,
        percent.replace('%', "%25"),
        percent,
        html,
        base64.replace('+', "-").replace('/', "_"),
        BASE64_STANDARD.encode(format!("id:{text}")),
        BASE64_STANDARD.encode(format!("{{\"key\":\"{text}\"}}")),
        base64,
        each(|byte| format!("{byte:02x}")),
        each(|byte| format!("%{byte:02x}")),
        each(|byte| format!("\\u{byte:04x}")),
        format!("{:?}", text.as_bytes()),
        text.chars()
            .map(|character| format!("{character}\r\n "))
            .collect(),
    ]
}

/// Fails if a printed text or a file holds enough of a secret, in any form, to be of use.
#[track_caller]
pub fn assert_hidden(place: &str, bytes: &[u8], secret: &str) {
    let searched = bare(&String::from_utf8_lossy(bytes));
    for offset in 0..3 {
        let shifted = format!("{}{secret}", &"id:"[..offset]);
        let base64 = bare(&BASE64_STANDARD.encode(shifted));
        is_not_in(place, &searched, &base64[4..base64.len() - 4]);
    }
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let decimal: String = secret.bytes().map(|byte| byte.to_string()).collect();
    for form in [bare(secret), hex, decimal] {
        is_not_in(place, &searched, &form);
    }
}

#[track_caller]
fn is_not_in(place: &str, searched: &str, form: &str) {
    for piece in form.as_bytes().windows(12.min(form.len())) {
        let piece = std::str::from_utf8(piece).unwrap();
        assert!(
            !searched.contains(piece),
            "{piece:?} of a secret is in {place}: {searched}"
        );
    }
}

/// Letters and digits of the text, after the escapes that servers put around other characters.
fn bare(text: &str) -> String {
    let mut text = text.to_owned();
    for escape in [
        "%25", "%2b", "%2B", "%2f", "%2F", "&#43;", "&#x2F;", "\\u0000", "\\n", "\\r",
    ] {
        text = text.replace(escape, "");
    }
    text.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|it| it.to_ascii_lowercase())
        .collect()
}
