//! Which cells are played, what came of them, and the texts of the refusals.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::cell::{Cell, Ending, LEDGERS, WAYS};
use super::life::Life;

/// What a refusal says: one of these at least.
const WAYS_ON: [&str; 3] = [
    "Restore the newest state",
    "apply -refresh-only",
    "Plan again",
];

pub struct Matrix {
    issuer: &'static str,
    lines: Vec<String>,
    faults: Vec<String>,
    refusals: BTreeSet<String>,
}

impl Matrix {
    pub fn new(issuer: &'static str) -> Self {
        Self {
            issuer,
            lines: Vec::new(),
            faults: Vec::new(),
            refusals: BTreeSet::new(),
        }
    }

    /// Every pair of moments, in one variant or in those that `APIKEY_RESTORES` asks for.
    pub fn chosen(&self, life: &Life) -> Vec<Cell> {
        let asked = std::env::var("APIKEY_RESTORES").ok();
        let pairs = (0..=life.last()).flat_map(|later| (0..later).map(move |older| (older, later)));
        let seed =
            usize::from(self.issuer == "aws_iam") * 2 + usize::from(life.on_drift == "rotate");
        let mut cells = Vec::new();
        for (pair, (older, later)) in pairs.enumerate() {
            for (variant, (ledger, way)) in variants().enumerate() {
                let cell = Cell {
                    older,
                    later,
                    ledger,
                    way,
                };
                let is_chosen = match &asked {
                    Some(words) if words == "all" => true,
                    Some(words) => {
                        let line = self.line(life, &cell);
                        words.split(',').all(|word| line.contains(word.trim()))
                    }
                    // Of each pair every second life has a cell. Neighbours differ in both the ledger and the way.
                    None => (pair + seed) % 2 == 0 && (pair * 7 + seed * 3) % 20 == variant,
                };
                cells.extend(is_chosen.then_some(cell));
            }
        }
        cells
    }

    pub fn note(&mut self, life: &Life, cell: &Cell, ending: Result<Ending, String>) {
        let named = self.line(life, cell);
        let ending = ending.and_then(|ending| match &ending {
            Ending::Refused(text, _) if !WAYS_ON.iter().any(|way| text.contains(way)) => {
                Err(format!("a refusal that does not say how to go on: {text}"))
            }
            _ => Ok(ending),
        });
        let line = match ending {
            Ok(Ending::Followed) => format!("{named} followed"),
            Ok(Ending::Refused(text, how)) => {
                self.refusals.insert(plain(&text, life));
                format!("{named} refused, then {how}")
            }
            Err(fault) => {
                println!("{named}\n{fault}");
                self.faults.push(format!("{named}\n{fault}"));
                format!("{named} FAULT {}", fault.lines().next().unwrap_or_default())
            }
        };
        println!("{line}");
        self.lines.push(line);
    }

    fn line(&self, life: &Life, cell: &Cell) -> String {
        format!(
            "{:<9} {:<6} {:<21} <- {:<15} {:<8} {:<12}",
            self.issuer,
            life.on_drift,
            life.moments[cell.later].name,
            life.moments[cell.older].name,
            format!("{:?}", cell.ledger),
            format!("{:?}", cell.way)
        )
    }

    /// Prints the matrix and the texts of its refusals, and fails if a cell did.
    pub fn judge(mut self) {
        self.lines.sort();
        let mut text = format!("{}: {} cells\n", self.issuer, self.lines.len());
        for line in &self.lines {
            writeln!(text, "{line}").unwrap();
        }
        for refusal in &self.refusals {
            writeln!(text, "\n{refusal}").unwrap();
        }
        println!("{text}");
        let file = format!("restore-matrix-{}.txt", self.issuer);
        fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(file), &text).unwrap();
        assert!(
            self.faults.is_empty(),
            "{text}\n{}",
            self.faults.join("\n\n")
        );
    }
}

fn variants() -> impl Iterator<Item = (super::cell::Ledger, super::cell::Way)> {
    LEDGERS
        .into_iter()
        .flat_map(|ledger| WAYS.map(|way| (ledger, way)))
}

/// A text without what differs from life to life.
fn plain(text: &str, life: &Life) -> String {
    let mut text = text.replace(&life.site.ws().home().display().to_string(), "<directory>");
    for key in life.keys_until(life.last()) {
        text = text.replace(&key.label, "<key>");
    }
    let words = text.split_inclusive([' ', '\n']).scan("", |before, word| {
        let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_number = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
        let replaced = match (before.trim(), bare) {
            ("generation", _) if is_number => word.replace(bare, "<n>"),
            _ if bare.starts_with("2026-01-01T") => word.replace(bare, "<instant>"),
            _ => word.to_owned(),
        };
        *before = word;
        Some(replaced)
    });
    words.collect()
}
