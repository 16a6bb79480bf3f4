use std::rc::Rc;

use super::stores::{in_doppler, in_infisical, to_doppler, to_infisical};
use crate::support::keys::Config;
use crate::support::workspace::Workspace;
use crate::support::{doppler, infisical};

/// A vendor where a person approves changes, and a workspace that delivers there alone.
struct Gated {
    ws: Workspace,
    config: Config,
    /// From now on changes wait.
    close: Box<dyn Fn()>,
    waiting: Box<dyn Fn() -> usize>,
    /// Everything that waits is approved, and what follows is made at once.
    approve: Box<dyn Fn()>,
    /// Nothing of what waits is ever made.
    reject: Box<dyn Fn()>,
    read: Box<dyn Fn(&str) -> String>,
}

fn gated_doppler() -> Gated {
    let site = Rc::new(doppler::start());
    let [a, b, c, d, e] = [(); 5].map(|()| Rc::clone(&site));
    Gated {
        ws: to_doppler(&site.url()),
        config: in_doppler(),
        close: Box::new(move || a.state().waiting = Some(Vec::new())),
        waiting: Box::new(move || b.state().waiting.as_ref().map_or(0, Vec::len)),
        approve: Box::new(move || c.state().approve()),
        reject: Box::new(move || e.state().waiting = Some(Vec::new())),
        read: Box::new(move |name| d.state().secrets.get(name).cloned().unwrap_or_default()),
    }
}

fn gated_infisical() -> Gated {
    let site = Rc::new(infisical::start());
    let [a, b, c, d, e] = [(); 5].map(|()| Rc::clone(&site));
    Gated {
        ws: to_infisical(&site.url()),
        config: in_infisical(),
        close: Box::new(move || a.state().waiting = Some(Vec::new())),
        waiting: Box::new(move || b.state().waiting.as_ref().map_or(0, Vec::len)),
        approve: Box::new(move || c.state().approve()),
        reject: Box::new(move || e.state().waiting = Some(Vec::new())),
        read: Box::new(move |name| d.state().secrets.get(name).cloned().unwrap_or_default()),
    }
}

/// Pending is neither a success nor a failure: the key lives on, nothing relies on it, and nothing is asked for twice.
#[test]
fn a_key_whose_only_delivery_awaits_approval_is_kept_until_it_is_there() {
    for gated in [gated_doppler(), gated_infisical()] {
        let ws = &gated.ws;
        let state = |path: &str| ws.key("k").text(path);
        (gated.close)();
        ws.apply().ok().warns(&["awaits approval"]);
        assert_eq!(state("status"), "pending");
        assert_eq!(state("delivery_status.app.state"), "awaiting_approval");
        assert_eq!((gated.read)("API_KEY_PRIMARY"), "");
        let mark = state("primary.fingerprint");
        ws.plan().ok().code(0);
        ws.apply().ok();
        assert_eq!((gated.waiting)(), 1, "nothing is asked for twice");

        (gated.approve)();
        ws.apply().ok();
        assert_eq!(state("status"), "ok");
        assert_eq!(state("primary.fingerprint"), mark);
        let first = (gated.read)("API_KEY_PRIMARY");
        assert!(first.starts_with("acme_"));
        ws.plan().ok().code(0);

        (gated.close)();
        ws.advance("80s").apply().ok().warns(&["awaits approval"]);
        assert_eq!(state("phase"), "staged");
        let staged = state("secondary.fingerprint");
        ws.advance("20s").apply().ok();
        assert_eq!(state("generation"), "1", "nobody could read the staged key");
        assert_eq!((gated.waiting)(), 1);

        (gated.approve)();
        ws.apply().ok();
        assert_eq!((gated.read)("API_KEY_PRIMARY"), first);
        ws.advance("5s").apply().ok();
        assert_eq!(state("generation"), "2");
        assert_eq!(state("primary.fingerprint"), staged);
        assert_eq!((gated.read)("API_KEY_SECONDARY"), first);
        ws.advance("30s").apply().ok();
        ws.plan().ok().code(0);
        ws.destroy().ok();
        assert_eq!((gated.read)("API_KEY_PRIMARY"), "");
    }
}

#[test]
fn what_was_approved_counts_as_delivered_and_nothing_is_minted_again() {
    for vendor in ["doppler", "infisical"] {
        let (config, folder) = (doppler::start(), infisical::start());
        config.state().waiting = Some(Vec::new());
        folder.state().waiting = Some(Vec::new());
        let settings = match vendor {
            "doppler" => r#"project = "payments", config = "prd""#.to_owned(),
            _ => format!(
                r#"project_id = "{}", environment = "prod""#,
                infisical::PROJECT
            ),
        };
        let ws = match vendor {
            "doppler" => to_doppler(&config.url()),
            _ => to_infisical(&folder.url()),
        };
        let delivery = format!(
            r#"{{ app = {{ {vendor} = {{ {settings} }} }}, file = {{ file = {{ path = "k.json" }} }} }}"#
        );
        ws.write(&Config::new().deliveries(&delivery).text());
        ws.apply().ok().warns(&["awaits approval"]);
        assert_eq!(ws.key("k").text("status"), "pending");
        let secret = ws.secret("k.json", "primary");
        ws.plan().ok().code(0);
        ws.apply().ok();
        let asked = config.state().writes + folder.state().writes;
        assert_eq!(asked, 1, "nothing is asked for twice");

        config.state().approve();
        folder.state().approve();
        ws.apply().ok();
        let read = match vendor {
            "doppler" => config.state().secrets["API_KEY_PRIMARY"].clone(),
            _ => folder.state().secrets["API_KEY_PRIMARY"].clone(),
        };
        assert_eq!(read, secret);
        assert_eq!(ws.secret("k.json", "primary"), secret);
        ws.plan().ok().code(0);
    }
}

/// The new key stays, for the change that waits would make it lead; the compromised one stays as long as nobody has another.
#[test]
fn what_replaces_a_compromised_key_is_staged_until_it_is_approved() {
    for gated in [gated_doppler(), gated_infisical()] {
        let ws = &gated.ws;
        let state = |path: &str| ws.key("k").text(path);
        ws.apply().ok();
        let bad = state("primary.fingerprint");
        let first = (gated.read)("API_KEY_PRIMARY");
        (gated.close)();
        let emergency = r#"emergency = { id = "INC-1", reason = "made-up leak" }"#;
        ws.write(&gated.config.clone().with(emergency).text());
        ws.apply().failed().complains(&[
            "awaits approval",
            "the change requests of",
            "is staged meanwhile, and takes the place of the primary once that was approved",
        ]);
        assert_eq!(state("primary.fingerprint"), bad);
        assert_eq!(state("phase"), "staged");
        assert_eq!(state("delivery_status.app.state"), "awaiting_approval");
        assert_eq!((gated.read)("API_KEY_PRIMARY"), first);
        let staged = state("secondary.fingerprint");

        ws.plan().ok();
        ws.apply_plan().ok();
        assert_eq!(state("status"), "compromised");
        for phrase in [
            "takes its place once what was written is approved",
            "the change requests of",
        ] {
            assert!(
                state("status_reason").contains(phrase),
                "{}",
                state("status_reason")
            );
        }
        assert_eq!(state("secondary.fingerprint"), staged);
        assert_eq!((gated.waiting)(), 1, "nothing is asked for twice");
        ws.plan().ok().code(0);

        (gated.approve)();
        ws.apply().ok();
        assert_eq!(state("primary.fingerprint"), staged);
        assert_eq!(
            (state("phase"), state("status")),
            ("single".into(), "ok".into())
        );
        assert_ne!((gated.read)("API_KEY_PRIMARY"), first);
        assert_eq!((gated.read)("API_KEY_SECONDARY"), "");
        ws.plan().ok().code(0);
    }
}

/// Nobody tells the provider of a rejection, so a person has to.
#[test]
fn another_key_takes_the_place_of_a_staged_one_that_was_rejected() {
    for gated in [gated_doppler(), gated_infisical()] {
        let ws = &gated.ws;
        let state = |path: &str| ws.key("k").text(path);
        let asked = |trigger: &str| {
            let trigger = format!("rotation_trigger = {trigger:?}");
            ws.write(&gated.config.clone().with(&trigger).text());
        };
        asked("one");
        ws.apply().ok();
        let first = (gated.read)("API_KEY_PRIMARY");
        (gated.close)();
        ws.advance("80s").apply().ok();
        let rejected = state("secondary.fingerprint");
        assert!(
            state("status_reason").contains("if it is rejected, change rotation_trigger"),
            "{}",
            state("status_reason")
        );
        (gated.reject)();
        ws.apply().ok();
        assert_eq!(state("secondary.fingerprint"), rejected, "nobody can know");

        asked("two");
        ws.plan()
            .ok()
            .warns(&["reject that, for it would deliver a dead key"]);
        ws.apply_plan().ok();
        let staged = state("secondary.fingerprint");
        assert_ne!(staged, rejected);
        assert_eq!(state("phase"), "staged");
        assert_eq!((gated.read)("API_KEY_PRIMARY"), first);
        assert_eq!((gated.waiting)(), 1);
        (gated.approve)();
        ws.apply().ok();
        ws.advance("5s").apply().ok();
        assert_eq!(state("primary.fingerprint"), staged);
        assert_eq!((gated.read)("API_KEY_SECONDARY"), first);
        ws.advance("30s").apply().ok();
        ws.plan().ok().code(0);
    }
}

#[test]
fn a_first_key_that_was_rejected_is_replaced_with_its_resource() {
    for gated in [gated_doppler(), gated_infisical()] {
        let ws = &gated.ws;
        (gated.close)();
        ws.apply().ok();
        let reason = ws.key("k").reason();
        assert!(
            reason.contains("if it is rejected, replace this resource"),
            "{reason}"
        );
        (gated.reject)();
        ws.apply_with(&["-replace=apikey_managed.k"]).ok();
        assert_eq!((gated.waiting)(), 1);
        (gated.approve)();
        ws.apply().ok();
        assert_eq!(ws.key("k").status(), "ok");
        assert!((gated.read)("API_KEY_PRIMARY").starts_with("acme_"));
        ws.plan().ok().code(0);
    }
}
