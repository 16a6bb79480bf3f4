//! Locks that are held for as long as work takes.

use std::sync::Arc;
use std::time::Duration;

use apikey::error::{Error, Kind};
use apikey::http::{Ask, Failure, Http, Repeat};
use apikey::ledger::guard::Guard;
use apikey::ledger::hold::{hold, holder};
use reqwest::{Method, Request, Url};
use tokio_util::sync::CancellationToken;

use super::samples::{Sample, all_with};
use crate::support::fake::{Fake, Reply};

const SHORT: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(60);

fn databases(lease: Duration) -> impl Iterator<Item = Sample> {
    let samples = all_with(lease).into_iter();
    samples.filter(|sample| sample.memory.is_none())
}

#[tokio::test]
async fn a_living_holder_keeps_its_lock_beyond_the_lease() {
    for Sample { name, ledger, .. } in databases(SHORT) {
        let stop = CancellationToken::new();
        let held = hold(&ledger, "account", &Arc::default(), "one", LONG, &stop)
            .await
            .unwrap();
        // Three leases long, somebody else tries.
        let impatient = hold(&ledger, "account", &Arc::default(), "two", 3 * SHORT, &stop).await;
        let refused = impatient.err().unwrap();
        assert_eq!(refused.kind, Kind::Unavailable, "{name}");
        assert!(
            refused.detail.contains("held by one, since 20"),
            "{refused}"
        );
        assert!(!held.guard().lost().is_cancelled(), "{name}");
        held.release().await.unwrap();
        assert!(
            ledger.try_lock("account", "three").await.unwrap().is_some(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn whoever_waits_gets_the_lock_when_it_is_given_back() {
    for Sample { name, ledger, .. } in all_with(LONG) {
        let stop = CancellationToken::new();
        let first = hold(&ledger, "account", &Arc::default(), "one", LONG, &stop)
            .await
            .unwrap();
        let number = first.guard().fence().number;
        let waiting = {
            let (ledger, stop) = (Arc::clone(&ledger), stop.clone());
            tokio::spawn(async move {
                hold(&ledger, "account", &Arc::default(), "two", LONG, &stop).await
            })
        };
        tokio::task::yield_now().await;
        // Dropping gives it back as well.
        drop(first);
        let second = waiting.await.unwrap().unwrap();
        assert!(second.guard().fence().number > number, "{name}");
    }
}

#[tokio::test]
async fn a_holder_that_was_cut_off_is_told() {
    for Sample { name, ledger, .. } in databases(SHORT) {
        let stop = CancellationToken::new();
        let held = hold(&ledger, "account", &Arc::default(), "one", LONG, &stop)
            .await
            .unwrap();
        // As if its lease had ended while the process slept.
        ledger.unlock(held.guard().fence()).await.unwrap();
        ledger.try_lock("account", "two").await.unwrap().unwrap();
        tokio::time::timeout(LONG, held.guard().lost().cancelled())
            .await
            .expect(name);
        drop(held);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let holder = ledger.lock_holder("account").await.unwrap();
        assert!(holder.is_none_or(|(holder, _)| holder == "two"), "{name}");
    }
}

#[tokio::test]
async fn a_person_who_stops_does_not_wait() {
    for Sample { name, ledger, .. } in all_with(LONG) {
        let stop = CancellationToken::new();
        let _held = hold(&ledger, "account", &Arc::default(), "one", LONG, &stop)
            .await
            .unwrap();
        stop.cancel();
        let stopped = hold(&ledger, "account", &Arc::default(), "two", LONG, &stop)
            .await
            .err()
            .unwrap();
        assert!(
            stopped.summary.starts_with("Stopped while waiting"),
            "{name}: {stopped}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_want_a_lock_one_has_it_at_a_time() {
    use std::sync::atomic::{AtomicU32, Ordering};
    for Sample { name, ledger, .. } in all_with(LONG) {
        let inside = Arc::new(AtomicU32::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (ledger, inside) = (Arc::clone(&ledger), Arc::clone(&inside));
            tasks.spawn(async move {
                let stop = CancellationToken::new();
                let held = hold(&ledger, "account", &Arc::default(), &holder(), LONG, &stop)
                    .await
                    .unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                tokio::task::yield_now().await;
                assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                held.release().await.unwrap();
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect(name);
        }
    }
}

#[test]
fn no_two_holders_have_one_name() {
    assert_ne!(holder(), holder());
}

#[tokio::test]
async fn no_attempt_is_made_once_the_lock_was_taken_over() {
    for Sample { name, ledger, .. } in databases(SHORT) {
        let busy = || Reply::of(503, "busy");
        let server = Fake::start([busy(), busy(), Reply::of(200, "done")]);
        let stop = CancellationToken::new();
        let held = hold(&ledger, "account", &Arc::default(), "one", LONG, &stop)
            .await
            .unwrap();
        let http = Http::new(stop.clone());
        let ask = Ask {
            whom: "the fake",
            what: "Change",
            repeat: Repeat::Freely,
        };
        let attempts = http.retry(ask, 5, async |limit| {
            let url = Url::parse(&server.url()).unwrap();
            let request = Request::new(Method::POST, url);
            let answer = http.send(request, limit).await?;
            if answer.status.is_success() {
                return Ok(());
            }
            // Before the next attempt somebody else has the lock, and for longer than half of the lease nobody asked.
            ledger.unlock(held.guard().fence()).await.unwrap();
            ledger.try_lock("account", "two").await.unwrap().unwrap();
            tokio::time::sleep(SHORT * 3 / 5).await;
            let error = Error::new(Kind::Unavailable, "busy", "Again.");
            Err(Failure {
                transient: true,
                ..Failure::settled(error)
            })
        });
        let ended = Guard::protect(Some(held.guard()), attempts).await;
        let error = ended.unwrap_err().error;
        assert_eq!(error.kind, Kind::Stale, "{name}: {error}");
        assert_eq!(error.summary, "The lock of account was lost", "{name}");
        assert_eq!(server.requests().len(), 1, "{name}");
        assert!(held.guard().is_lost(), "{name}");
    }
}

#[tokio::test]
async fn a_process_that_waits_for_another_lets_those_of_its_own_account_ask_too() {
    for Sample { name, ledger, .. } in all_with(LONG) {
        let stop = CancellationToken::new();
        let other = ledger.try_lock("account", "another process").await.unwrap();
        let local = Arc::default();
        let refused = |patience| hold(&ledger, "account", &local, "one", patience, &stop);
        // Both have waited for the other process when the time of both is over, not one after the other.
        let (first, second) = tokio::join!(refused(SHORT), refused(SHORT));
        for ended in [first, second] {
            assert_eq!(ended.err().unwrap().kind, Kind::Unavailable, "{name}");
        }
        assert!(local.try_lock().is_ok(), "{name}");
        drop(other);
    }
}
