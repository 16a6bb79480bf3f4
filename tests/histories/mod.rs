//! Random histories of one key: time jumps, missed and late applies, edits, tampering, and an issuer, stores and
//! verifications that fail. The real plan, apply and read run in a world in memory, and Terraform's part is
//! played by [`terraform`]. Whatever happens, what must never happen does not, and in the end the key is well.
//!
//! `APIKEY_HISTORIES` sets how many histories are tried, `APIKEY_HISTORIES_SEED` where they begin.

mod amnesia;
mod config;
mod cut_off;
mod effects;
mod events;
mod found;
mod mortal;
mod news;
mod player;
mod terraform;
mod used;
mod values;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use events::{Event, events};
use player::Player;

const HISTORIES: u32 = 300;
const SEED: u64 = 20_261_122;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

fn live_through(history: &[Event]) -> Result<(), String> {
    // A paused clock: waits inside the provider take no time.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut player = Player::new();
        for event in history {
            player
                .live(event)
                .await
                .map_err(|violation| format!("{violation}\n{}", player.diary()))?;
        }
        player
            .recover()
            .await
            .map_err(|violation| format!("{violation}\n{}", player.diary()))
    })
}

#[test]
fn whatever_happens_what_must_never_happen_does_not() {
    let seed = number("APIKEY_HISTORIES_SEED", SEED);
    let cases = number("APIKEY_HISTORIES", HISTORIES.into()) as u32;
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let result = TestRunner::new_with_rng(config, rng).run(&events(), |history| {
        live_through(&history).map_err(TestCaseError::fail)
    });
    match result {
        Ok(()) => println!("{cases} histories from seed {seed}"),
        Err(TestError::Fail(why, history)) => {
            panic!("seed {seed}: {why}\nthe shortest such history: {history:#?}")
        }
        Err(TestError::Abort(why)) => panic!("seed {seed}: {why}"),
    }
}
