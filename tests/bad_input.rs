//! Wrong configurations, and what a person reads when Terraform refuses them.
//!
//! Each file `bad_input/*.txt` is one of them: what is wrong, the configuration with whatever lies beside it, and
//! the earliest command that refuses it with all that it prints. The real command line runs them all:
//! `validate`, then `plan`, then `apply`. None may leave a key or a changed file behind.
//!
//! `UPDATE_GOLDEN=1 cargo test --test tests bad_input` writes down what is printed now. Read the difference.

mod case;
mod render;
mod workspace;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use case::Case;
use workspace::Workspace;

use crate::support::is_superuser;

/// The first of these that reports an error is the one that a person sees.
const COMMANDS: [(&str, &[&str]); 3] = [
    ("validate", &[]),
    ("plan", &["-input=false"]),
    ("apply", &["-input=false", "-auto-approve"]),
];

#[test]
fn every_wrong_configuration_is_refused_as_written_down() {
    let files = case_files();
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    let work = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(fault) = check(file) {
                let name = file.file_name().unwrap_or_default().display();
                faults.lock().unwrap().push(format!("{name}: {fault}"));
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(
        faults.is_empty(),
        "{} of {} cases:\n\n{}",
        faults.len(),
        files.len(),
        faults.join("\n\n")
    );
}

fn case_files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_input");
    let entries = std::fs::read_dir(&directory).unwrap();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    assert!(files.len() >= 30, "only {} cases found", files.len());
    files
}

/// Runs one case and compares what is printed with what is written down.
fn check(file: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut case = Case::parse(&text)?;
    if case.needs_ordinary_user && is_superuser() {
        eprintln!("{}: skipped for the superuser", file.display());
        return Ok(());
    }
    let printed = refusal(&case)?;
    if case
        .expected
        .as_ref()
        .is_some_and(|it| it.is_met_by(&printed))
    {
        return Ok(());
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        case.expected = Some(printed);
        std::fs::write(file, case.to_string()).unwrap();
        return Ok(());
    }
    match case.expected {
        Some(expected) => Err(format!(
            "--- written down\n{}\n--- printed now\n{}",
            expected.text(),
            printed.text()
        )),
        None => Err("nothing is written down yet; run with UPDATE_GOLDEN=1".into()),
    }
}

/// The first command that refuses the case, and what it prints.
fn refusal(case: &Case) -> Result<case::Printed, String> {
    let workspace = Workspace::of(case);
    let before = workspace.snapshot();
    for (command, options) in COMMANDS {
        let diagnostics = render::in_order(workspace.terraform(command, options));
        if !render::any_error(&diagnostics) {
            continue;
        }
        workspace.unchanged_since(&before)?;
        return Ok(case::Printed {
            command: command.to_owned(),
            diagnostics: render::render(&diagnostics, &|text| workspace.anonymous(text)),
        });
    }
    Err("nothing refused it".into())
}
