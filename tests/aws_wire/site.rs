//! One directory, and the commands in it.

use std::fs;
use std::sync::OnceLock;

use super::recorder::Recorder;
use super::table::Case;
use crate::support::moto::Moto;
use crate::support::workspace::Workspace;

/// One key of a user who does not exist, delivered to a secret: the first of both that is asked for ends the run.
const KEY: &str = r#"
resource "apikey_managed" "k" {
  name       = "payments"
  policy     = { name = "standard", tier = "standard" }
  issuer     = { aws_iam = { user_name = "nobody" } }
  deliveries = { app = { aws_secrets_manager = { secret_id = "payments" } } }
}
"#;

pub struct Site {
    pub ws: Workspace,
    pub recorder: Recorder,
}

impl Site {
    /// The directory of a case, with a proxy of its own and this block.
    pub fn new(case: &Case, block: &str) -> Self {
        let recorder = Recorder::start(&moto().url());
        let ws = Workspace::new();
        fs::write(ws.path("authority.pem"), recorder.authority()).unwrap();
        let site = Self { ws, recorder };
        for (path, text) in &case.files {
            site.file(path, text);
        }
        // What the machine has of its own must not matter.
        site.ws.env("AWS_EC2_METADATA_DISABLED", "true");
        site.ws.env("HTTPS_PROXY", &site.recorder.url());
        site.ws.env("NO_PROXY", "");
        site.ws
            .env("AWS_CA_BUNDLE", &site.filled("{home}/authority.pem"));
        site.ws.env("AWS_MAX_ATTEMPTS", "1");
        for (name, value) in &case.variables {
            site.ws.env(name, &site.filled(value));
        }
        let block = site.filled(block).replace("; ", "\n    ");
        site.ws.write(&format!(
            "provider \"apikey\" {{\n  ledger = {{ disabled = true }}\n  aws = {{\n    {block}\n  }}\n}}\n{KEY}"
        ));
        site
    }

    pub fn file(&self, path: &str, text: &str) {
        let path = self.ws.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, self.filled(text)).unwrap();
    }

    /// With the places of this site put in.
    pub fn filled(&self, text: &str) -> String {
        text.replace("{home}", &self.ws.home().display().to_string())
            .replace("{recorder}", &self.recorder.url())
    }
}

/// One server for all: it answers to anybody.
pub fn moto() -> &'static Moto {
    static MOTO: OnceLock<Moto> = OnceLock::new();
    MOTO.get_or_init(Moto::start)
}
