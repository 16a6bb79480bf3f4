//! A colleague who leaves: every key of theirs is rotated once, and asks for a new owner until it has one.

use crate::monitoring::ask;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";

/// The policy of a key: these owners have left.
fn left(names: &[&str]) -> Config {
    Config::new().and_policy(&format!("offboarded_owners = {names:?}"))
}

fn owned_by(config: &Config, owner: &str) -> String {
    config.clone().with(&format!("owner = {owner:?}")).text()
}

fn primary(ws: &Workspace) -> String {
    ws.secret("k.json", "primary")
}

/// A key of bob, at rest.
fn of_bob() -> Workspace {
    let ws = Workspace::with(&owned_by(&left(&["eve"]), "bob"));
    ws.apply().ok();
    ws
}

/// Goes on until the old key is revoked.
fn rotates(ws: &Workspace) {
    for wait in ["0s", "5s", "30s"] {
        ws.advance(wait).apply().ok();
    }
    assert_eq!(ws.key("k").phase(), "single");
}

#[test]
fn the_keys_of_who_has_left_are_rotated_once_with_their_grace_and_ask_for_a_new_owner() {
    let ws = of_bob();
    let first = primary(&ws);
    ws.write(&owned_by(&left(&["eve", "bob"]), "bob"));
    let planned = ws.plan().ok().code(2);
    planned
        .warns(&[
            "payments: its owner has left",
            "\"bob\" is offboarded",
            "new owner",
        ])
        .warns(&["payments: stage", "\"bob\" is offboarded", "due now"])
        .reads_warnings("offboarded-owner-whose-key-is-due");
    assert_eq!(ws.change(K).after("last_action"), "stage");
    ws.apply_plan().ok();
    assert_eq!(primary(&ws), first);

    ws.advance("5s").apply().ok();
    let second = primary(&ws);
    assert_ne!(second, first);
    assert_eq!(ws.secret("k.json", "secondary"), first, "it has its grace");
    ws.write(&owned_by(&left(&["eve", "bob"]), "ann"));
    let early = ws.plan().ok();
    early
        .warns(&["its owner changes from", "can still use it"])
        .reads_warnings("offboarded-owner-who-can-still-use-the-key");
    ws.write(&owned_by(&left(&["eve", "bob"]), "bob"));
    ws.advance("30s").apply().ok();
    assert_eq!(ws.key("k").phase(), "single");

    // It is not rotated again, and goes on asking.
    ws.plan()
        .ok()
        .code(0)
        .warns(&["\"bob\" is offboarded", "new owner"])
        .reads_warnings("offboarded-owner-who-still-owns-the-key");
    assert_eq!(ws.key("k").status(), "notice");
    ws.write(&owned_by(&left(&["eve", "bob"]), "ann"));
    let plan = ws.plan().ok();
    plan.does_not_warn("can still use it");
    ws.apply_plan().ok();
    assert_eq!(primary(&ws), second);
    assert_eq!(ws.key("k").status(), "ok");
    ws.plan().ok().code(0).does_not_warn("offboarded");
}

#[test]
fn a_new_owner_in_the_same_change_keeps_no_key_from_being_rotated() {
    let ws = of_bob();
    let first = primary(&ws);
    ws.write(&owned_by(&left(&["bob"]), "ann"));
    ws.apply().ok();
    rotates(&ws);
    assert_ne!(primary(&ws), first);
    assert_eq!(ws.key("k").status(), "ok");
    ws.plan().ok().code(0);
}

#[test]
fn a_list_that_is_empty_or_gone_brings_nobody_back() {
    let ws = of_bob();
    ws.write(&owned_by(&left(&["bob"]), "bob"));
    ws.apply().ok();
    rotates(&ws);
    let second = primary(&ws);

    ws.write(&owned_by(&Config::new(), "bob"));
    ws.plan()
        .failed()
        .complains(&["The list of offboarded owners is gone", "set it to []"])
        .reads("offboarded-owners-that-are-gone");
    ws.write(&owned_by(&left(&[]), "bob"));
    ws.plan()
        .ok()
        .warns(&["\"bob\" was offboarded", "may have failed", "new owner"])
        .reads_warnings("offboarded-owners-that-are-none-any-more");
    ws.apply().ok();
    assert_eq!(ws.key("k").status(), "notice");
    // The same list again does not rotate it again.
    ws.write(&owned_by(&left(&["bob"]), "bob"));
    ws.apply().ok();
    assert_eq!(primary(&ws), second);
    assert_eq!(ws.key("k").phase(), "single");

    // Whoever takes bob out together with the list leaves a key that nobody owns.
    ws.write(&left(&[]).text()).apply().ok();
    ws.plan()
        .ok()
        .code(0)
        .warns(&["\"bob\" had left", "nobody owns it now"])
        .reads_warnings("offboarded-owner-without-a-successor");
    assert_eq!(ws.key("k").status(), "notice");
    ws.write(&Config::new().text()).apply().ok();
    ws.plan().ok().code(0).warns(&["nobody owns it now"]);

    // A list without bob says that bob is back, and from then on bob may leave again.
    ws.write(&owned_by(&left(&["eve"]), "bob"));
    ws.apply().ok();
    assert_eq!(ws.key("k").status(), "ok");
    ws.write(&owned_by(&left(&["eve", "bob"]), "bob"));
    ws.apply().ok();
    assert_eq!(ws.key("k").phase(), "staged");
}

#[test]
fn an_owner_who_is_listed_in_another_spelling_is_asked_about() {
    let ws = of_bob();
    let first = primary(&ws);
    ws.write(&owned_by(&left(&["Bob "]), "bob"));
    ws.plan()
        .ok()
        .warns(&["another spelling", "\"Bob \"", "letter by letter"])
        .reads_warnings("offboarded-owner-in-another-spelling");
    ws.apply().ok();
    assert_eq!(primary(&ws), first);
}

#[test]
fn a_list_that_is_not_known_yet_is_refused() {
    let config = Config::new()
        .and_policy("offboarded_owners = terraform_data.source.output")
        .beside(r#"resource "terraform_data" "source" { input = ["bob"] }"#);
    let ws = Workspace::with(&owned_by(&config, "bob"));
    ws.plan()
        .failed()
        .complains(&["The list of offboarded owners is not known yet"])
        .reads("offboarded-owners-that-are-unknown");

    // Nor in a policy that a key has for itself.
    let ws = of_bob();
    let first = primary(&ws);
    let source = r#"resource "terraform_data" "source" { input = ["bob"] }"#;
    let text = owned_by(&left(&["eve"]).beside(source), "bob").replace(
        "= apikey_rotation_policy.p\n",
        "= merge(apikey_rotation_policy.p, { offboarded_owners = terraform_data.source.output })\n",
    );
    ws.write(&text);
    ws.plan()
        .failed()
        .complains(&["The list of offboarded owners is not known yet"]);
    assert_eq!(primary(&ws), first);
}

#[test]
fn a_key_that_is_made_for_somebody_who_has_left_is_new_and_asks_all_the_same() {
    let ws = Workspace::with(&owned_by(&left(&["bob"]), "bob"));
    ws.apply().ok();
    ws.plan().ok().code(0).warns(&["\"bob\" is offboarded"]);
    assert_eq!(ws.key("k").phase(), "single");
}

#[test]
fn neither_a_pause_nor_a_plan_that_looks_at_nothing_makes_it_forget() {
    let paused = left(&["bob"]).and_policy("paused = true");
    let ws = of_bob();
    let first = primary(&ws);
    ws.write(&owned_by(&paused, "bob")).apply().ok();
    assert_eq!(primary(&ws), first);
    ws.write(&owned_by(&left(&["bob"]), "bob"));
    ws.apply_with(&["-refresh=false"]).ok();
    assert_eq!(ws.key("k").phase(), "staged");
    rotates(&ws);
    assert_ne!(primary(&ws), first);
}

/// Once for each owner, whatever state comes back.
#[test]
fn an_older_state_that_is_put_back_rotates_for_nobody_again() {
    let ws = of_bob();
    let older = ws.state();
    ws.write(&owned_by(&left(&["bob"]), "bob"));
    rotates(&ws);
    let second = primary(&ws);
    ws.put_back(&older);
    ws.apply_with(&["-refresh=false"]).failed();
    assert_eq!(primary(&ws), second);
    for wait in ["0s", "5s", "30s"] {
        ws.advance(wait).apply().ok();
        assert_eq!(primary(&ws), second);
    }
    ws.plan().ok().code(0).warns(&["\"bob\" is offboarded"]);

    // The ledger knows who is back as well.
    let during = ws.state();
    ws.write(&owned_by(&left(&["eve"]), "bob")).apply().ok();
    ws.put_back(&during);
    ws.apply().ok();
    ws.write(&owned_by(&left(&["bob"]), "bob"));
    rotates(&ws);
    assert_ne!(primary(&ws), second);
}

#[test]
fn whose_keys_they_are_is_told_of_every_directory_that_shares_the_ledger() {
    let home = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", home.path().join("ledger.db").display());
    let shared = format!("provider \"apikey\" {{ ledger = {{ url = {url:?} }} }}");
    let directory = |name: &str, owner: &str| {
        let config = left(&["eve"]).name(name).beside(&shared);
        let ws = Workspace::with(&owned_by(&config, owner));
        ws.apply().ok();
        ws
    };
    let [one, _two, _three] = [("mail", "bob"), ("pay", "bob"), ("web", "ann")]
        .map(|(name, owner)| directory(name, owner));
    let told = |words: &[&str]| {
        let asked = [&["inventory", "--url", &url, "--format", "json"], words].concat();
        let listed = ask(&one, &asked).code(0).json().to_string();
        ["mail", "pay", "web"].map(|name| listed.contains(&format!("{name:?}")))
    };
    assert_eq!(told(&["--owner", "bob"]), [true, true, false]);
    assert_eq!(told(&["--owner", "ann"]), [false, false, true]);

    // What one directory hands over is handed over for everybody, and what is given up belongs to nobody.
    one.write(&left(&["eve"]).name("mail").beside(&shared).text());
    one.apply().ok();
    assert_eq!(told(&["--owner", "bob"]), [false, true, false]);
    assert_eq!(told(&["--without-owner"]), [true, false, false]);
}

#[test]
fn the_inventory_knows_a_new_owner_as_soon_as_the_apply_has_ended() {
    let ws = of_bob();
    ws.write(&owned_by(&left(&["eve"]), "ann"));
    ws.apply().ok();
    ask(&ws, &["inventory", "--owner", "ann"])
        .code(0)
        .says(&["payments"]);
    let of_bob = ask(&ws, &["inventory", "--owner", "bob", "--format", "json"]);
    assert!(!of_bob.code(0).json().to_string().contains("payments"));
    ws.write(&owned_by(&left(&["eve"]), "Ann, eve"));
    ws.apply().ok();
    for owner in ["ann", "EVE"] {
        let said = ask(&ws, &["inventory", "--owner", owner]).code(1);
        assert!(said.stderr.contains("\"Ann, eve\""), "{}", said.stderr);
    }

    // An empty name is nobody's.
    ws.write(&owned_by(&left(&["eve"]), ""));
    ws.apply().ok();
    ask(&ws, &["inventory", "--without-owner"])
        .code(0)
        .says(&["payments"]);
    ask(&ws, &["status", "--fail-on", "unowned"]).code(3);
}
