//! Points, actions, results: which were killed, and what came of it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// All the points of some actions.
pub struct Matrix {
    name: &'static str,
    /// Points between the effects are cells as well.
    all: bool,
    waiting: BTreeMap<String, Vec<String>>,
    cells: Vec<(String, String, Result<(), String>)>,
}

impl Matrix {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            all: true,
            waiting: BTreeMap::new(),
            cells: Vec::new(),
        }
    }

    /// The same of what was done alone, before anybody heard of it.
    pub fn of_effects(name: &'static str) -> Self {
        Self {
            all: false,
            ..Self::new(name)
        }
    }

    /// These are the points that an undisturbed run of an action passed. Before the intent of one effect is after the
    /// outcome of the one before, and little lies between an effect and its outcome: each cell takes seconds, so these
    /// are left out unless `APIKEY_CRASHES=all` asks for them.
    pub fn discover(&mut self, action: &str, passed: Vec<String>) {
        let all = std::env::var("APIKEY_CRASHES").is_ok_and(|which| which == "all");
        let is_cell = |point: &String| {
            let after = point.contains(":after#") && !point.contains(":apply:");
            let is_effect = self.all || point.contains(":done#");
            !point.contains(":before#") && (all || !after && is_effect)
        };
        let points: Vec<String> = passed.into_iter().filter(is_cell).collect();
        assert!(!points.is_empty(), "{action} passed no point");
        self.waiting.insert(action.to_owned(), points);
    }

    pub fn has_more(&self) -> bool {
        self.waiting.values().any(|points| !points.is_empty())
    }

    /// The next point of an action that was not killed yet.
    pub fn next(&mut self, action: &str) -> Option<String> {
        let points = self.waiting.get_mut(action)?;
        (!points.is_empty()).then(|| points.remove(0))
    }

    pub fn note(&mut self, action: &str, point: &str, result: Result<(), String>) {
        println!("{action:<16} {point:<34} {result:?}");
        self.cells
            .push((action.to_owned(), point.to_owned(), result));
    }

    /// Prints the matrix, and fails if a cell did, or if there are fewer than were thought of.
    pub fn judge(mut self, at_least: usize) {
        let mut text = format!("{}: {} cells\n", self.name, self.cells.len());
        self.cells.sort();
        for (action, point, result) in &self.cells {
            let result = result
                .as_ref()
                .map_or_else(String::as_str, |()| "recovered");
            writeln!(text, "{action:<16} {point:<34} {result}").unwrap();
        }
        println!("{text}");
        let file = format!("crash-matrix-{}.txt", self.name.replace(' ', "-"));
        std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(file), &text).unwrap();
        let failed = self.cells.iter().filter(|(_, _, result)| result.is_err());
        assert_eq!(failed.count(), 0, "{text}");
        assert!(self.cells.len() >= at_least, "{text}");
    }
}
