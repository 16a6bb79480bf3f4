use std::rc::Rc;

use super::stores::{in_doppler, in_infisical, to_doppler, to_infisical};
use crate::monitoring::ask;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;
use crate::support::{doppler, infisical};

/// A vendor where a person approves changes, and a workspace that delivers there alone.
struct Gated {
    ws: Workspace,
    config: Config,
    /// From now on changes wait, or are made at once.
    gate: Box<dyn Fn(bool)>,
    /// Whether the credentials may look at changes.
    show: Box<dyn Fn(bool)>,
    /// The numbers of the changes that are open, oldest first.
    open: Box<dyn Fn() -> Vec<usize>>,
    approve: Box<dyn Fn(usize)>,
    reject: Box<dyn Fn(usize)>,
    read: Box<dyn Fn(&str) -> String>,
}

macro_rules! gated {
    ($site:expr, $ws:expr, $config:expr) => {{
        let site = Rc::new($site);
        let [a, b, c, d, e, f] = [(); 6].map(|()| Rc::clone(&site));
        Gated {
            ws: $ws(&site.url()),
            config: $config,
            gate: Box::new(move |is_gated| a.state().is_gated = is_gated),
            show: Box::new(move |shows| b.state().shows_requests = shows),
            open: Box::new(move || c.state().open()),
            approve: Box::new(move |number| d.state().approve(number)),
            reject: Box::new(move |number| e.state().reject(number)),
            read: Box::new(move |name| f.state().secrets.get(name).cloned().unwrap_or_default()),
        }
    }};
}

fn gated_doppler() -> Gated {
    gated!(doppler::start(), to_doppler, in_doppler())
}

fn gated_infisical() -> Gated {
    gated!(infisical::start(), to_infisical, in_infisical())
}

impl Gated {
    fn close(&self) {
        (self.gate)(true);
    }

    fn waiting(&self) -> usize {
        (self.open)().len()
    }

    /// Everything that waits is approved, and what follows is made at once.
    fn approve_all(&self) {
        for number in (self.open)() {
            (self.approve)(number);
        }
        (self.gate)(false);
    }

    /// The only change that is open.
    fn only(&self) -> usize {
        let open = (self.open)();
        assert_eq!(open.len(), 1, "{open:?}");
        open[0]
    }

    fn reject_all(&self) {
        (self.open)().into_iter().for_each(&self.reject);
    }
}

/// Pending is neither a success nor a failure: the key lives on, nothing relies on it, and nothing is asked for twice.
#[test]
fn a_key_whose_only_delivery_awaits_approval_is_kept_until_it_is_there() {
    for gated in [gated_doppler(), gated_infisical()] {
        let ws = &gated.ws;
        let state = |path: &str| ws.key("k").text(path);
        gated.close();
        ws.apply().ok().warns(&["awaits approval"]);
        assert_eq!(state("status"), "pending");
        assert_eq!(state("delivery_status.app.state"), "awaiting_approval");
        assert_eq!((gated.read)("API_KEY_PRIMARY"), "");
        let mark = state("primary.fingerprint");
        ws.plan().ok().code(0);
        ws.apply().ok();
        assert_eq!(gated.waiting(), 1, "nothing is asked for twice");

        gated.approve_all();
        ws.apply().ok();
        assert_eq!(state("status"), "ok");
        assert_eq!(state("primary.fingerprint"), mark);
        let first = (gated.read)("API_KEY_PRIMARY");
        assert!(first.starts_with("acme_"));
        ws.plan().ok().code(0);

        gated.close();
        ws.advance("80s").apply().ok().warns(&["awaits approval"]);
        assert_eq!(state("phase"), "staged");
        let staged = state("secondary.fingerprint");
        ws.advance("20s").apply().ok();
        assert_eq!(state("generation"), "1", "nobody could read the staged key");
        assert_eq!(gated.waiting(), 1);

        gated.approve_all();
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
        config.state().is_gated = true;
        folder.state().is_gated = true;
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

        match vendor {
            "doppler" => config.state().approve(0),
            _ => folder.state().approve(0),
        }
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

/// The whole story: a first key that nobody could read yet leaks, its successor is rejected once, and what was asked for long
/// ago is approved too late.
fn is_contained_as_soon_as_a_person_approves(gated: &Gated) {
    let ws = &gated.ws;
    let state = |path: &str| ws.key("k").text(path);
    let write = |trigger: &str| {
        let blocks = format!(
            "rotation_trigger = {trigger:?}\n  emergency = {{ id = \"INC-1\", reason = \"made-up leak\", scope = \"all\" }}"
        );
        ws.write(&gated.config.clone().with(&blocks).text());
    };
    gated.close();
    ws.write(
        &gated
            .config
            .clone()
            .with("rotation_trigger = \"one\"")
            .text(),
    );
    ws.apply().ok();
    let (bad, first) = (state("primary.fingerprint"), gated.only());

    write("one");
    ws.apply().failed().complains(&[
        "awaits approval",
        "is staged meanwhile, and takes the place of the primary once that was approved",
        "compromised and NOT revoked",
    ]);
    let successor = state("secondary.fingerprint");
    for _ in 0..2 {
        let told = [
            "EMERGENCY INC-1",
            "NOT revoked",
            "takes its place once what was written is approved",
        ];
        let outdated = ["is out of date and still open"];
        ws.plan().ok().warns(&told).warns(&outdated);
        ws.apply_plan().ok();
        assert_eq!(state("status"), "compromised");
        assert_eq!(state("primary.fingerprint"), bad);
        assert_eq!(state("secondary.fingerprint"), successor, "it is no victim");
        assert_eq!(gated.waiting(), 2, "nothing is asked for twice");
    }

    (gated.reject)((gated.open)()[1]);
    for _ in 0..2 {
        ws.plan()
            .ok()
            .warns(&["was rejected", "change rotation_trigger"]);
        ws.apply_plan().ok();
        assert_eq!(state("delivery_status.app.state"), "rejected");
        assert_eq!(state("status"), "compromised");
        assert_eq!(gated.only(), first, "nothing is asked for again by itself");
    }
    write("two");
    ws.apply().failed().complains(&["awaits approval"]);
    assert_ne!(state("secondary.fingerprint"), successor);
    let successor = state("secondary.fingerprint");
    assert_eq!(
        (gated.read)("API_KEY_PRIMARY"),
        "",
        "the bad key is not written"
    );

    (gated.approve)((gated.open)()[1]);
    ws.apply().ok();
    assert_eq!(state("primary.fingerprint"), successor);
    assert_eq!(
        (state("phase"), state("status")),
        ("single".into(), "ok".into())
    );

    let listed = ask(ws, &["inventory", "--format", "json"]).code(0).json();
    let live = listed.to_string().matches("\"live\"").count();
    assert_eq!(live, 1, "the compromised key is revoked");

    // What was asked for first is approved after all: a dead and compromised key leads.
    (gated.approve)(first);
    ws.plan()
        .ok()
        .warns(&["a change was approved late"])
        .warns(&["no delivery holds the secret of primary key"]);
}

#[test]
fn a_key_in_doppler_is_contained_as_soon_as_a_person_approves_its_successor() {
    is_contained_as_soon_as_a_person_approves(&gated_doppler());
}

#[test]
fn a_key_in_infisical_is_contained_as_soon_as_a_person_approves_its_successor() {
    is_contained_as_soon_as_a_person_approves(&gated_infisical());
}

/// Every step of a rotation is approved, and each is asked for once, however often somebody applies.
#[test]
fn a_rotation_goes_on_with_each_approval_and_asks_for_nothing_twice() {
    for gated in [gated_doppler(), gated_infisical()] {
        let ws = &gated.ws;
        let state = |path: &str| ws.key("k").text(path);
        ws.apply().ok();
        let first = (gated.read)("API_KEY_PRIMARY");
        gated.close();
        ws.advance("80s").apply().ok();
        (gated.approve)(gated.only());
        ws.apply().ok();
        ws.advance("20s")
            .apply()
            .failed()
            .complains(&["awaits approval"]);
        ws.apply().ok().warns(&["approve it"]);
        (gated.approve)(gated.only());
        ws.apply().ok();
        assert_eq!((gated.read)("API_KEY_SECONDARY"), first);

        ws.advance("30s")
            .apply()
            .failed()
            .complains(&["is not revoked yet", "awaits approval"]);
        ws.apply()
            .ok()
            .warns(&["the change that takes it out of delivery"]);
        assert_eq!(state("phase"), "retiring");
        (gated.approve)(gated.only());
        ws.apply().ok();
        assert_eq!(
            (state("phase"), state("status")),
            ("single".into(), "ok".into())
        );
        assert_eq!((gated.read)("API_KEY_SECONDARY"), "");
        ws.plan().ok().code(0);

        // One approval brings both compromised keys out of the documents, and nobody is asked to write one of them first.
        ws.advance("55s").apply().ok();
        (gated.approve)(gated.only());
        ws.apply().ok();
        assert_eq!(state("phase"), "staged");
        let leak = r#"emergency = { id = "INC-1", reason = "made-up leak", scope = "all" }"#;
        ws.write(&gated.config.clone().with(leak).text());
        ws.apply().failed().complains(&["awaits approval"]);
        (gated.approve)(gated.only());
        ws.apply().ok();
        assert_eq!(
            (state("phase"), state("status")),
            ("single".into(), "ok".into())
        );
        assert_eq!((gated.read)("API_KEY_SECONDARY"), "");
        assert_eq!(gated.waiting(), 0);

        // So does a destroy, and it tells of what is still open.
        ws.advance("90s").apply().ok();
        let staged = gated.only();
        for _ in 0..2 {
            ws.destroy().failed().complains(&["awaits approval"]);
            assert_eq!(gated.waiting(), 2);
        }
        (gated.approve)((gated.open)()[1]);
        ws.destroy().ok().warns(&["Reject it"]);
        assert_eq!(gated.only(), staged);
        assert_eq!((gated.read)("API_KEY_PRIMARY"), "");
    }
}

#[test]
fn doppler_says_that_only_a_person_may_change_a_config() {
    let site = doppler::start();
    site.state().is_forbidden = true;
    let ws = to_doppler(&site.url());
    ws.apply().failed().complains(&[
        "Doppler demands a change request for this config",
        "take the config out of the policy",
    ]);
}

/// Where nobody may look at changes, a person has to tell of a rejection.
#[test]
fn another_key_takes_the_place_of_a_staged_one_that_was_rejected() {
    for gated in [gated_doppler(), gated_infisical()] {
        let ws = &gated.ws;
        (gated.show)(false);
        let state = |path: &str| ws.key("k").text(path);
        let asked = |trigger: &str| {
            let trigger = format!("rotation_trigger = {trigger:?}");
            ws.write(&gated.config.clone().with(&trigger).text());
        };
        asked("one");
        ws.apply().ok();
        let first = (gated.read)("API_KEY_PRIMARY");
        gated.close();
        ws.advance("80s").apply().ok();
        let rejected = state("secondary.fingerprint");
        assert!(
            state("status_reason").contains("if it is rejected, change rotation_trigger"),
            "{}",
            state("status_reason")
        );
        gated.reject_all();
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
        assert_eq!(gated.waiting(), 1);
        gated.approve_all();
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
        gated.close();
        ws.apply().ok();
        let reason = ws.key("k").reason();
        assert!(
            reason.contains("if it is rejected, replace this resource"),
            "{reason}"
        );
        gated.reject_all();
        ws.apply_with(&["-replace=apikey_managed.k"]).ok();
        assert_eq!(gated.waiting(), 1);
        gated.approve_all();
        ws.apply().ok();
        assert_eq!(ws.key("k").status(), "ok");
        assert!((gated.read)("API_KEY_PRIMARY").starts_with("acme_"));
        ws.plan().ok().code(0);
    }
}
