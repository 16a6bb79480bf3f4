//! Bad input for decoders: mutated samples, a bounded number of them, and the same ones for the same seed. Knows of no
//! decoder itself, needs neither a nightly compiler nor instrumented code, and measures what each input costs.
//!
//! An input has found something if the decoder panics, also where the panic is caught and answered, or if it takes
//! more memory or more allocations than an input of its length may.

mod mutate;

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

use self::mutate::Mutator;

/// Reads an input. Whatever it makes of it is right, as long as it comes back.
pub type Read = Box<dyn FnMut(&[u8])>;

/// One decoder.
pub struct Target {
    /// What it reads.
    pub name: String,
    /// Samples of what it accepts.
    pub seeds: Vec<Vec<u8>>,
    /// Words that its input is made of.
    pub words: &'static [&'static str],
    /// What reads it.
    pub read: Read,
}

impl Target {
    /// A decoder of this name.
    pub fn new(
        name: impl Into<String>,
        seeds: Vec<Vec<u8>>,
        read: impl FnMut(&[u8]) + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            seeds,
            words: &[],
            read: Box::new(read),
        }
    }

    /// The same with the words that its input is made of.
    pub fn with_words(self, words: &'static [&'static str]) -> Self {
        Self { words, ..self }
    }
}

/// What was allocated so far: how many bytes, and how often.
pub type Meter = fn() -> (u64, u64);

/// What an input may cost, however it is made: so much, and so much more for each of its bytes.
const BYTES: (u64, u64) = (32 << 20, 64 << 10);
const ALLOCATIONS: (u64, u64) = (200_000, 2_000);

/// How a hunt ended.
#[derive(Debug, Default)]
pub struct Report {
    /// How many inputs were read.
    pub inputs: u64,
    /// The most that one input allocated, in bytes.
    pub most_bytes: u64,
    /// The most allocations that one input made.
    pub most_allocations: u64,
    /// The first input that found something, and what.
    pub found: Option<(Vec<u8>, String)>,
}

/// Gives a decoder `inputs` inputs, which follow from `seed`. Ends with the first that finds something.
pub fn hunt(target: &mut Target, inputs: u64, seed: u64, meter: Option<Meter>) -> Report {
    watch_panics();
    let mut mutator = Mutator::new(seed, &target.name, &target.seeds, target.words);
    let mut report = Report::default();
    for _ in 0..inputs {
        let input = mutator.input();
        let before = meter.map(|meter| meter());
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| (target.read)(&input)));
        report.inputs += 1;
        let mut found = PANICKED.with(|place| place.borrow_mut().take());
        if outcome.is_err() && found.is_none() {
            found = Some("an unknown place".into());
        }
        let mut found = found.map(|place| format!("it panics at {place}"));
        if let (Some((bytes, times)), Some(meter)) = (before, meter) {
            let (bytes_after, times_after) = meter();
            let (bytes, times) = (bytes_after - bytes, times_after - times);
            report.most_bytes = report.most_bytes.max(bytes);
            report.most_allocations = report.most_allocations.max(times);
            let length = input.len() as u64;
            if bytes > BYTES.0 + BYTES.1 * length {
                found = Some(format!("it allocates {bytes} bytes"));
            }
            if times > ALLOCATIONS.0 + ALLOCATIONS.1 * length {
                found = Some(format!("it allocates {times} times"));
            }
        }
        if let Some(found) = found {
            report.found = Some((input, found));
            return report;
        }
    }
    report
}

thread_local! {
    /// Where the last panic of this thread was, caught or not.
    static PANICKED: RefCell<Option<String>> = const { RefCell::new(None) };
}

fn watch_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().map(ToString::to_string);
            PANICKED.with(|last| *last.borrow_mut() = Some(place.unwrap_or_default()));
            others(info);
        }));
    });
}
