use proptest::prelude::*;

use super::*;

/// Holds what every encoding writes differently.
const CANARY: &str = "made-up+canary/\"quoted\"<&>=Zz09";

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('+', "&#43;")
}

fn each(text: &str, write: impl Fn(u8) -> String) -> String {
    text.bytes().map(write).collect()
}

fn percent(text: &str) -> String {
    each(text, |byte| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).into(),
        false => format!("%{byte:02X}"),
    })
}

/// Every form in which a server was seen or could be thought to repeat a text.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let base64 = STANDARD.encode(secret);
    vec![
        secret.to_owned(),
        secret.to_uppercase(),
        percent(secret),
        percent(&percent(secret)),
        percent(secret).to_lowercase(),
        each(secret, |byte| format!("%{byte:02x}")),
        html(secret),
        each(secret, |byte| format!("&#{byte};")),
        each(secret, |byte| format!("&#x{byte:x};")),
        html(&json),
        json.clone(),
        serde_json::to_string(&json).unwrap(),
        each(secret, |byte| format!("\\u{byte:04x}")),
        each(secret, |byte| format!("\\x{byte:02x}")),
        each(secret, |byte| format!("\\u{{{byte:x}}}")),
        each(secret, |byte| format!("\\{byte:03o}")),
        each(secret, |byte| format!("0x{byte:02x}, ")),
        each(secret, |byte| format!("={byte:02X}")),
        format!("{:?}", secret.as_bytes()),
        hex::encode(secret),
        hex::encode_upper(secret),
        each(secret, |byte| format!("{byte:02x}:")),
        base64.clone(),
        base64.replace('+', "-").replace('/', "_").replace('=', ""),
        percent(&base64),
        STANDARD.encode(format!("id:{secret}")),
        STANDARD.encode(format!("AKIA1:{secret}:x")),
        STANDARD.encode(format!("{{\"k\":{json}}}")),
        base64
            .as_bytes()
            .chunks(7)
            .map(|it| String::from_utf8_lossy(it) + "\r\n ")
            .collect(),
        secret.chars().map(|it| format!("{it} ")).collect(),
        secret.chars().map(|it| format!("{it}\n")).collect(),
        format!("{}' + '{}", &secret[..9], &secret[9..]),
        secret[..secret.len() - 3].to_owned(),
        secret[5..].to_owned(),
    ]
}

/// Whether a piece of the secret is left that is worth anything.
fn leaks(shown: &str, secret: &str) -> bool {
    let bare =
        |text: &str| -> String { text.chars().filter(char::is_ascii_alphanumeric).collect() };
    let (shown, secret) = (bare(shown).to_lowercase(), bare(secret).to_lowercase());
    let mut pieces = secret.as_bytes().windows(6);
    pieces.any(|piece| shown.contains(std::str::from_utf8(piece).unwrap()))
}

#[test]
fn a_secret_is_taken_out_in_every_form() {
    let secret = Secret::new(CANARY.into());
    for form in forms(CANARY) {
        let shown = scrub(&format!("You sent <{form}> to us."), &[&secret]);
        assert!(shown.starts_with("You sent <"), "{form}: {shown}");
        assert!(shown.ends_with("> to us."), "{form}: {shown}");
        assert!(shown.contains(HIDDEN), "{form}: {shown}");
        assert!(!leaks(&shown, CANARY), "{form}: {shown}");
        assert!(shown.len() < 60, "{form}: {shown}");
    }
}

#[test]
fn a_short_secret_is_taken_out_as_a_whole() {
    let secret = Secret::new("p@s5w".into());
    for form in ["p@s5w", "p%40s5w", "cEBzNXc=", "7040733577", "p&#64;s5w"] {
        assert_eq!(
            scrub(&format!("a {form} b"), &[&secret])
                .matches(HIDDEN)
                .count(),
            1,
            "{form}"
        );
    }
    assert_eq!(scrub("ab", &[&Secret::new("b".into())]), "ab");
    assert_eq!(
        scrub("x ?!?!? y", &[&Secret::new("?!?!?".into())]),
        "x [secret] y"
    );
}

#[test]
fn a_long_text_is_cut_before_a_secret_that_was_cut() {
    let secret = Secret::new(CANARY.into());
    for shift in 0..CANARY.len() {
        let text = format!("{}{}", "-".repeat(shift), CANARY.repeat(400));
        let shown = scrub(&text, &[&secret]);
        assert!(!leaks(&shown, CANARY), "{shift}: {shown}");
    }
    assert_eq!(
        scrub(&"x".repeat(9_000_000), &[&secret]).len(),
        SHOWN + "…".len()
    );
}

#[test]
fn what_is_no_secret_stays() {
    let secret = Secret::new(CANARY.into());
    let text = "Zażółć 50% of &c; C:\\users \u{1F511} 100%ZZ &# &#; \\u12 \\";
    assert_eq!(scrub(text, &[&secret]), text);
    assert_eq!(scrub(text, &[]), text);
}

proptest! {
    #[test]
    fn no_secret_of_an_issuer_survives(secret in "[A-Za-z0-9+/]{40}", around in "\\PC{0,20}") {
        let hidden = Secret::new(secret.clone());
        for form in forms(&secret) {
            let shown = scrub(&format!("{around} {form} {around}"), &[&hidden]);
            prop_assert!(!leaks(&shown, &secret), "{}: {}", form, shown);
        }
    }

    #[test]
    fn any_text_is_read(text in "\\PC{0,60}|[%&\\\\#x0-9;u{}=]{0,60}", secret in "\\PC{0,20}") {
        scrub(&text, &[&Secret::new(secret)]);
    }
}
