//! Serves the provider, or does what a person asks for by hand.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The command line starts a plugin without arguments.
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "ledger") {
        return apikey::cli::run(arguments);
    }
    apikey::protocol::run(apikey::provider::registry)
}
