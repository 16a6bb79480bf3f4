//! Serves the provider, or explains itself when a person starts it.

use std::process::ExitCode;

fn main() -> ExitCode {
    apikey::protocol::run(apikey::provider::registry)
}
