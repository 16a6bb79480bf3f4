use proptest::prelude::*;

use super::*;
use crate::secret::Secret;

fn names(prefix: &str) -> Names {
    Names::new(prefix)
}

fn key(secret: &str, key_id: Option<&str>) -> DocumentKey {
    DocumentKey {
        key_id: key_id.map(Into::into),
        secret: Secret::new(secret.into()),
    }
}

fn document(primary: DocumentKey, secondary: Option<DocumentKey>) -> Document {
    Document {
        primary,
        secondary,
        generation: None,
        rotated_at: None,
    }
}

fn written(before: &str, document: &Document) -> String {
    let lines = Lines::of(document).unwrap();
    let after = set(before.as_bytes(), &names("API_KEY"), &lines);
    String::from_utf8(after.to_vec()).unwrap()
}

fn one(secret: &str) -> Document {
    document(key(secret, None), None)
}

fn why_foreign(text: &str) -> String {
    match read(text.as_bytes(), &names("API_KEY")) {
        Found::Foreign(why) => why.to_string(),
        found => panic!("{text:?} is {found:?}"),
    }
}

fn found(text: &str) -> Document {
    match read(text.as_bytes(), &names("API_KEY")) {
        Found::Document(document) => document,
        found => panic!("{text:?} is {found:?}"),
    }
}

#[test]
fn a_new_file_holds_both_slots_and_ids_only_where_there_are_any() {
    assert_eq!(
        written("", &one("aa")),
        "API_KEY_PRIMARY=aa\nAPI_KEY_SECONDARY=\n"
    );
    let both = document(key("aa", Some("id1")), Some(key("bb", Some("id2"))));
    assert_eq!(
        written("", &both),
        "API_KEY_PRIMARY=aa\nAPI_KEY_SECONDARY=bb\nAPI_KEY_PRIMARY_ID=id1\nAPI_KEY_SECONDARY_ID=id2\n"
    );
}

#[test]
fn the_generation_is_written_and_read_back() {
    let text = written(
        "",
        &Document {
            generation: Some(7),
            ..one("aa")
        },
    );
    assert_eq!(
        text,
        "API_KEY_PRIMARY=aa\nAPI_KEY_SECONDARY=\nAPI_KEY_GENERATION=7\n"
    );
    assert_eq!(found(&text).generation, Some(7));
    assert_eq!(found("API_KEY_PRIMARY=aa\n").generation, None);
}

#[test]
fn a_file_of_one_delivery_alone_is_told_from_a_shared_one() {
    for alone in [
        "API_KEY_PRIMARY=aa\nAPI_KEY_SECONDARY=\n",
        "\nX_PRIMARY=aa\n\n",
    ] {
        let document = read_alone(alone.as_bytes()).unwrap();
        assert_eq!(document.primary.secret.expose(), "aa");
    }
    for shared in [
        "",
        "API_KEY_PRIMARY=aa\nOTHER=1\n",
        "# mine\nAPI_KEY_PRIMARY=aa\n",
        "API_KEY_PRIMARY=\n",
        "ONE_PRIMARY=aa\nTWO_PRIMARY=bb\n",
    ] {
        assert!(read_alone(shared.as_bytes()).is_none(), "{shared:?}");
    }
}

#[test]
fn the_id_of_an_emptied_slot_does_not_stay_behind() {
    let both = document(key("aa", Some("id1")), Some(key("bb", Some("id2"))));
    let single = document(key("bb", Some("id2")), None);
    assert_eq!(
        written(&written("", &both), &single),
        "API_KEY_PRIMARY=bb\nAPI_KEY_SECONDARY=\nAPI_KEY_PRIMARY_ID=id2\nAPI_KEY_SECONDARY_ID=\n"
    );
    assert_eq!(
        written(&written("", &both), &one("cc")),
        "API_KEY_PRIMARY=cc\nAPI_KEY_SECONDARY=\n"
    );
}

#[test]
fn lines_of_others_keep_their_bytes_and_places() {
    let before = "# head\r\nexport A='x y' # c\r\n\r\nAPI_KEY_PRIMARY=old\n  B = \"1\"\nAPI_KEY_PRIMARY_X=1\nC=last";
    let after = "# head\r\nexport A='x y' # c\r\n\r\nAPI_KEY_PRIMARY=new\nAPI_KEY_SECONDARY=\n  B = \"1\"\n\
                 API_KEY_PRIMARY_X=1\nC=last";
    assert_eq!(written(before, &one("new")), after);
}

#[test]
fn export_before_one_of_ours_stays_and_quotes_and_carriage_return_go() {
    assert_eq!(
        written(
            "export API_KEY_PRIMARY=\"old\"\r\nAPI_KEY_SECONDARY=\r\n",
            &one("new")
        ),
        "export API_KEY_PRIMARY=new\nAPI_KEY_SECONDARY=\n"
    );
}

#[test]
fn of_several_lines_for_one_variable_the_last_counts_and_stays() {
    let before = "API_KEY_PRIMARY=a\nX=1\nAPI_KEY_PRIMARY=b\nAPI_KEY_SECONDARY=\n";
    assert_eq!(found(before).primary.secret.expose(), "b");
    assert_eq!(
        written(before, &one("c")),
        "X=1\nAPI_KEY_PRIMARY=c\nAPI_KEY_SECONDARY=\n"
    );
}

#[test]
fn a_byte_order_mark_hides_nothing() {
    let before = "\u{feff}API_KEY_PRIMARY=a\n";
    assert_eq!(found(before).primary.secret.expose(), "a");
    assert_eq!(
        written(before, &one("b")),
        "\u{feff}API_KEY_PRIMARY=b\nAPI_KEY_SECONDARY=\n"
    );
}

#[test]
fn values_that_a_person_quoted_or_commented_are_read() {
    for line in [
        "API_KEY_PRIMARY='a-b'",
        "API_KEY_PRIMARY = \"a-b\" # mine",
        "\texport API_KEY_PRIMARY=a-b # mine\r",
    ] {
        assert_eq!(found(line).primary.secret.expose(), "a-b", "{line}");
    }
}

#[test]
fn variables_without_a_value_are_a_place_to_fill() {
    for text in [
        "X=1\n",
        "API_KEY_PRIMARY=\nAPI_KEY_SECONDARY=''\n",
        "export API_KEY_PRIMARY\n",
        "#API_KEY_PRIMARY=x\n",
    ] {
        assert!(
            matches!(read(text.as_bytes(), &names("API_KEY")), Found::Nothing),
            "{text}"
        );
    }
}

#[test]
fn what_readers_would_understand_differently_is_not_ours() {
    for (text, reason) in [
        ("{\"primary\":\"x\"}", "it is not a dotenv file"),
        ("[section]\nA=1\n", "it is not a dotenv file"),
        ("A=\0\n", "it is not a dotenv file"),
        (
            "API_KEY_PRIMARY=$(pass api)\n",
            "line 1, API_KEY_PRIMARY, has a value that readers understand differently",
        ),
        ("API_KEY_PRIMARY=\"a'b\"\n", "understand differently"),
        ("API_KEY_PRIMARY='a'b\n", "understand differently"),
        ("API_KEY_PRIMARY=a b\n", "understand differently"),
        ("API_KEY_PRIMARY=~/x\n", "understand differently"),
        (
            "PEM='begin\nAPI_KEY_PRIMARY=a\nend'\n",
            "line 2, API_KEY_PRIMARY, stands inside a value of several lines",
        ),
        (
            "A=1\\\nAPI_KEY_PRIMARY=a\n",
            "stands inside a value of several lines",
        ),
        ("A='never closed\n", "its last value is not closed"),
        (
            "API_KEY_SECONDARY=b\n",
            "API_KEY_SECONDARY has a value and API_KEY_PRIMARY has none",
        ),
    ] {
        let why = why_foreign(text);
        assert!(why.contains(reason), "{text:?}: {why}");
    }
}

#[test]
fn a_reason_never_quotes_a_value() {
    assert!(!why_foreign("API_KEY_PRIMARY=$canary\n").contains("canary"));
}

#[test]
fn a_closed_value_of_several_lines_is_no_obstacle() {
    let before = "PEM=\"-----\nA=\\\"=\n-----\"\nJSON='{\n}'\nAPI_KEY_PRIMARY=a\n";
    assert_eq!(found(before).primary.secret.expose(), "a");
    assert!(
        written(before, &one("b"))
            .starts_with("PEM=\"-----\nA=\\\"=\n-----\"\nJSON='{\n}'\nAPI_KEY_PRIMARY=b\n")
    );
}

#[test]
fn keys_that_cannot_be_written_bare_are_refused_by_name() {
    for secret in [
        "", "a b", "a\nb", "a'b", "a\"b", "a#b", "a$b", "a\\b", "a`b", "a;b", "a&b", "é", "~a",
        "a:~b", "a*b", "{a,b}", "a\0",
    ] {
        assert_eq!(
            Lines::of(&one(secret)).err(),
            Some("primary key"),
            "{secret:?}"
        );
        let second = document(key("a", None), Some(key(secret, None)));
        assert_eq!(
            Lines::of(&second).err(),
            Some("secondary key"),
            "{secret:?}"
        );
    }
    let id = document(key("a", Some("x y")), None);
    assert_eq!(Lines::of(&id).err(), Some("id of the primary key"));
}

fn anything() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "#[ -~é]{0,12}",
        "(export )?[A-Z]{1,4}=[ -~]{0,12}",
        "[A-Z]{1,4} = ('[a-z \n]{0,8}'|\"[a-z \n]{0,8}\")",
        "[ \t]{0,3}",
        "API_KEY(_PRIMARY|_SECONDARY|_X)?",
    ];
    let ending = prop_oneof![Just("\n"), Just("\r\n")];
    (prop::collection::vec((line, ending), 0..8), any::<bool>()).prop_map(|(lines, closed)| {
        let mut text: String = lines
            .into_iter()
            .flat_map(|(line, end)| [line, end.to_owned()])
            .collect();
        if !closed {
            text.truncate(text.trim_end_matches(['\n', '\r']).len());
        }
        text
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(before in anything(), secret in "[A-Za-z0-9_./+=@%,^!-]{1,40}", other in "[A-Za-z0-9]{0,9}") {
        prop_assume!(matches!(read(before.as_bytes(), &names("API_KEY")), Found::Nothing));
        let second = (!other.is_empty()).then(|| key(&other, Some("id")));
        let text = written(&before, &document(key(&secret, None), second));
        let read = found(&text);
        prop_assert_eq!(read.primary.secret.expose(), secret);
        prop_assert_eq!(read.primary.key_id, None);
        prop_assert_eq!(read.secondary.is_some(), !other.is_empty());
    }

    #[test]
    fn writing_and_taking_away_leaves_every_byte_of_others(before in anything()) {
        prop_assume!(matches!(read(before.as_bytes(), &names("API_KEY")), Found::Nothing));
        let there = written(&before, &document(key("made-up", Some("id")), None));
        let gone = set(there.as_bytes(), &names("API_KEY"), &Lines::none());
        prop_assert_eq!(String::from_utf8_lossy(&gone), before);
    }

    #[test]
    fn writing_twice_is_writing_once(before in anything()) {
        prop_assume!(!matches!(read(before.as_bytes(), &names("API_KEY")), Found::Foreign(_)));
        let once = written(&before, &one("made-up"));
        prop_assert_eq!(written(&once, &one("made-up")), once);
    }

    #[test]
    fn no_bytes_at_all_make_it_fail(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, &names("A"));
        let _ = set(&bytes, &names("A"), &Lines::none());
    }
}
