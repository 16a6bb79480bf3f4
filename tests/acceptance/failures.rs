//! Deliveries that cannot be written: nothing is minted in vain, and nothing that worked is lost.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

use crate::monitoring::ask;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const K: &str = "apikey_managed.k";

/// The create fails, leaves neither a state nor a trace in `untouched`, and works once the place is mended.
#[track_caller]
fn create_fails_and_works_once_mended(ws: &Workspace, phrase: &str, mend: impl FnOnce()) {
    ws.apply().failed().complains(&["payments", phrase]);
    assert!(ws.find_key("k").is_none());
    mend();
    ws.plan().ok().code(2);
    assert_eq!(ws.change(K).actions(), "create");
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").generation(), 1);
    ws.plan().ok().code(0);
}

#[test]
fn a_directory_in_the_place_of_the_file_fails_the_create() {
    let ws = Workspace::with(&Config::new().text());
    fs::create_dir(ws.path("k.json")).unwrap();
    create_fails_and_works_once_mended(&ws, "a directory", || {
        fs::remove_dir(ws.path("k.json")).unwrap();
    });
}

#[test]
fn a_link_in_the_place_of_the_file_fails_the_create() {
    let ws = Workspace::with(&Config::new().text());
    fs::write(ws.path("theirs"), "untouched").unwrap();
    symlink(ws.path("theirs"), ws.path("k.json")).unwrap();
    create_fails_and_works_once_mended(&ws, "a symbolic link", || {
        assert_eq!(fs::read_to_string(ws.path("theirs")).unwrap(), "untouched");
        fs::remove_file(ws.path("k.json")).unwrap();
    });
}

#[test]
fn a_file_of_somebody_else_fails_the_create() {
    let ws = Workspace::with(&Config::new().text());
    fs::write(ws.path("k.json"), "{\"theirs\":1}").unwrap();
    fs::set_permissions(ws.path("k.json"), PermissionsExt::from_mode(0o600)).unwrap();
    create_fails_and_works_once_mended(&ws, "not ours to overwrite", || {
        assert_eq!(
            fs::read_to_string(ws.path("k.json")).unwrap(),
            "{\"theirs\":1}"
        );
        fs::remove_file(ws.path("k.json")).unwrap();
    });
}

#[test]
fn a_path_through_a_file_fails_the_create() {
    let through = r#"{ app = { file = { path = "file/k.json" } } }"#;
    let ws = Workspace::with(&Config::new().deliveries(through).text());
    fs::write(ws.path("file"), "").unwrap();
    create_fails_and_works_once_mended(&ws, "file", || {
        fs::remove_file(ws.path("file")).unwrap();
    });
}

#[test]
fn one_bad_delivery_of_two_fails_the_create_before_anything_is_written() {
    let ws = Workspace::with(&Config::new().two_deliveries().text());
    fs::create_dir(ws.path("b.json")).unwrap();
    create_fails_and_works_once_mended(&ws, "delivery \"b\"", || {
        assert!(!ws.path("a.json").exists());
        fs::remove_dir(ws.path("b.json")).unwrap();
    });
}

#[test]
fn staging_fails_before_the_mint_where_the_delivery_cannot_be_written() {
    let ws = Config::new().created();
    let (before, file) = (ws.key("k"), fs::read(ws.path("k.json")).unwrap());
    ws.advance("80s")
        .plan_with(&["-refresh=false"])
        .ok()
        .code(2);
    fs::rename(ws.path("k.json"), ws.path("aside")).unwrap();
    fs::create_dir(ws.path("k.json")).unwrap();
    ws.apply_plan()
        .failed()
        .complains(&["payments", "a directory"]);
    let after = ws.key("k");
    assert_eq!(
        (after.at("primary"), after.at("secondary")),
        (before.at("primary"), before.at("secondary"))
    );

    fs::remove_dir(ws.path("k.json")).unwrap();
    fs::rename(ws.path("aside"), ws.path("k.json")).unwrap();
    assert_eq!(fs::read(ws.path("k.json")).unwrap(), file);
    ws.plan().ok().code(2);
    assert_eq!(ws.change(K).after("last_action"), "stage");
    ws.apply_plan().ok();
    assert_eq!(ws.key("k").phase(), "staged");
    assert_eq!(ws.key("k").primary(), before.primary());
}

#[test]
fn a_key_is_staged_beside_a_broken_delivery_and_copied_to_it_once_it_is_mended() {
    let ws = Config::new().two_deliveries().created();
    let before = ws.key("k");
    fs::rename(ws.path("b.json"), ws.path("aside")).unwrap();
    fs::create_dir(ws.path("b.json")).unwrap();
    ws.advance("80s")
        .apply()
        .ok()
        .warns(&["payments", "delivery \"b\""]);
    let broken = ws.key("k");
    assert_eq!(
        (broken.phase().as_str(), broken.primary()),
        ("staged", before.primary())
    );
    assert_eq!(broken.delivery("b"), "unreadable");

    fs::remove_dir(ws.path("b.json")).unwrap();
    ws.apply().ok();
    assert_eq!(ws.delivered("b.json"), ws.delivered("a.json"));
    assert_eq!(ws.key("k").secondary(), broken.secondary());
    ws.plan().ok().code(0);
}

#[test]
fn a_file_that_others_may_read_is_not_read_and_the_warning_says_what_to_run() {
    let ws = Config::new().created();
    fs::set_permissions(ws.path("k.json"), PermissionsExt::from_mode(0o644)).unwrap();
    ws.plan().ok().warns(&["payments", "chmod 600"]);
    fs::set_permissions(ws.path("k.json"), PermissionsExt::from_mode(0o600)).unwrap();
    ws.plan().ok().code(0);
}

#[test]
fn a_plan_of_a_world_that_changed_is_refused_as_stale() {
    let ws = Config::new().created();
    let before = ws.key("k");
    ws.advance("80s").plan().ok().code(2);
    fs::remove_file(ws.path("k.json")).unwrap();
    ws.apply_plan().failed().complains(&["payments", "stale"]);
    assert_eq!(ws.key("k").primary(), before.primary());
    assert_eq!(ws.key("k").phase(), "single");
    assert!(!ws.path("k.json").exists());
    ask(&ws, &["status", "--fail-on", "failed,unfinished"]).code(0);
}

#[test]
fn a_promotion_whose_staged_secret_vanished_is_refused_as_stale() {
    let ws = Config::new().staged();
    let before = ws.key("k");
    ws.advance("20s").plan().ok().code(2);
    let mut document = ws.delivered("k.json");
    document["secondary"] = serde_json::Value::Null;
    fs::write(ws.path("k.json"), document.to_string()).unwrap();
    ws.apply_plan().failed().complains(&["payments", "stale"]);
    let after = ws.key("k");
    assert_eq!((after.primary(), after.generation()), (before.primary(), 1));
    assert_eq!(
        ws.secret("k.json", "primary"),
        document["primary"]["secret"]
    );
}

#[test]
fn a_destroy_that_cannot_empty_a_delivery_keeps_the_key_and_can_be_repeated() {
    let ws = Config::new().created();
    fs::set_permissions(ws.path("k.json"), PermissionsExt::from_mode(0o644)).unwrap();
    ws.run(&["destroy", "-json", "-auto-approve", "-refresh=false"])
        .failed();
    assert!(ws.find_key("k").is_some());
    fs::set_permissions(ws.path("k.json"), PermissionsExt::from_mode(0o600)).unwrap();
    ws.destroy().ok();
    assert!(ws.find_key("k").is_none() && !ws.path("k.json").exists());
}

/// Others may write to its directory, or own it; and later another program writes to the file.
#[test]
fn a_file_that_is_shared_is_written_only_where_nobody_else_can_take_its_place_and_keeps_their_lines()
 {
    let shared = r#"{ app = { file = { path = "shared/app.env", format = "dotenv" } } }"#;
    let ws = Workspace::with(&Config::new().deliveries(shared).text());
    let (directory, file) = (ws.path("shared"), ws.path("shared/app.env"));
    let mode = |mode| fs::set_permissions(&directory, PermissionsExt::from_mode(mode)).unwrap();
    fs::create_dir(&directory).unwrap();
    let ourselves = fs::metadata(&directory).unwrap().uid();
    // Only the superuser can play another user.
    if chown(&directory, Some(12_345), None).is_ok() {
        mode(0o1777);
        ws.apply().failed().reads("file-in-a-directory-of-somebody");
        chown(&directory, Some(ourselves), None).unwrap();
    }
    mode(0o777);
    ws.apply().failed().reads("file-in-a-directory-of-all");
    assert!(ws.find_key("k").is_none() && !file.exists());
    mode(0o700);
    ws.apply().ok();

    ws.advance("80s").plan().ok().code(2);
    let lines = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{lines}OTHER=made-up\n")).unwrap();
    ws.apply_plan().ok();
    let lines = fs::read_to_string(&file).unwrap();
    assert!(lines.contains("\nOTHER=made-up\n") && lines.contains("API_KEY_SECONDARY="));
    ws.plan().ok().code(0);
}

/// Its lock lies beside the document, and somebody has put something else there.
#[test]
fn what_stands_in_the_way_of_a_file_is_named_before_a_key_is_minted() {
    let ws = Workspace::with(&Config::new().text());
    let planted = ws.path(".k.json.apikey.lock");
    fs::create_dir_all(planted.join("of somebody")).unwrap();
    ws.apply().failed().reads("directory-in-the-way-of-a-file");
    assert!(!ws.path("k.json").exists());
    assert!(ws.find_key("k").is_none());
    fs::remove_dir_all(&planted).unwrap();
    ws.apply().ok();
    ws.plan().ok().code(0);
}
