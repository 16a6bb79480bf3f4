//! The life of a key from the first apply to the destroy.

use crate::support::keys::Config;
use crate::support::workspace::Workspace;

#[test]
fn a_key_is_created_staged_promoted_and_the_old_one_revoked() {
    let ws = Workspace::with(&Config::new().text());

    ws.plan().ok().code(2);
    assert_eq!(ws.change("apikey_managed.k").after("last_action"), "create");
    ws.apply_plan().ok();
    let first = ws.secret("k.json", "primary");
    assert!(first.starts_with("acme_"), "{first:?}");
    assert_eq!(ws.key("k").phase(), "single");
    assert_eq!(ws.key("k").generation(), 1);
    ws.plan().ok().code(0).does_not_warn("payments");

    // Due at 100 s, staged from 80 s on.
    ws.advance("79s").plan().ok().code(0);
    ws.advance("1s")
        .plan()
        .ok()
        .code(2)
        .warns(&["payments", "mints a new key"]);
    assert_eq!(ws.change("apikey_managed.k").after("last_action"), "stage");
    ws.apply_plan().ok();
    let second = ws.secret("k.json", "secondary");
    assert!(second.starts_with("acme_") && second != first);
    assert_eq!(ws.secret("k.json", "primary"), first);
    assert_eq!(ws.key("k").phase(), "staged");
    ws.plan().ok().code(0);

    ws.advance("19s").plan().ok().code(0);
    ws.advance("1s")
        .plan()
        .ok()
        .code(2)
        .warns(&["payments", "promotes"]);
    assert_eq!(
        ws.change("apikey_managed.k").after("last_action"),
        "promote"
    );
    ws.apply_plan().ok();
    assert_eq!(ws.secret("k.json", "primary"), second);
    assert_eq!(ws.secret("k.json", "secondary"), first);
    assert_eq!(ws.key("k").phase(), "retiring");
    assert_eq!(ws.key("k").generation(), 2);
    assert_eq!(ws.key("k").text("secondary.revoke_after"), ws.in_a("30s"));
    ws.plan().ok().code(0);

    ws.advance("29s").plan().ok().code(0);
    ws.advance("1s")
        .plan()
        .ok()
        .code(2)
        .warns(&["payments", "revokes retiring key"]);
    assert_eq!(ws.change("apikey_managed.k").after("last_action"), "revoke");
    ws.apply_plan().ok();
    assert_eq!(ws.secret("k.json", "primary"), second);
    assert!(ws.delivered("k.json")["secondary"].is_null());
    assert_eq!(ws.key("k").phase(), "single");
    ws.plan().ok().code(0);

    ws.destroy().ok();
    assert!(!ws.path("k.json").exists());
}
