//! Ledgers of every sort, and things to write into them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use apikey::domain::anomalies::{Allow, Anomaly, Habits, Kind, Survey};
use apikey::domain::notices::{Audience, Telling};
use apikey::instant::Instant;
use apikey::ledger::memory::InMemory;
use apikey::ledger::sql::{Database, Target};
use apikey::ledger::{
    Effect, Holding, Intent, KeyMark, KeyRecord, Ledger, ResourceRef, Slot, Status,
};
use tempfile::TempDir;

use crate::support::postgres::Postgres;

/// Long enough for a slow machine, where nobody is meant to die.
const LEASE: Duration = Duration::from_secs(60);

/// A ledger, and what has to live as long as it does.
pub struct Sample {
    pub name: &'static str,
    pub ledger: Arc<dyn Ledger>,
    pub memory: Option<Arc<InMemory>>,
    _home: Option<TempDir>,
}

/// A fresh ledger of each sort. Locks of databases end after `lease`.
pub fn all_with(lease: Duration) -> Vec<Sample> {
    let memory = Arc::new(InMemory::default());
    let home = tempfile::tempdir().unwrap();
    let file = sqlite(&home.path().join("ledger.db"), lease);
    vec![
        Sample {
            name: "memory",
            ledger: memory.clone(),
            memory: Some(memory),
            _home: None,
        },
        Sample {
            name: "sqlite",
            ledger: Arc::new(file),
            memory: None,
            _home: Some(home),
        },
        Sample {
            name: "postgres",
            ledger: Arc::new(postgres(&Postgres::schema(), lease)),
            memory: None,
            _home: None,
        },
    ]
}

/// A fresh ledger of each sort.
pub fn all() -> Vec<Sample> {
    all_with(LEASE)
}

pub fn sqlite(path: &Path, lease: Duration) -> Database {
    Database::new(Target::file(path.to_owned()), lease, LEASE)
}

pub fn postgres(schema: &str, lease: Duration) -> Database {
    let url = Postgres::shared().url();
    let target = Target::parse(&url, Some(schema), &|_| None).unwrap();
    Database::new(target, lease, LEASE)
}

pub fn at(seconds: i64) -> Instant {
    Instant::from_unix(1_767_225_600 + seconds)
}

pub fn resource(name: &str) -> ResourceRef {
    ResourceRef {
        id: format!("id-of-{name}"),
        name: name.into(),
        workspace: "default".into(),
    }
}

pub fn mark(id: &str) -> KeyMark {
    KeyMark {
        key_id: Some(id.into()),
        mark: Some("sha256:0a1b2c".into()),
    }
}

/// An intent of the apply `a` of a resource.
pub fn intent(id: &str, name: &str, effect: Effect) -> Intent {
    Intent {
        id: id.into(),
        apply: format!("apply-of-{name}"),
        resource: resource(name),
        issuer: "aws_iam".into(),
        account: "aws_iam 123456789012 user ci".into(),
        effect,
        action: "create".into(),
        key: None,
        audience: Audience::default(),
        place: None,
        known: vec!["AKIAEXAMPLE0".into(), "AKIAEXAMPLE1".into()],
        private_data: None,
        at: at(0),
        fence: None,
    }
}

/// A live key in a slot.
pub fn key(id: &str, slot: Slot) -> KeyRecord {
    KeyRecord {
        key: mark(id),
        slot,
        status: Status::Live,
        created_at: at(0),
        delivered_at: Some(at(1)),
        verified_at: None,
        promoted_at: Some(at(2)),
        retired_at: None,
        revoked_at: None,
        last_used_at: None,
        noticed: Some(Vec::new()),
        confirmed_at: Some(at(9)),
        minted_by: None,
        minted: false,
    }
}

/// What a state says.
pub fn holding(name: &str, keys: Vec<KeyRecord>) -> Holding {
    Holding {
        resource: resource(name),
        issuer: "aws_iam".into(),
        account: "aws_iam 123456789012 user ci".into(),
        group: "payments".into(),
        environment: Some("prod".into()),
        owner: None,
        policy: Some("standard".into()),
        overdue_at: None,
        revocation_due_at: None,
        rotation_due_at: Some(at(1000)),
        status: "ok".into(),
        left_by: None,
        generation: 1,
        places: Vec::new(),
        private_data: None,
        keys,
        status_reason: String::new(),
        telling: Telling::default(),
    }
}

/// A burst of denied calls with a key.
pub fn burst(id: &str, last: i64) -> Anomaly {
    Anomaly {
        kind: Kind::DeniedBurst,
        name: None,
        key_id: id.into(),
        calls: 5,
        first_at: at(10),
        last_at: at(last),
    }
}

/// A reading of the account that has found one.
pub fn unusual(id: &str) -> Survey {
    Survey {
        account: "aws_iam 123456789012 user ci".into(),
        found: vec![burst(id, 20)],
        habits: Habits::new(),
        allow: Allow::default(),
    }
}
