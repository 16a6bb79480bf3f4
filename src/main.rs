//! Serves the provider, or does what a person asks for by hand.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    // Terraform says that it starts a plugin, whatever the arguments are.
    if !apikey::protocol::is_plugin() && apikey::cli::is_asked(&arguments) {
        return apikey::cli::run(arguments);
    }
    apikey::protocol::run(apikey::provider::registry)
}
