use std::collections::VecDeque;

use super::*;

fn refused() -> Result<Probe> {
    Ok(Probe::Refused("HTTP 401".into()))
}

fn unavailable() -> Result<Probe> {
    Err(Error::new(Kind::Unavailable, "No answer", "Timed out"))
}

fn accepted() -> Result<Probe> {
    Ok(Probe::Accepted)
}

fn pace(bound: Duration) -> Pace {
    Pace {
        bound,
        after_failure: StdDuration::from_secs(2),
        after_success: StdDuration::from_secs(2),
        consecutive: 3,
        unless_refused: 3,
    }
}

/// Plays the answers in order; the last one is repeated for ever.
async fn played(answers: Vec<Result<Probe>>, stop: &CancellationToken) -> Result<Proof> {
    let mut answers = VecDeque::from(answers);
    verify(
        || {
            std::future::ready(match answers.len() {
                1 => answers[0].clone(),
                _ => answers.pop_front().unwrap(),
            })
        },
        pace(Duration::from_secs(60)),
        stop,
    )
    .await
}

async fn proof(answers: Vec<Result<Probe>>) -> Proof {
    played(answers, &CancellationToken::new()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_key_is_proved_by_successes_in_a_row() {
    let proof = proof(vec![accepted()]).await;
    assert!(proof.is_verified());
    assert_eq!((proof.attempts, proof.last_reason), (3, None));
}

#[tokio::test(start_paused = true)]
async fn fewer_successes_are_enough_only_while_nobody_refuses() {
    let pace = Pace {
        unless_refused: 1,
        ..pace(TIMEOUT)
    };
    for (answers, attempts) in [
        (vec![accepted()], 1),
        (vec![unavailable(), accepted()], 2),
        (vec![refused(), accepted()], 4),
    ] {
        let mut answers = VecDeque::from(answers);
        let probe = || {
            std::future::ready(match answers.len() {
                1 => answers[0].clone(),
                _ => answers.pop_front().unwrap(),
            })
        };
        let proof = verify(probe, pace, &CancellationToken::new())
            .await
            .unwrap();
        assert!(proof.is_verified());
        assert_eq!(proof.attempts, attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_is_followed_sooner_than_a_failure() {
    let mut answers = VecDeque::from([refused(), accepted(), accepted(), accepted()]);
    let pace = Pace {
        after_success: StdDuration::from_millis(400),
        ..pace(TIMEOUT)
    };
    let began = Instant::now();
    let mut tried = Vec::new();
    let probe = || {
        tried.push(began.elapsed().as_millis());
        std::future::ready(answers.pop_front().unwrap())
    };
    let proof = verify(probe, pace, &CancellationToken::new()).await;
    assert!(proof.unwrap().is_verified());
    assert_eq!(tried, [0, 2000, 2400, 2800]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_starts_the_count_again() {
    let proof = proof(vec![accepted(), accepted(), refused(), accepted()]).await;
    assert!(proof.is_verified());
    assert_eq!(proof.attempts, 6);
    assert_eq!(proof.last_reason.as_deref(), Some("HTTP 401"));
}

#[tokio::test(start_paused = true)]
async fn no_answer_says_nothing_about_the_key() {
    let proof = proof(vec![accepted(), unavailable(), accepted(), accepted()]).await;
    assert!(proof.is_verified());
    assert_eq!(proof.attempts, 4);
}

#[tokio::test(start_paused = true)]
async fn a_key_refused_to_the_end_is_unproved_with_the_last_reason() {
    let proof = proof(vec![unavailable(), refused()]).await;
    assert_eq!(proof.verdict, Verdict::Unverified);
    assert_eq!(proof.last_reason.as_deref(), Some("HTTP 401"));
    // At 0, 2, … 58 seconds; at 60 the time is up.
    assert!((30..=31).contains(&proof.attempts), "{}", proof.attempts);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_never_answers_ends_with_the_bound() {
    let stop = CancellationToken::new();
    let bound = Duration::from_secs(5);
    let proof = verify(std::future::pending, pace(bound), &stop)
        .await
        .unwrap();
    assert_eq!((proof.verdict, proof.attempts), (Verdict::Unverified, 1));
    assert_eq!(
        proof.last_reason.as_deref(),
        Some("0 of 3 successes within 5s")
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_that_no_repetition_mends_ends_the_proof() {
    let denied = Error::new(Kind::Denied, "No permission", "Ask for it");
    let result = played(
        vec![accepted(), Err(denied.clone())],
        &CancellationToken::new(),
    )
    .await;
    assert_eq!(result, Err(denied));
}

#[tokio::test(start_paused = true)]
async fn a_stop_asked_for_before_sends_nothing() {
    let stop = CancellationToken::new();
    stop.cancel();
    let proof = played(vec![accepted()], &stop).await.unwrap();
    assert_eq!((proof.verdict, proof.attempts), (Verdict::Stopped, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_pause_and_the_request_under_way() {
    for answers in [vec![refused()], vec![accepted(), refused()]] {
        let stop = CancellationToken::new();
        let from_outside = stop.clone();
        tokio::spawn(async move {
            sleep(std::time::Duration::from_secs(5)).await;
            from_outside.cancel();
        });
        let proof = played(answers, &stop).await.unwrap();
        assert_eq!((proof.verdict, proof.attempts), (Verdict::Stopped, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn a_proof_can_run_on_any_thread() {
    let key = String::from("borrowed");
    let running = tokio::spawn(async move {
        let stop = CancellationToken::new();
        let probe = || async {
            sleep(std::time::Duration::from_secs(key.len() as u64)).await;
            accepted()
        };
        verify(probe, pace(TIMEOUT), &stop).await
    });
    assert!(running.await.unwrap().unwrap().is_verified());
}
