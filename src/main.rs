//! Serves the provider, or does what a person asks for by hand.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    // Terraform says that it starts a plugin, whatever the arguments are.
    if !apikey::protocol::is_plugin() && apikey::cli::is_asked(words.get(1..).unwrap_or_default()) {
        return apikey::cli::run(words);
    }
    let ended = apikey::protocol::run(apikey::provider::registry);
    apikey::telemetry::push_at_the_end();
    ended
}
