//! A key is proved by a request to a real server before anything relies on it.

use std::fs;

use crate::support::gate::Gate;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";

#[test]
fn every_new_key_knocks_before_it_is_promoted() {
    let gate = Gate::open();
    let ws = Config::new().with(&gate.setting()).retiring();
    let (second, first) = (
        ws.secret("k.json", "primary"),
        ws.secret("k.json", "secondary"),
    );
    assert_eq!(gate.bearers(), [first, second.clone(), second]);
    assert_eq!(
        ws.key("k").text("primary.verified_at"),
        ws.now().to_string()
    );
}

#[test]
fn a_first_key_that_is_refused_is_undone() {
    let gate = Gate::open();
    let ws = Workspace::with(&Config::new().with(&gate.setting()).text());
    gate.accept(false);
    ws.apply()
        .failed()
        .complains(&["payments", "failed its verification"]);
    assert!(ws.find_key("k").is_none());
    assert!(!ws.path("k.json").exists());
    gate.accept(true);
    ws.apply().ok();
    assert_eq!(ws.key("k").generation(), 1);
    ws.plan().ok().code(0);
}

#[test]
fn a_staged_key_that_is_refused_stays_staged_until_it_is_accepted() {
    let gate = Gate::open();
    let ws = Config::new().with(&gate.setting()).created();
    let first = ws.secret("k.json", "primary");
    gate.accept(false);
    ws.advance("80s")
        .apply()
        .ok()
        .warns(&["payments", "failed its verification"]);
    let staged = ws.key("k");
    assert_eq!(
        (staged.phase().as_str(), staged.status().as_str()),
        ("staged", "blocked")
    );
    assert!(
        staged.reason().contains("verification"),
        "{}",
        staged.reason()
    );
    let labels = [staged.primary(), staged.secondary()];
    ws.plan()
        .ok()
        .code(2)
        .warns(&["payments: verify", &labels[0], &labels[1]]);
    assert_eq!(ws.change(K).after("last_action"), "verify");
    let delivered = ws.delivered("k.json");
    ws.advance("1s").apply_plan().failed().complains(&[
        "failed its verification",
        &labels[0],
        &labels[1],
    ]);
    assert_eq!(ws.delivered("k.json"), delivered);
    assert_eq!(ws.key("k").secondary(), staged.secondary());

    ws.advance("20s").plan().ok().code(2);
    assert_eq!(ws.change(K).after("last_action"), "promote");
    ws.apply_plan()
        .failed()
        .complains(&["payments", "failed its verification"]);
    let key = ws.key("k");
    assert_eq!(
        (key.primary(), key.secondary()),
        (staged.primary(), staged.secondary())
    );
    assert_eq!((key.phase().as_str(), key.generation()), ("staged", 1));
    assert_eq!(ws.delivered("k.json"), delivered);

    gate.accept(true);
    ws.apply().ok();
    assert_eq!(ws.key("k").primary(), staged.secondary());
    assert_eq!(ws.secret("k.json", "secondary"), first);
    ws.plan().ok().code(0);
}

#[test]
fn a_verified_key_that_is_refused_later_is_not_promoted() {
    let gate = Gate::open();
    let ws = Config::new().with(&gate.setting()).staged();
    assert_eq!(
        ws.key("k").text("secondary.verified_at"),
        ws.now().to_string()
    );
    gate.accept(false);
    ws.advance("20s")
        .apply()
        .failed()
        .complains(&["payments", "failed its verification"]);
    let key = ws.key("k");
    assert_eq!(
        (key.phase().as_str(), key.text("secondary.verified_at")),
        ("staged", String::new())
    );
    assert_eq!(key.status(), "blocked");
}

#[test]
fn a_delivery_that_breaks_in_the_middle_of_the_swap_is_repaired_later() {
    let gate = Gate::open();
    let ws = Config::new()
        .two_deliveries()
        .with(&gate.setting())
        .staged();
    let (first, second) = (ws.key("k").primary(), ws.key("k").secondary());
    let (file, aside) = (ws.path("b.json"), ws.path("aside.json"));
    gate.meanwhile({
        let (file, aside) = (file.clone(), aside.clone());
        move || {
            fs::rename(&file, &aside).unwrap();
            fs::create_dir(&file).unwrap();
        }
    });
    ws.advance("20s")
        .apply()
        .ok()
        .warns(&["payments", "delivery \"b\""]);
    let key = ws.key("k");
    assert_eq!((key.primary(), key.secondary()), (second, first.clone()));
    assert_eq!(
        (key.delivery("a"), key.delivery("b")),
        ("delivered".into(), "failed".into())
    );
    assert_eq!(key.status(), "pending");

    // While a required place lacks the swap, the old key outlives its grace.
    ws.advance("60s").apply().ok();
    assert_eq!(ws.key("k").secondary(), first);

    fs::remove_dir(&file).unwrap();
    fs::rename(&aside, &file).unwrap();
    ws.plan()
        .ok()
        .code(2)
        .warns(&["payments", "no key is minted"]);
    ws.apply_plan().ok();
    assert_eq!(ws.delivered("b.json"), ws.delivered("a.json"));
    ws.apply().ok();
    assert_ne!(ws.key("k").secondary(), first);
}

#[test]
fn a_staged_key_that_could_not_be_verified_is_verified_by_the_next_apply() {
    let gate = Gate::open();
    let ws = Config::new().with(&gate.setting()).created();
    gate.accept(false);
    ws.advance("80s").apply().ok();
    gate.accept(true);
    ws.advance("1s").plan().ok().code(2);
    let change = ws.change(K);
    assert_eq!(change.after("last_action"), "verify");
    assert_eq!(change.after("phase"), "staged");
    let delivered = ws.delivered("k.json");
    ws.apply_plan().ok();
    let key = ws.key("k");
    assert_eq!(key.text("secondary.verified_at"), ws.now().to_string());
    assert_eq!((key.status().as_str(), key.generation()), ("ok", 1));
    assert_eq!(ws.delivered("k.json"), delivered);
    ws.plan().ok().code(0);
}

#[test]
fn a_staged_key_that_never_passes_can_be_replaced() {
    let gate = Gate::open();
    let config = |trigger: &str| {
        Config::new()
            .with(&gate.setting())
            .with(&format!("rotation_trigger = {trigger:?}"))
    };
    let ws = config("one").created();
    let first = ws.key("k").primary();
    gate.accept(false);
    ws.advance("80s").apply().ok();
    let bad = ws.key("k").secondary();
    gate.accept(true);
    ws.write(&config("two").text());
    ws.advance("1s")
        .plan()
        .ok()
        .code(2)
        .warns(&["payments: discard and stage", &bad]);
    ws.apply_plan().ok();
    let key = ws.key("k");
    assert_eq!(key.phase(), "staged");
    assert_eq!(key.primary(), first);
    assert_ne!(key.secondary(), bad);
    assert!(!key.text("secondary.verified_at").is_empty());
    ws.plan().ok().code(0);
    ws.advance("5s").apply().ok();
    assert_eq!(ws.key("k").generation(), 2);
    assert_ne!(ws.key("k").primary(), bad);
}

#[test]
fn a_replacement_that_is_refused_does_not_stay_first_in_the_delivery() {
    let gate = Gate::open();
    let config = Config::new().and_policy(r#"on_drift = "rotate""#);
    let ws = config.with(&gate.setting()).created();
    let mut document = ws.delivered("k.json");
    document["primary"]["secret"] = "typed over".into();
    fs::write(ws.path("k.json"), document.to_string()).unwrap();
    gate.accept(false);
    ws.advance("1s").apply().failed().complains(&[
        "payments",
        "failed its verification",
        "was taken out of the deliveries and revoked again",
    ]);
    assert!(!ws.path("k.json").exists(), "{}", ws.delivered("k.json"));
    assert_eq!(ws.key("k").generation(), 1);

    gate.accept(true);
    ws.apply().ok();
    let key = ws.key("k");
    assert_eq!(key.generation(), 2);
    assert_eq!(gate.bearers().last(), Some(&ws.secret("k.json", "primary")));
    ws.plan().ok().code(0);
}

#[test]
fn an_interruption_is_not_a_failed_verification() {
    let gate = Gate::open();
    // It would knock for a minute.
    let patient = gate.setting().replace(r#""2s""#, r#""60s""#);
    let ws = Config::new().with(&patient).created();
    let first = ws.key("k").primary();
    gate.accept(false);
    let knocked = ws.path("knocked");
    gate.meanwhile(move || fs::write(knocked, "").unwrap());
    let outcome = ws.advance("80s").shell(
        "terraform apply -json -auto-approve & until [ -f knocked ]; do sleep 0.2; done; kill -TERM $!; wait $!",
    );
    let staged = ws.key("k").secondary();
    outcome
        .warns(&["was interrupted", &staged, &first])
        .does_not_warn("failed its verification");
    assert_eq!(ws.key("k").phase(), "staged");
    assert!(!ws.secret("k.json", "secondary").is_empty());

    gate.accept(true);
    ws.plan().ok().code(2);
    assert_eq!(ws.change(K).after("last_action"), "verify");
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").secondary(), staged);
    ws.plan().ok().code(0);
}
