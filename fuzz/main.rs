//! Hunts for input that makes a decoder panic, or cost more than it may. `make fuzz` runs it.
//!
//! fuzz [--inputs N] [--seed N] [--only WORD] [--list]: N inputs for each decoder, or for those whose name has WORD.

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use apikey::fuzz::targets;
use hunt::hunt;

/// The system's allocator, and how much it was asked for.
struct Counting;

static BYTES: AtomicU64 = AtomicU64::new(0);
static TIMES: AtomicU64 = AtomicU64::new(0);

fn count(bytes: usize) {
    BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
    TIMES.fetch_add(1, Ordering::Relaxed);
}

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let number = |name: &str, default: u64| match given(name).map(str::parse) {
        None => Some(default),
        Some(parsed) => parsed.ok(),
    };
    let (Some(inputs), Some(seed)) = (number("--inputs", 250_000), number("--seed", 1)) else {
        eprintln!("--inputs and --seed take a number");
        return ExitCode::FAILURE;
    };
    let only = given("--only").unwrap_or_default();
    let chosen = targets()
        .into_iter()
        .filter(|target| target.name.contains(only));
    let started = Instant::now();
    let (mut total, mut failures) = (0, 0);
    for mut target in chosen {
        if arguments.iter().any(|argument| argument == "--list") {
            println!("{}", target.name);
            continue;
        }
        let began = Instant::now();
        let meter = || (BYTES.load(Ordering::Relaxed), TIMES.load(Ordering::Relaxed));
        let report = hunt(&mut target, inputs, seed, Some(meter));
        total += report.inputs;
        println!(
            "{:<48} {:>9} inputs {:>7.1} s, at most {:>8} bytes in {:>6} allocations",
            target.name,
            report.inputs,
            began.elapsed().as_secs_f64(),
            report.most_bytes,
            report.most_allocations,
        );
        if let Some((input, found)) = report.found {
            failures += 1;
            println!("  FOUND: {found}\n  by {input:02x?}");
        }
    }
    println!(
        "{total} inputs in {:.0} s, seed {seed}: {failures} finds",
        started.elapsed().as_secs_f64()
    );
    match failures {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
