use super::*;
use crate::issuers::generated::sample;

fn found(text: &str) -> Vec<Finding> {
    find(text.as_bytes(), &Place::default(), 1)
}

#[test]
fn a_generated_key_is_found_wherever_it_stands_and_is_not_shown() {
    let key = sample("acme_live");
    for text in [
        key.clone(),
        format!("token={key}\n"),
        format!("TOKEN_{key}"),
        format!("my_token_{key}"),
        format!("https://x/?k={key}&a=b"),
        format!("\"{key}\","),
        format!("zażółć {key}"),
        format!(r#"{{"log":"one\n{key}\n"}}"#),
        format!("a=1&k%3D{key}"),
        format!("x{key}"),
    ] {
        let found = found(&text);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].shown, "acme_live_…", "{text}");
        let expected = Secret::new(key.clone()).fingerprint();
        assert!(
            expected
                .as_str()
                .starts_with(found[0].mark.as_deref().unwrap())
        );
        assert!(!format!("{found:?}").contains(&key[12..]), "{found:?}");
    }
}

#[test]
fn what_is_nearly_a_key_is_none() {
    let key = sample("acme");
    let mut edited = key.clone().into_bytes();
    edited[8] = if edited[8] == b'a' { b'b' } else { b'a' };
    let edited = String::from_utf8(edited).unwrap();
    for text in [
        edited,
        key[..key.len() - 1].to_owned(),
        format!("{key}x"),
        "acme_".into(),
    ] {
        assert_eq!(found(&text), [], "{text}");
    }
}

#[test]
fn a_place_is_a_line_and_a_byte() {
    let key = sample("acme");
    let found = found(&format!("one\ntwo {key}\n{key}"));
    let places: Vec<_> = found
        .iter()
        .map(|it| (it.place.line, it.place.column))
        .collect();
    assert_eq!(places, [(2, 5), (3, 1)]);
}

#[test]
fn a_line_can_say_that_it_is_meant() {
    let key = sample("acme");
    let text = format!("{key} # apikey:allow\n{key}\n// apikey:allow\n");
    let lines: Vec<_> = found(&text).iter().map(|it| it.place.line).collect();
    assert_eq!(lines, [2]);
}

#[test]
fn an_id_is_shown_and_the_vendors_own_examples_are_let_through() {
    let id = format!("AKIA{}", "Q3EGRLM7ZXNO2PT4");
    let found = found(&format!("{id} AKIAIOSFODNN7EXAMPLE X{id} {id}A"));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].shown.as_str(), found[0].key_id.as_deref()),
        (id.as_str(), Some(id.as_str()))
    );
}

#[test]
fn of_a_key_of_twilio_the_id_is_found() {
    let id = format!("SK{}", "0123456789abcdef".repeat(2));
    let found = found(&format!("{id}, SK{} {id}a {id}A X{id}", &id[3..]));
    let ids: Vec<_> = found.iter().map(|it| it.key_id.as_deref()).collect();
    assert_eq!(ids, [Some(id.as_str())]);
}

#[test]
fn every_format_of_an_issuer_finds_what_it_is_made_for() {
    let hex = "0123456789abcdef".repeat(4);
    let word = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7".repeat(2);
    for (text, what) in [
        (format!("hvs.{}", &word[..40]), "Vault token"),
        (format!("s.{}", &word[..24]), "OpenBao token"),
        (format!("glpat-{}", &word[..20]), "GitLab token"),
        (format!("dop_v1_{hex}"), "DigitalOcean token"),
        (
            format!("glsa_{}_{}", &word[..32], &hex[..8]),
            "Grafana token",
        ),
        (
            format!("SG.{}.{}", &word[..22], &word[..43]),
            "SendGrid key",
        ),
        (format!("dp.st.prd.{}", &word[..43]), "Doppler token"),
        (format!("AIza{}", &word[..35]), "Google API key"),
    ] {
        let found = found(&format!("x = '{text}'"));
        assert_eq!(
            found.iter().map(|it| it.what).collect::<Vec<_>>(),
            [what],
            "{text}"
        );
        assert!(
            !format!("{found:?}").contains(&text[text.len() - 10..]),
            "{found:?}"
        );
    }
}
