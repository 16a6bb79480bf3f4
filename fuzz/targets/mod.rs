//! Every decoder that takes bytes from outside. Part of the library only for its tests and with the feature `fuzz`, for most
//! decoders are nobody else's business.

mod texts;

use hunt::Target;

/// All of them.
pub fn targets() -> Vec<Target> {
    let mut targets = crate::protocol::fuzz::targets();
    targets.extend(texts::targets());
    targets
}

#[cfg(test)]
mod tests {
    use hunt::hunt;

    use super::*;

    /// How many inputs each decoder gets, if not the few that every run can afford.
    const COUNT: &str = "APIKEY_FUZZ";
    /// Repeats a run.
    const SEED: &str = "APIKEY_FUZZ_SEED";

    fn number(variable: &str, default: u64) -> u64 {
        let given = std::env::var(variable).ok();
        given.map_or(default, |text| text.parse().expect(variable))
    }

    #[test]
    fn no_bytes_make_a_decoder_panic() {
        let seed = number(SEED, u64::from(std::process::id()));
        println!("{SEED}={seed}");
        for mut target in targets() {
            let report = hunt(&mut target, number(COUNT, 400), seed, None);
            let name = &target.name;
            assert!(
                report.found.is_none(),
                "{name}, {SEED}={seed}: {:?}",
                report.found
            );
        }
    }

    #[test]
    fn a_panic_is_found_also_where_it_is_caught() {
        let seeds = vec![b"harmless".to_vec()];
        let mut target = Target::new("a decoder with a fault", seeds, |bytes| {
            let _ = std::panic::catch_unwind(|| assert!(bytes.len() != 9, "nine bytes"));
        });
        let found = hunt(&mut target, 10_000, 1, None).found;
        assert_eq!(found.map(|(input, _)| input.len()), Some(9));
    }

    #[test]
    fn the_same_seed_makes_the_same_inputs() {
        let inputs = |seed| {
            let (sender, inputs) = std::sync::mpsc::channel();
            let seeds = vec![b"one".to_vec(), b"another".to_vec()];
            let target = Target::new("x", seeds, move |bytes| {
                // The other end is there until the hunt is over.
                let _ = sender.send(bytes.to_vec());
            });
            hunt(&mut target.with_words(&["word"]), 50, seed, None);
            inputs.try_iter().collect::<Vec<_>>()
        };
        assert_eq!(inputs(7), inputs(7));
        assert_ne!(inputs(7), inputs(8));
    }
}
