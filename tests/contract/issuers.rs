use apikey::engine::account::Account;
use apikey::error::{Error, Kind, Path, Result};
use apikey::instant::Instant;
use apikey::issuers::{
    self, Capabilities, Issuer, IssuerKind, KeyRef, KeyStatus, Label, Probe, Question, Revoked,
    Supply,
};
use apikey::secret::Secret;
use apikey::settings::Settings;

use super::fakes::{self, IssuerFake, KEY};
use super::trouble::{self, CANARY, Outcome};
use crate::support::fake::Fake;

/// The calls of an issuer that can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Mint,
    List,
    LastUsed,
    Calls,
    Probe,
    Revoke,
}

/// What a call told.
#[derive(Debug)]
enum Told {
    Done,
    Gone,
}

async fn make(op: Op, issuer: &dyn Issuer) -> Result<Told> {
    let secret = Secret::new(CANARY.into());
    let key = KeyRef {
        key_id: Some(KEY),
        secret: Some(&secret),
    };
    Ok(match op {
        Op::Mint => issuer.mint(&"a".repeat(64)).await.map(|_| Told::Done)?,
        Op::List => issuer.list().await.map(|_| Told::Done)?,
        Op::LastUsed => issuer.last_use(KEY).await.map(|_| Told::Done)?,
        Op::Calls => {
            let asked = Question {
                since: Instant::from_unix(0),
                regions: vec!["eu-west-3".into()],
                most: 10,
            };
            issuer.calls(KEY, &asked, None).await.map(|_| Told::Done)?
        }
        Op::Probe => match issuer.probe(Some(KEY), &secret).await? {
            Probe::Accepted => Told::Done,
            Probe::Refused(words) => {
                assert!(!words.contains(CANARY), "{words}");
                Told::Gone
            }
        },
        Op::Revoke => match issuer.revoke(key, None).await? {
            Revoked::Ended => Told::Done,
            Revoked::NotFound => Told::Gone,
        },
    })
}

/// Every call of every issuer in every trouble.
pub async fn survive_every_trouble() {
    for kind in issuers::all() {
        survive_every_trouble_of(kind.name()).await;
    }
}

pub async fn survive_every_trouble_of(name: &str) {
    for kind in issuers::all().filter(|kind| kind.name() == name) {
        let Some(IssuerFake {
            server: Some(server),
            ..
        }) = fakes::issuer(kind.name())
        else {
            continue;
        };
        for (op, good) in server.calls {
            for (name, bad, outcome) in trouble::all(server.refusal) {
                let what = format!("{} {op:?}: {name}", kind.name());
                let script = std::iter::once(bad).chain(good());
                let fake = match outcome {
                    // What is not tried again meets nothing better.
                    Outcome::Repeated | Outcome::Unknown => Fake::start(script),
                    _ => Fake::start(script.take(1)),
                };
                let context = trouble::context(server.block, &fake.url());
                let issuer = connect(kind, &context);
                let told = make(*op, issuer.as_ref()).await;
                let able = issuer.capabilities();
                judge(&what, *op, outcome, told, &fake, able);
            }
            let url = trouble::with_a_wrong_certificate().await;
            let context = trouble::context(server.block, &url);
            let issuer = connect(kind, &context);
            let what = format!("{} {op:?}: a wrong certificate", kind.name());
            let error = make(*op, issuer.as_ref()).await.expect_err(&what);
            assert_eq!(error.kind, Kind::Unavailable, "{what}: {error}");
            assert!(
                error.detail.to_lowercase().contains("certificate"),
                "{what}: {error}"
            );
            is_discreet(&what, &error);
        }
    }
}

fn judge(
    what: &str,
    op: Op,
    outcome: Outcome,
    told: Result<Told>,
    fake: &Fake,
    able: Capabilities,
) {
    if let Err(error) = &told {
        is_discreet(what, error);
    }
    let requests = fake.requests().len();
    match (outcome, op, told) {
        (Outcome::Repeated, _, told) => {
            assert!(matches!(told, Ok(Told::Done)), "{what}: {told:?}");
            assert!(requests > 1, "{what}");
        }
        // Whoever chose the id of its key may look whether it is there, and asks for no second one.
        (Outcome::Unknown | Outcome::Broken, Op::Mint, told) if able.label == Label::UniqueName => {
            let is_known = matches!(&told, Ok(Told::Done));
            let is_uncertain = told.is_err_and(|error| error.kind == Kind::Uncertain);
            assert!(is_known || is_uncertain, "{what}");
            let requests = fake.requests();
            let mints = requests.iter().filter(|it| it.starts_with("POST "));
            assert_eq!(mints.count(), 1, "{what}: it was sent again");
        }
        // A second key would be minted, and the first lost.
        (Outcome::Unknown | Outcome::Broken, Op::Mint, told) => {
            let error = told.expect_err(what);
            assert_eq!(error.kind, Kind::Uncertain, "{what}: {error}");
            assert_eq!(requests, 1, "{what}: it was sent again");
        }
        (Outcome::Unknown, _, told) => {
            assert!(matches!(told, Ok(Told::Done)), "{what}: {told:?}");
        }
        (Outcome::Denied | Outcome::Refused, Op::Probe, told) => {
            assert!(!matches!(told, Ok(Told::Done)), "{what}: {told:?}");
        }
        (Outcome::Denied, _, told) => {
            assert_eq!(told.expect_err(what).kind, Kind::Denied, "{what}");
        }
        (Outcome::NotFound, Op::Revoke | Op::Probe, told) => {
            assert!(!matches!(told, Ok(Told::Done)), "{what}: {told:?}");
        }
        // Some vendors say so of an account that the credentials may not see.
        (Outcome::NotFound, Op::List, told) => {
            let kind = told.expect_err(what).kind;
            assert!(
                matches!(kind, Kind::NotFound | Kind::Denied),
                "{what}: {kind:?}"
            );
        }
        (Outcome::NotFound, _, told) => {
            assert_eq!(told.expect_err(what).kind, Kind::NotFound, "{what}");
        }
        (Outcome::Refused, _, told) => {
            let kind = told.expect_err(what).kind;
            assert!(
                !matches!(kind, Kind::NotFound | Kind::Uncertain),
                "{what}: {kind:?}"
            );
        }
        (Outcome::Broken, _, told) => {
            let kind = told.expect_err(what).kind;
            assert!(!matches!(kind, Kind::NotFound), "{what}: {kind:?}");
        }
    }
}

pub fn is_discreet(what: &str, error: &Error) {
    let text = format!("{error} {error:?}");
    let found = crate::support::forms::forms(CANARY)
        .into_iter()
        .find(|form| text.contains(form.as_str()));
    assert!(found.is_none(), "{what}: {text}");
    assert!(
        !error.detail.trim().is_empty(),
        "{what}: nothing is said of what to do"
    );
}

fn connect(kind: &dyn IssuerKind, context: &apikey::context::Context) -> Box<dyn Issuer> {
    let fields = fakes::issuer(kind.name()).unwrap().settings();
    let path = Path::root("issuer").attribute(kind.name());
    kind.connect(&Settings::new(path, &fields), context)
        .unwrap()
}

/// A key at a server that keeps what it is told.
pub async fn live() {
    for kind in issuers::all() {
        live_of(kind.name()).await;
    }
}

pub async fn live_of(name: &str) {
    if issuers::find(name).is_some() {
        let world = (fakes::issuer(name).unwrap().live)().await;
        live_in(name, world, true).await;
    }
}

/// The key that is found by the id of an import, in settings that name the same account.
async fn is_imported(
    kind: &dyn IssuerKind,
    import: &str,
    id: Option<&String>,
    world: &fakes::World,
) {
    let name = kind.name();
    let imported = kind.import(import, &world.context).await.expect(name);
    assert_eq!(Some(&imported.key_id), id, "{name}");
    assert_eq!(imported.status, KeyStatus::Active, "{name}");
    let settings = |fields| Settings::new(Path::root(name), fields);
    for setting in kind.identity() {
        let [ours, theirs] = [&world.settings, &imported.settings]
            .map(|fields| kind.canonical(setting, &settings(fields)));
        assert_eq!(ours, theirs, "{name}: {setting} would replace the key");
    }
    // Of the right form, and another key.
    let id = id.map(String::as_str).unwrap_or_default();
    let last = if id.ends_with('0') { "1" } else { "0" };
    let other = format!("{}{last}", &id[..id.len() - 1]);
    let nothing = kind
        .import(&import.replace(id, &other), &world.context)
        .await;
    assert!(nothing.is_err(), "{name}: {nothing:?}");
}

/// The same in a world of the caller's; `probes` if that can try keys.
pub async fn live_in(name: &str, world: fakes::World, probes: bool) {
    let kind = issuers::find(name).expect(name);
    let fields = world.settings.clone();
    let path = Path::root("issuer").attribute(name);
    let issuer = kind
        .connect(&Settings::new(path, &fields), &world.context)
        .unwrap();
    let mut able = issuer.capabilities();
    able.probe &= probes;
    let account = Account::new(issuer, &world.context).unwrap();
    account.check(&[]).await.expect(name);
    let minted = account.mint(&"a".repeat(64)).await.expect(name);
    let id = minted.key_id.clone();
    assert_eq!(id.is_some(), able.key_ids, "{name}");
    let key = KeyRef {
        key_id: id.as_deref(),
        secret: Some(&minted.secret),
    };
    if able.lists() {
        let listed = account.list().await.expect(name).unwrap();
        assert!(
            listed.iter().any(|key| Some(&key.key_id) == id.as_ref()),
            "{name}"
        );
    }
    if able.probe {
        let probe = account
            .probe(id.as_deref(), &minted.secret)
            .await
            .expect(name);
        assert_eq!(probe, Probe::Accepted, "{name}");
    }
    let import = id.as_deref().and_then(|id| account.import_id(id));
    assert!(import.is_none() || kind.import_id().is_some(), "{name}");
    if let Some(import) = import {
        is_imported(kind, &import, id.as_ref(), &world).await;
    }
    let status = async || match (&id, able.inspects()) {
        (Some(id), true) => account.inspect(std::slice::from_ref(id)).await.expect(name)[0],
        _ => None,
    };
    let known = able.inspects().then_some(KeyStatus::Active);
    assert_eq!(status().await, known, "{name}");
    if able.last_use.is_some() {
        account.last_use(id.as_deref().unwrap()).await.expect(name);
    }
    if able.supply == Supply::Brought {
        let error = account.revoke(key, None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Awaiting, "{name}: only a person can");
        return;
    }
    // The same twice: the second finds it gone.
    account.revoke(key, None).await.expect(name);
    account.revoke(key, None).await.expect(name);
    let gone = able.inspects().then_some(KeyStatus::Missing);
    assert_eq!(status().await, gone, "{name}");
    if able.probe {
        let probe = account
            .probe(id.as_deref(), &minted.secret)
            .await
            .expect(name);
        assert!(matches!(probe, Probe::Refused(_)), "{name}: {probe:?}");
    }
}
