//! Prism between a client and a fake: requests and answers are held against the specification of the vendor.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::support::programs::{self, free_port};

/// Where the specifications lie. They are not in the repository, since not every vendor allows that.
const SPECS: &str = "APIKEY_SPECS";

/// Started in the shell so that it ends with the test process, however that ends.
const SCRIPT: &str = "\"$0\" proxy --errors \"$1\" \"$2\" -h 127.0.0.1 -p \"$3\" & server=$!; cat >/dev/null; \
     kill $server; wait $server";

/// A running proxy; stopped when dropped.
pub struct Prism {
    shell: Child,
    port: u16,
}

impl Prism {
    /// In front of a server. `None`, with a word why, where the specification or Prism is missing.
    pub fn before(upstream: &str, specification: &str) -> Option<Self> {
        let skip = |what: &str| {
            programs::skip(&format!(
                "{specification} is not held against the fake, since {what}"
            ));
            None
        };
        let Some(folder) = std::env::var_os(SPECS) else {
            return skip(&format!("{SPECS} names no folder of specifications"));
        };
        let specification = PathBuf::from(folder).join(specification);
        if !specification.is_file() {
            return skip(&format!("{} is not there", specification.display()));
        }
        let Some(program) = programs::find("prism") else {
            return skip("Prism is not installed");
        };
        let port = free_port();
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .arg(program)
            .arg(specification)
            .args([upstream, &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(shell.stdout.take().unwrap()).lines();
        let listens = said.any(|line| line.is_ok_and(|line| line.contains("is listening")));
        assert!(listens, "Prism does not start");
        // What it says from now on is not kept back, for a full pipe would stop it.
        std::thread::spawn(move || said.for_each(drop));
        Some(Self { shell, port })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
