//! A state that is older than the world: restored, copied to a workspace, or overtaken by the action that rotates.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::emergency::declared;
use crate::monitoring::ask;
use crate::support::action;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

/// The way on that every refusal names.
const WAY_ON: [&str; 2] = ["Restore the newest state", "terraform state rm"];

/// A key whose second one is alone since 130 s, and the state of its creation.
fn at_rest() -> (Workspace, Value) {
    let (ws, older) = promoted();
    ws.advance("30s").apply().ok();
    assert_eq!(ws.key("k").phase(), "single");
    (ws, older)
}

/// A key that was promoted at 100 s, and the state of its creation.
fn promoted() -> (Workspace, Value) {
    let ws = Config::new().created();
    let older = ws.state();
    ws.advance("80s").apply().ok();
    ws.advance("20s").apply().ok();
    ws.plan().ok().code(0);
    (ws, older)
}

fn lose_the_ledger(ws: &Workspace) {
    fs::remove_dir_all(ws.path(".terraform/apikey")).unwrap();
}

#[test]
fn an_older_state_follows_the_ledger_and_the_documents_and_the_plan_says_so() {
    let (ws, older) = promoted();
    let delivered = ws.delivered("k.json");
    ws.put_back(&older);
    ws.plan()
        .ok()
        .warns(&["payments", "the state follows", "generation 2"]);
    ws.apply().ok().code(0);
    assert_eq!(ws.delivered("k.json"), delivered);
    let key = ws.key("k");
    assert_eq!((key.generation(), key.phase().as_str()), (2, "retiring"));
    assert_eq!(key.text("secondary.revoke_after"), ws.in_a("30s"));
    ws.plan().ok().code(0);

    ws.advance("30s").apply().ok();
    assert_eq!(ws.key("k").phase(), "single");
    assert_eq!(
        ws.secret("k.json", "primary"),
        delivered["primary"]["secret"]
    );
    ws.plan().ok().code(0);
}

/// The backup of a whole machine. As long as the old key stands beside the new one, the document tells whose both are.
#[test]
fn a_state_and_a_ledger_of_one_backup_follow_a_document_that_holds_their_key() {
    let ws = Config::new().created();
    let older = ws.state();
    let (ledger, backup) = (ws.path(".terraform/apikey"), ws.path("backup"));
    copy_files(&ledger, &backup);
    ws.advance("80s").apply().ok();
    ws.advance("20s").apply().ok();
    let delivered = ws.delivered("k.json");
    ws.put_back(&older);
    lose_the_ledger(&ws);
    copy_files(&backup, &ledger);
    ws.plan()
        .ok()
        .warns(&["payments", "the state follows", "generation 2"]);
    ws.apply().ok();
    assert_eq!(ws.delivered("k.json"), delivered);
    assert_eq!(ws.key("k").phase(), "retiring");
    ws.advance("30s").apply().ok();
    assert_eq!(ws.key("k").phase(), "single");
    assert!(ws.delivered("k.json")["secondary"].is_null());
    ws.plan().ok().code(0);
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_file() {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
}

#[test]
fn without_its_ledger_an_older_state_is_refused_by_the_generation_of_the_document() {
    let (ws, older) = at_rest();
    let (newest, delivered) = (ws.state(), ws.delivered("k.json"));
    lose_the_ledger(&ws);
    ws.put_back(&older);
    let refused = ws.apply().failed();
    refused
        .complains(&["payments", "of generation 2", WAY_ON[0], WAY_ON[1]])
        .reads("older-state-without-ledger");
    assert_eq!(ws.delivered("k.json"), delivered);
    ws.write(&Config::new().with(&declared("INC-1")).text());
    ws.apply()
        .failed()
        .complains(&["EMERGENCY INC-1 is not over, and nothing is done about it"]);

    ws.write(&Config::new().text());
    ws.put_back(&newest);
    ws.apply().ok();
    assert_eq!(ws.delivered("k.json"), delivered);
    ws.plan().ok().code(0);
}

/// Two promotions of one instant, and a refresh of the older state in between, which brings the ledger to its generation.
#[test]
fn a_primary_that_the_ledger_saw_in_a_state_is_not_passed_over_by_an_older_one() {
    let at = |path: &str, trigger: u8, more: &str| {
        let policy =
            "rotation_interval = \"30d\"\n  propagation_delay = \"0s\"\n  grace_period = \"1d\"";
        Config::new()
            .policy(policy)
            .deliveries(&format!("{{ app = {{ file = {{ path = \"{path}\" }} }} }}"))
            .with(&format!("rotation_trigger = \"{trigger}\"\n  {more}"))
    };
    let ws = Workspace::with(&at("x.json", 0, "").text());
    ws.apply().ok();
    let older = ws.state();
    for (path, trigger) in [("y.json", 0), ("y.json", 1)] {
        ws.write(&at(path, trigger, "").text()).apply().ok();
    }
    ws.plan_with(&["-refresh-only"]).ok();
    let delivered = ws.delivered("y.json");
    ws.put_back(&older);
    let emergency = r#"emergency = { id = "INC-1", reason = "made up", scope = "all" }"#;
    ws.write(&at("x.json", 0, emergency).text());
    for _ in 0..2 {
        ws.apply()
            .failed()
            .complains(&["the state is older than what is there"])
            .complains(&["EMERGENCY INC-1 is not over"]);
        assert_eq!(ws.delivered("y.json"), delivered);
    }
}

#[test]
fn an_older_state_does_not_take_its_grace_from_a_retiring_key() {
    let config = Config::new();
    let ws = config.created();
    for wait in ["80s", "20s", "30s"] {
        ws.advance(wait).apply().ok();
    }
    let older = ws.state();
    for wait in ["50s", "20s"] {
        ws.advance(wait).apply().ok();
    }
    let delivered = ws.delivered("k.json");
    assert!(!delivered["secondary"].is_null());
    lose_the_ledger(&ws);
    ws.put_back(&older);
    for arguments in [&[][..], &["-refresh=false"]] {
        ws.apply_with(arguments);
        assert_eq!(ws.delivered("k.json"), delivered, "{arguments:?}");
    }
}

#[test]
fn a_workspace_that_begins_with_an_older_state_harms_nothing() {
    let (ws, older) = promoted();
    let delivered = ws.delivered("k.json");
    fs::write(ws.path("older.tfstate"), older.to_string()).unwrap();
    ws.begin_workspace("copy", "older.tfstate");
    ws.apply().ok();
    assert_eq!(ws.delivered("k.json"), delivered);
    ws.run(&["workspace", "select", "default"]).ok();
    ws.apply().ok();
    assert_eq!(ws.delivered("k.json"), delivered);
    assert_eq!(ws.key("k").generation(), 2);
}

#[test]
fn the_copy_of_a_workspace_ends_no_key_of_the_first() {
    let ws = Config::new().created();
    let (id, delivered) = (ws.key("k").text("id"), ws.delivered("k.json"));
    fs::write(ws.path("copied.tfstate"), ws.state().to_string()).unwrap();
    ws.begin_workspace("copy", "copied.tfstate");
    // Who only looks takes nothing over, and is told what an apply would do.
    ws.plan()
        .ok()
        .code(0)
        .warns(&["its keys belong to workspace \"default\""])
        .reads_warnings("plan-of-a-copied-workspace");
    ws.destroy()
        .failed()
        .complains(&["payments", "workspace \"default\"", "state rm", &id])
        .reads("destroy-of-a-copied-workspace");
    assert_eq!(ws.delivered("k.json"), delivered);

    // A workspace that was renamed has taken the place of the first.
    ws.begin_workspace("renamed", "copied.tfstate");
    ask(&ws, &["ledger", "forget", &id]).code(0);
    ws.destroy().ok();
    assert!(!ws.path("k.json").exists());
}

#[test]
fn the_copy_of_a_workspace_leaves_no_place_of_the_first() {
    let ws = Config::new().created();
    let delivered = ws.delivered("k.json");
    fs::write(ws.path("copied.tfstate"), ws.state().to_string()).unwrap();
    ws.begin_workspace("copy", "copied.tfstate");
    let moved = Config::new().deliveries(r#"{ app = { file = { path = "copy.json" } } }"#);
    ws.write(&moved.text());
    let told = [
        "payments",
        "workspace \"default\"",
        "state rm",
        "ledger forget",
    ];
    ws.plan()
        .failed()
        .complains(&told)
        .reads("move-in-a-copied-workspace");
    ws.apply_with(&["-refresh=false"]).failed().complains(&told);
    assert_eq!(ws.delivered("k.json"), delivered);
    assert!(!ws.path("copy.json").exists());
}

#[test]
fn a_plan_that_was_saved_before_the_action_is_stale() {
    let ws = Config::new().created();
    ws.advance("80s").plan().ok().code(2);
    action::rotate_now(&ws);
    let delivered = ws.delivered("k.json");
    let refused = ws.apply_plan().failed();
    refused
        .complains(&["payments", "apikey_rotate_now", "apply -refresh-only"])
        .reads("plan-from-before-the-action");
    assert_eq!(ws.delivered("k.json"), delivered);

    ws.run(&["apply", "-refresh-only", "-auto-approve", "-json"])
        .ok();
    let key = ws.key("k");
    assert_eq!((key.generation(), key.phase().as_str()), (2, "retiring"));
    assert_eq!(ws.delivered("k.json"), delivered);
    ws.plan().ok().code(0);
}

#[test]
fn an_apply_without_a_refresh_does_not_undo_the_action() {
    let ws = Config::new().created();
    ws.advance("10s");
    action::rotate_now(&ws);
    let delivered = ws.delivered("k.json");
    // Nothing is due for the state; later a key is to be staged.
    for wait in ["0s", "75s"] {
        ws.advance(wait).apply_with(&["-refresh=false"]);
        assert_eq!(ws.delivered("k.json"), delivered, "after {wait}");
    }
    ws.apply_with(&["-refresh=false"])
        .failed()
        .complains(&["payments", "apply -refresh-only"])
        .reads("unrefreshed-plan-after-the-action");

    ws.apply().ok();
    assert_eq!(
        ws.secret("k.json", "primary"),
        delivered["primary"]["secret"]
    );
}

#[test]
fn a_plan_after_the_action_names_it() {
    let ws = Config::new().created();
    ws.advance("10s");
    action::rotate_now(&ws);
    let plan = ws.plan().ok();
    plan.warns(&["payments", "apikey_rotate_now", "apply -refresh-only"]);
}
