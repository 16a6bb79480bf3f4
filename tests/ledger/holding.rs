//! Locks that are held for as long as work takes.

use std::sync::Arc;
use std::time::Duration;

use apikey::error::Kind;
use apikey::ledger::hold::{hold, holder};
use tokio_util::sync::CancellationToken;

use super::samples::{Sample, all_with};

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
        let held = hold(&ledger, "account", "one", LONG, &stop).await.unwrap();
        // Three leases long, somebody else tries.
        let impatient = hold(&ledger, "account", "two", 3 * SHORT, &stop).await;
        let refused = impatient.err().unwrap();
        assert_eq!(refused.kind, Kind::Unavailable, "{name}");
        assert!(
            refused.detail.contains("held by one, since 20"),
            "{refused}"
        );
        assert!(!held.lost().is_cancelled(), "{name}");
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
        let first = hold(&ledger, "account", "one", LONG, &stop).await.unwrap();
        let number = first.fence().number;
        let waiting = {
            let (ledger, stop) = (Arc::clone(&ledger), stop.clone());
            tokio::spawn(async move { hold(&ledger, "account", "two", LONG, &stop).await })
        };
        tokio::task::yield_now().await;
        // Dropping gives it back as well.
        drop(first);
        let second = waiting.await.unwrap().unwrap();
        assert!(second.fence().number > number, "{name}");
    }
}

#[tokio::test]
async fn a_holder_that_was_cut_off_is_told() {
    for Sample { name, ledger, .. } in databases(SHORT) {
        let stop = CancellationToken::new();
        let held = hold(&ledger, "account", "one", LONG, &stop).await.unwrap();
        // As if its lease had ended while the process slept.
        ledger.unlock(held.fence()).await.unwrap();
        ledger.try_lock("account", "two").await.unwrap().unwrap();
        tokio::time::timeout(LONG, held.lost().cancelled())
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
        let _held = hold(&ledger, "account", "one", LONG, &stop).await.unwrap();
        stop.cancel();
        let stopped = hold(&ledger, "account", "two", LONG, &stop)
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
                let held = hold(&ledger, "account", &holder(), LONG, &stop)
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
