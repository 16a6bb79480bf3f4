use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use tf_provider::value::ValueAny;

use super::*;
use crate::error::Path;

fn generator(prefix: &str, length: Option<i64>) -> Result<Generator> {
    let mut fields = BTreeMap::from([("prefix".into(), ValueAny::String(prefix.into()))]);
    fields.extend(length.map(|length| ("length".into(), ValueAny::Number(length))));
    Generator::from_settings(&Settings::new(
        Path::root("issuer").attribute("generated"),
        &fields,
    ))
}

#[test]
fn the_checksum_is_the_documented_one() {
    // 0xCBF43926 is the check value that the catalogues of CRCs give for CRC-32/ISO-HDLC.
    let mut value: u64 = 0;
    for digit in checksum(b"123456789") {
        let position = DIGITS.iter().position(|other| *other == digit).unwrap();
        value = value * 62 + position as u64;
    }
    assert_eq!(value, 0xCBF4_3926);
    assert_eq!(&checksum(b""), b"000000");
}

#[test]
fn a_key_written_down_once_is_still_recognised() {
    // Computed apart from this code, with zlib.crc32; a change of the format must not pass unnoticed.
    assert!(verify_checksum(KNOWN));
}

const KNOWN: &str = "acme_prod_madeUpForTheTests0123456789AB46901S";

#[tokio::test]
async fn a_minted_key_has_the_announced_form_and_no_public_id() {
    let minted = generator("acme_prod", None)
        .unwrap()
        .mint("token")
        .await
        .unwrap();
    let key = minted.secret.expose();
    assert!(minted.key_id.is_none());
    assert!(verify_checksum(key));
    assert_eq!(key.len(), "acme_prod_".len() + 32 + 6);
}

#[test]
fn keys_do_not_repeat_and_use_every_digit() {
    let keys: HashSet<String> = (0..200)
        .map(|_| new_key("k", 64).unwrap().expose().to_owned())
        .collect();
    assert_eq!(keys.len(), 200);
    let digits: HashSet<u8> = keys.iter().flat_map(|key| key.bytes().skip(2)).collect();
    assert_eq!(digits.len(), 62);
}

#[test]
fn look_alikes_are_refused() {
    for text in [
        "",
        "_",
        "acme",
        "acme_",
        "acme_000000",
        "pk_other_service_0000000000000000000000",
        "xyz_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17",
        "АКИА_0000000000000000000000000000",
        "acme_ключключключключключключключ",
    ] {
        assert!(!verify_checksum(text), "{text}");
    }
    for changed in [
        KNOWN.to_uppercase(),
        KNOWN.replacen("acme", "acne", 1),
        format!(" {KNOWN}"),
        format!("{KNOWN}\n"),
        KNOWN[..KNOWN.len() - 1].to_owned(),
    ] {
        assert!(!verify_checksum(&changed), "{changed}");
    }
}

#[test]
fn a_right_checksum_over_a_wrong_form_is_refused() {
    for body in [
        "Acme_0123456789abcdefghijkl",
        "acme__0123456789abcdefghijkl",
        "1acme_0123456789abcdefghijkl",
        "acme_0123456789abcdefghijk",
        "acme_0123456789-bcdefghijkl",
    ] {
        let key = format!(
            "{body}{}",
            String::from_utf8_lossy(&checksum(body.as_bytes()))
        );
        assert!(!verify_checksum(&key), "{key}");
    }
}

#[test]
fn prefixes_and_lengths_out_of_bounds_are_refused_with_their_attribute() {
    let long = "a".repeat(32);
    for prefix in [
        "A",
        "1a",
        "_a",
        "a_",
        "a__b",
        "a-b",
        "é",
        " ",
        long.as_str(),
    ] {
        let error = generator(prefix, None).unwrap_err();
        assert_eq!(
            error.path.to_string(),
            "issuer.generated.prefix",
            "{prefix}"
        );
    }
    for length in [i64::MIN, -1, 0, 21, 129, i64::MAX] {
        let error = generator("a", Some(length)).unwrap_err();
        assert_eq!(error.path.to_string(), "issuer.generated.length");
        assert!(error.detail.contains(&length.to_string()));
    }
    assert!(generator("a", Some(22)).is_ok() && generator("a", Some(128)).is_ok());
}

proptest! {
    #[test]
    fn every_key_of_a_legal_generator_verifies(
        prefix in "[a-z][a-z0-9]{0,9}(_[a-z0-9]{1,9}){0,2}",
        length in SHORTEST..=LONGEST,
    ) {
        let key = new_key(&prefix, length).unwrap();
        prop_assert!(verify_checksum(key.expose()));
    }

    #[test]
    fn one_changed_character_is_always_noticed(position in 0usize..1000, replacement in "[0-9A-Za-z]") {
        let position = position % KNOWN.len();
        prop_assume!(!KNOWN[position..].starts_with(&replacement));
        let mut changed = KNOWN.to_owned();
        changed.replace_range(position..=position, &replacement);
        prop_assert!(!verify_checksum(&changed));
    }

    #[test]
    fn no_text_at_all_makes_it_fail(text in "\\PC*|[a-z_]{0,4}_[0-9A-Za-zé]{0,150}") {
        let _ = verify_checksum(&text);
    }
}
