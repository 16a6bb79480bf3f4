//! The cases, as they stand in `table.txt`.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::services::{CONTAINER_TOKEN, REFRESH, SIGN_IN};
use super::site::Site;

/// A directory, and what is to be seen on the wire.
#[derive(Default)]
pub struct Case {
    pub name: String,
    /// Inside of `aws = { … }`.
    pub block: String,
    pub variables: Vec<(String, String)>,
    pub files: Vec<(String, String)>,
    /// The sorts of requests, sorted; none where nothing may be asked.
    pub wire: Vec<String>,
    /// The golden text of what is refused before the user turns out not to exist.
    pub refusal: Option<String>,
    /// What is said in place of that, where the rest of it depends on the machine.
    pub says: String,
    /// With which others the same directory is tried, and what the block is in their words.
    pub peers: Vec<(String, String)>,
}

impl Case {
    fn take(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "|" | "" if !self.files.is_empty() => {
                if let Some((_, text)) = self.files.last_mut() {
                    text.push_str(&format!("{rest}\n"));
                }
            }
            "block" => self.block = rest.to_owned(),
            "env" => self.variables.extend(variables(rest)),
            "file" => self.files.push((rest.to_owned(), String::new())),
            "usual" => self.wire.extend(usual(rest)),
            "wire" => self.wire.push(rest.to_owned()),
            "refusal" => self.refusal = Some(rest.to_owned()),
            "says" => self.says = rest.to_owned(),
            "peer" => {
                let (peer, block) = rest.split_once(' ').unwrap_or((rest, ""));
                self.peers.push((peer.to_owned(), block.to_owned()));
            }
            "#" => {}
            _ => panic!("{}: {line:?} is not understood", self.name),
        }
    }
}

/// `NAME=value NAME=value`; a value ends with the line where it is in quotes.
fn variables(text: &str) -> Vec<(String, String)> {
    if let Some((name, value)) = text.split_once("=\"") {
        return vec![(name.to_owned(), value.trim_end_matches('"').to_owned())];
    }
    let pairs = text.split(' ').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// `signer region [iam-host iam-region sts-host secrets-host]`: what this one asks when nothing is refused.
fn usual(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split(' ').collect();
    let (signer, region) = (words[0], words[1]);
    let host = |index: usize, usual: String| match words.get(index) {
        None | Some(&"-") => usual,
        Some(host) => (*host).to_owned(),
    };
    let iam = host(2, "iam.amazonaws.com".to_owned());
    let iam_region = host(3, "us-east-1".to_owned());
    let sts = host(4, format!("sts.{region}.amazonaws.com"));
    let secrets = host(5, format!("secretsmanager.{region}.amazonaws.com"));
    vec![
        format!("{iam} ListAccessKeys {signer} {iam_region}/iam"),
        format!("{sts} GetCallerIdentity {signer} {region}/sts"),
        format!("{secrets} GetSecretValue {signer} {region}/secretsmanager"),
    ]
}

pub fn cases() -> Vec<Case> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/aws_wire/table.txt");
    let text = fs::read_to_string(file)
        .unwrap()
        .replace(
            "{key}",
            "AWS_ACCESS_KEY_ID=AKIAEXAMPLEENV AWS_SECRET_ACCESS_KEY=made-up-canary",
        )
        .replace("{here}", "AWS_REGION=eu-central-1")
        .replace("{container token}", CONTAINER_TOKEN)
        .replace("{sign-in}", SIGN_IN)
        .replace("{refresh}", REFRESH);
    let (_, cases) = text.split_once("\n== ").unwrap();
    cases.split("\n== ").map(parsed).collect()
}

fn parsed(text: &str) -> Case {
    let mut lines = text.lines();
    let mut case = Case {
        name: lines.next().unwrap_or_default().to_owned(),
        ..Case::default()
    };
    for line in lines.filter(|line| !line.trim().is_empty()) {
        case.take(line);
    }
    case.wire.sort();
    case
}

#[test]
fn every_case_is_seen_on_the_wire_as_written_down() {
    for_each(cases(), |case| {
        let site = Site::new(case, &case.block);
        let outcome = site.ws.apply();
        let (seen, said) = (site.recorder.take(), outcome.to_string());
        assert!(
            !outcome.text().contains("canary"),
            "a secret was printed: {said}"
        );
        let (expected, found) = (case.wire.join("\n  "), seen.join("\n  "));
        assert!(
            seen == case.wire,
            "expected\n  {expected}\nseen\n  {found}\n{said}"
        );
        match &case.refusal {
            Some(name) => drop(outcome.failed().reads(name)),
            None if case.says.is_empty() => {
                drop(outcome.failed().complains(&["nobody", "NoSuchEntity"]));
            }
            None => drop(outcome.failed().complains(&[&case.says])),
        }
    });
}

/// Three at a time; all faults in the end.
pub fn for_each(cases: Vec<Case>, check: impl Fn(&Case) + Sync) {
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(fault) = catch_unwind(AssertUnwindSafe(|| check(case))) {
                let fault = fault.downcast_ref::<String>().cloned().unwrap_or_default();
                faults
                    .lock()
                    .unwrap()
                    .push(format!("== {}: {fault}", case.name));
            }
        }
    };
    std::thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(work))));
    let faults = faults.into_inner().unwrap();
    assert!(
        faults.is_empty(),
        "{} of {}:\n\n{}",
        faults.len(),
        cases.len(),
        faults.join("\n\n")
    );
}

#[test]
fn a_renewed_sign_in_is_kept_for_the_next_run_and_for_the_vendors_own_tools() {
    let case = cases().into_iter();
    let case = case
        .into_iter()
        .find(|case| case.name.contains("is renewed"))
        .unwrap();
    let site = Site::new(&case, &case.block);
    site.ws.apply().failed();
    assert_eq!(site.recorder.take(), case.wire);
    site.ws.apply().failed();
    let second = site.recorder.take();
    assert!(
        !second.iter().any(|line| line.contains("POST /token")),
        "{second:?}"
    );

    let (path, _) = case.files.last().unwrap();
    let kept = fs::read_to_string(site.ws.path(path)).unwrap();
    for text in [
        SIGN_IN,
        REFRESH,
        "https://corp.example.com/start",
        "clientId",
    ] {
        assert!(kept.contains(text), "{text} is not in {kept}");
    }
    assert!(!kept.contains("2020-01-01"), "{kept}");
}
