//! Encryption of states and plans: for a key whose secret is asked to be in the state.

use std::fs;

use crate::matrix::Feature;
use crate::matrix::newer::UNSUPPORTED;
use crate::support::keys::Config;
use crate::support::workspace::Workspace;

const ENCRYPTION: &str = r#"
terraform {
  encryption {
    key_provider "pbkdf2" "passphrase" {
      passphrase = var.passphrase
    }
    method "aes_gcm" "sealed" {
      keys = key_provider.pbkdf2.passphrase
    }
    state {
      method   = method.aes_gcm.sealed
      enforced = true
    }
    plan {
      method   = method.aes_gcm.sealed
      enforced = true
    }
  }
}

variable "passphrase" {
  type      = string
  sensitive = true
}
"#;

#[test]
fn a_secret_in_an_encrypted_state_is_in_no_file_and_lives_on() {
    let feature = Feature::of_opentofu("encryption of state and plan", [1, 7]);
    let config = Config::new().with("store_secret_in_state = true");
    let ws = Workspace::with(&config.beside(ENCRYPTION).text());
    ws.env("TF_VAR_passphrase", "made-up-passphrase-for-the-tests");
    let here = || {
        for wait in ["0s", "80s", "20s", "30s"] {
            ws.advance(wait).plan().ok().code(2);
            ws.apply_plan().ok();
            let secrets = ["primary", "secondary"].map(|slot| ws.secret("k.json", slot));
            for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
                for file in [
                    "terraform.tfstate",
                    "terraform.tfstate.backup",
                    "saved.tfplan",
                ] {
                    let bytes = fs::read(ws.path(file)).unwrap_or_default();
                    assert!(!holds(&bytes, secret), "{file} tells a secret");
                }
            }
        }
        // The state is the only copy, and it can be read.
        let primary = ws.secret("k.json", "primary");
        fs::remove_file(ws.path("k.json")).unwrap();
        ws.apply().ok();
        assert_eq!(ws.secret("k.json", "primary"), primary);
        ws.plan().ok().code(0);
    };
    feature.works(here, || ws.plan(), &UNSUPPORTED);
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes
        .windows(secret.len())
        .any(|part| part == secret.as_bytes())
}
