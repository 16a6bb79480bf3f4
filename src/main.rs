//! Serves the provider, or explains itself when a person starts it.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The command line starts a plugin without arguments.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("ledger", rest)) = arguments.split_first().map(|(word, rest)| (&**word, rest)) {
        return apikey::ledger::cli::run(rest);
    }
    apikey::protocol::run(apikey::provider::registry)
}
