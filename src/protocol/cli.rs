//! What a person sees who starts the binary by hand.

use std::process::ExitCode;

use super::handshake::Unfit;
use crate::printable::{say, say_aside};

/// What a configuration calls this provider.
pub(super) const SOURCE: &str = "apikey-dev/apikey";

const USAGE: &str = "\
This is the provider apikey for Terraform and OpenTofu. It is a plugin: the command line starts it.

Use it in a configuration:

  terraform {
    required_providers {
      apikey = { source = \"apikey-dev/apikey\" }
    }
  }

Then run `terraform init` or `tofu init`. To try a binary that you built yourself, name its directory
under dev_overrides in the configuration file of the command line.

By hand it tells what its ledger knows and finds keys where none should be, without credentials of a vendor:

  terraform-provider-apikey status           how every managed key is doing
  terraform-provider-apikey inventory        every key that it knows, and who owns it
  terraform-provider-apikey metrics          the same for Prometheus
  terraform-provider-apikey lint             misspelt names that Terraform drops without a word
  terraform-provider-apikey scan             keys in files, in what is staged, in what ever was committed
  terraform-provider-apikey audit verify     whether the audit trail is what was written
  terraform-provider-apikey ledger forget    a resource that left its state without a destroy

Each of them has --help. To run the provider under a debugger, start it with --debug and do as it says.";

/// Says what this binary is and how it is used.
pub(super) fn explain(unfit: Unfit, argument: Option<&str>) -> ExitCode {
    match (unfit, argument) {
        (Unfit::ByHand, Some("--version" | "-V" | "version")) => {
            say(concat!(
                env!("CARGO_PKG_NAME"),
                " ",
                env!("CARGO_PKG_VERSION")
            ));
            ExitCode::SUCCESS
        }
        (Unfit::ByHand, Some("--help" | "-h" | "help")) => {
            say(USAGE);
            ExitCode::SUCCESS
        }
        (Unfit::ByHand, _) => {
            say_aside(USAGE);
            ExitCode::FAILURE
        }
        (Unfit::Versions(versions), _) => {
            say_aside(format!(
                "This provider speaks version 6 of the plugin protocol; the command line offers {versions}. \
                 Use Terraform 1.0 or OpenTofu 1.6, or newer."
            ));
            ExitCode::FAILURE
        }
    }
}
