//! A release as teams get it without a public registry: what the scripts write is what the real command lines install from.
//!
//! The binary is the one under test, so that no release build is needed; everything around it is what `make release` does.

mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::authority::Authority;
use crate::support::programs::{self, Program, free_port};
use crate::support::{cli, outcome::Outcome};
use server::Source;

const LOCK: &str = ".terraform.lock.hcl";

/// Runs a script of the repository with these variables.
#[track_caller]
fn script(line: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(line[0]);
    command
        .args(&line[1..])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .envs(variables.iter().copied());
    let done = command
        .output()
        .unwrap_or_else(|error| panic!("{line:?}: {error}"));
    let told = String::from_utf8_lossy(&done.stdout).into_owned();
    let complained = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{line:?}: {told}{complained}");
    told
}

/// The binary without what only a debugger reads: half as much to pack.
fn binary() -> &'static Path {
    static STRIPPED: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = STRIPPED.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("stripped");
        let from = env!("CARGO_BIN_EXE_terraform-provider-apikey");
        script(&["strip", "-o", path.to_str().unwrap(), from], &[]);
        (folder, path)
    });
    path
}

/// A `dist/` that was packed into a folder of its own.
fn packed(variables: &[(&str, &str)]) -> TempDir {
    let dist = TempDir::new().unwrap();
    let place = [("DIST", dist.path().to_str().unwrap())];
    script(
        &["scripts/release.sh", "pack", binary().to_str().unwrap()],
        &[&place, variables].concat(),
    );
    dist
}

/// The one that the tests share.
fn dist() -> &'static Path {
    static DIST: OnceLock<TempDir> = OnceLock::new();
    DIST.get_or_init(|| packed(&[])).path()
}

/// A directory on a machine that has nothing but a CLI configuration file.
struct Machine(TempDir);

impl Machine {
    fn with(installation: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let rc = format!("provider_installation {{\n{installation}\n}}\n");
        fs::write(folder.path().join("cli.tfrc"), rc).unwrap();
        let configuration = r#"terraform {
  required_providers {
    apikey = { source = "apikey-dev/apikey" }
  }
}
resource "apikey_rotation_policy" "monthly" {
  name              = "monthly"
  rotation_interval = "30d"
}
"#;
        fs::write(folder.path().join("main.tf"), configuration).unwrap();
        Self(folder)
    }

    fn run(&self, arguments: &[&str], trusted: Option<&Authority>) -> Outcome {
        self.run_by(cli::path(), arguments, trusted)
    }

    fn run_by(&self, cli: &Path, arguments: &[&str], trusted: Option<&Authority>) -> Outcome {
        let folder = self.0.path();
        let mut command = cli::command_of(cli, folder, &folder.join("cli.tfrc"));
        command.args(arguments).arg("-no-color");
        if let Some(authority) = trusted {
            let bundle = folder.join("authority.pem");
            fs::write(&bundle, authority.pem()).unwrap();
            command.env("SSL_CERT_FILE", bundle);
        }
        Outcome::new(arguments.join(" "), cli::run(command))
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.0.path().join(LOCK)).unwrap()
    }

    /// The provider that was installed is the one that answers.
    fn validates(&self) {
        self.run(&["validate"], None).ok();
    }
}

fn from_the_folder() -> Machine {
    let path = dist().join("mirror");
    Machine::with(&format!("filesystem_mirror {{\n path = {path:?}\n}}"))
}

#[test]
fn a_lock_file_of_the_filesystem_mirror_is_accepted_by_a_machine_that_uses_the_network_mirror() {
    let first = from_the_folder();
    first.run(&["init"], None).ok();
    first.validates();
    let lock = first.lock();
    assert!(lock.contains("h1:"), "{lock}");

    let authority = Authority::new();
    let port = server::start(Source::Folder(dist().join("mirror")), &authority);
    let mirror = format!("network_mirror {{\n url = \"https://localhost:{port}/\"\n}}");
    let second = Machine::with(&mirror);
    fs::write(second.0.path().join(LOCK), &lock).unwrap();
    second
        .run(&["init", "-lockfile=readonly"], Some(&authority))
        .ok();
    second.validates();
    assert_eq!(second.lock(), lock);

    let distrustful = Machine::with(&mirror);
    distrustful.run(&["init"], None).failed();
}

#[test]
fn a_lock_file_of_the_network_mirror_holds_the_hash_that_it_tells_and_a_machine_with_the_folder_accepts_it()
 {
    let authority = Authority::new();
    let port = server::start(Source::Folder(dist().join("mirror")), &authority);
    let mirror = format!("network_mirror {{\n url = \"https://localhost:{port}/\"\n}}");
    let machine = Machine::with(&mirror);
    machine.run(&["init"], Some(&authority)).ok();
    let told = hashes(&version_of(dist(), cli::version().registry()));
    assert!(
        told.iter()
            .any(|hash| hash.starts_with("h1:") && machine.lock().contains(hash))
    );
    let second = from_the_folder();
    fs::write(second.0.path().join(LOCK), machine.lock()).unwrap();
    second.run(&["init", "-lockfile=readonly"], None).ok();
    second.validates();
    assert_eq!(second.lock(), machine.lock());
}

#[test]
fn an_archive_that_was_changed_on_the_server_is_refused() {
    let copy = TempDir::new().unwrap();
    script(
        &[
            "cp",
            "-r",
            dist().join("mirror").to_str().unwrap(),
            copy.path().to_str().unwrap(),
        ],
        &[],
    );
    let folder = copy
        .path()
        .join("mirror")
        .join(cli::version().registry())
        .join("apikey-dev/apikey");
    let zips = fs::read_dir(&folder).unwrap().flatten().map(|it| it.path());
    let zip = zips
        .into_iter()
        .find(|it| it.extension().is_some_and(|it| it == "zip"))
        .unwrap();
    // Another README in it, and still a zip.
    fs::write(copy.path().join("README.md"), "changed").unwrap();
    script(
        &[
            "zip",
            "-q",
            "-j",
            zip.to_str().unwrap(),
            copy.path().join("README.md").to_str().unwrap(),
        ],
        &[],
    );
    let authority = Authority::new();
    let port = server::start(Source::Folder(copy.path().join("mirror")), &authority);
    let mirror = format!("network_mirror {{\n url = \"https://localhost:{port}/\"\n}}");
    Machine::with(&mirror)
        .run(&["init"], Some(&authority))
        .failed();
}

#[test]
fn the_same_binary_gives_the_same_bytes_twice() {
    let again = packed(&[]);
    let differences = Command::new("diff")
        .args(["-r", "-q"])
        .args([dist(), again.path()])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&differences.stdout);
    assert!(differences.status.success(), "{told}");
}

/// Of a small package with what could tell where it was built; CI compares two whole releases where it is asked for everything.
#[test]
fn the_same_sources_give_the_same_binary_in_another_directory() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    write(
        "Cargo.toml",
        "[package]\nname = \"terraform-provider-apikey\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    write(
        "build.rs",
        r#"fn main() {
            let made = std::path::Path::new(&std::env::var("OUT_DIR").unwrap()).join("made.rs");
            std::fs::write(made, "pub fn made() -> &'static str { file!() }").unwrap();
        }"#,
    );
    write(
        "src/main.rs",
        r#"mod made { include!(concat!(env!("OUT_DIR"), "/made.rs")); }
        fn main() { println!("{} {}", file!(), made::made()) }"#,
    );
    let shell = |line: &str| {
        let line = format!("cd '{}' && {line}", folder.path().display());
        script(&["sh", "-c", &line], &[])
    };
    let scripts = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts");
    shell(&format!(
        "cp -r '{scripts}' . && cargo generate-lockfile --offline --quiet"
    ));
    shell("git init --quiet && git add .");
    let told = shell("scripts/reproducible.sh");
    assert!(told.contains("the same binary twice"), "{told}");
}

#[test]
fn another_version_in_the_mirror_stays_listed() {
    let dist = packed(&[]);
    let registry = dist
        .path()
        .join("mirror/registry.terraform.io/apikey-dev/apikey");
    fs::write(registry.join("0.0.9.json"), r#"{"archives": {}}"#).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    script(
        &["scripts/mirrors.py", version, dist.path().to_str().unwrap()],
        &[],
    );
    let index: Value =
        serde_json::from_slice(&fs::read(registry.join("index.json")).unwrap()).unwrap();
    assert_eq!(
        index,
        serde_json::json!({ "versions": { "0.0.9": {}, version: {} } })
    );
}

#[test]
fn the_checksums_cover_everything_and_are_signed_where_a_key_is_given() {
    if programs::find("gpg").is_none() {
        return;
    }
    let home = TempDir::new().unwrap();
    script(&["chmod", "700", home.path().to_str().unwrap()], &[]);
    let keys = [("GNUPGHOME", home.path().to_str().unwrap())];
    let who = "releases@example.com";
    let make = [
        "gpg",
        "--batch",
        "--quiet",
        "--passphrase",
        "",
        "--quick-generate-key",
        who,
        "ed25519",
    ];
    script(&make, &keys);
    let dist = packed(&[keys[0], ("GPG_FINGERPRINT", who)]);
    let sums = format!(
        "terraform-provider-apikey_{}_SHA256SUMS",
        env!("CARGO_PKG_VERSION")
    );
    let sums = dist.path().join(sums);
    let signature = format!("{}.sig", sums.display());
    script(
        &[
            "gpg",
            "--batch",
            "--verify",
            &signature,
            sums.to_str().unwrap(),
        ],
        &keys,
    );
    let check = format!(
        "cd {} && sha256sum --check --strict {}",
        dist.path().display(),
        sums.display()
    );
    script(&["sh", "-c", &check], &[]);
    let listed = fs::read_to_string(&sums).unwrap();
    assert!(
        listed.contains("_manifest.json") && listed.contains(".zip"),
        "{listed}"
    );
    if programs::find("cargo-cyclonedx").is_some() {
        assert!(listed.contains("_sbom.cdx.json"), "{listed}");
    }
    script(&["gpgconf", "--kill", "all"], &keys);
}

#[test]
fn the_bill_of_materials_names_what_is_linked_and_no_directory_of_the_machine() {
    if programs::find("cargo-cyclonedx").is_none() {
        return;
    }
    let name = format!(
        "terraform-provider-apikey_{}_sbom.cdx.json",
        env!("CARGO_PKG_VERSION")
    );
    let text = fs::read_to_string(dist().join(name)).unwrap();
    assert!(!text.contains(env!("CARGO_MANIFEST_DIR")));
    let bill: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bill["bomFormat"], "CycloneDX");
    let components = bill["components"].as_array().unwrap();
    for linked in ["rustls", "sqlx", "tokio", "libsqlite3-sys"] {
        assert!(components.iter().any(|it| it["name"] == linked), "{linked}");
    }
}

#[test]
fn opentofu_installs_from_a_registry_of_containers() {
    let (Some(tofu), Some(crane), Some(oras)) =
        (tofu(), programs::find("crane"), programs::find("oras"))
    else {
        return;
    };
    let (folder, port) = (TempDir::new().unwrap(), free_port());
    let address = format!("127.0.0.1:{port}");
    let serve = ["registry", "serve", "--address", &address];
    let registry = Program::start(&crane, &serve, folder.path(), port);
    let authority = Authority::new();
    let front = server::start(Source::Behind(registry.port), &authority);
    let version = env!("CARGO_PKG_VERSION");
    let layout = format!("{}:{version}", dist().join("oci").display());
    let tag = format!("{address}/providers/apikey:{version}");
    let copy = ["cp", "--from-oci-layout", &layout, "--to-plain-http", &tag];
    script(&[&[oras.to_str().unwrap()], &copy[..]].concat(), &[]);
    let mirror = format!(
        "oci_mirror {{\n repository_template = \"localhost:{front}/providers/${{type}}\"\n \
         include = [\"registry.opentofu.org/apikey-dev/*\"]\n}}"
    );
    let machine = Machine::with(&mirror);
    machine.run_by(&tofu, &["init"], Some(&authority)).ok();
    machine.run_by(&tofu, &["validate"], None).ok();
    let lock = machine.lock();
    let listed = version_of(dist(), "registry.opentofu.org");
    let known = hashes(&listed).into_iter().any(|hash| lock.contains(&hash));
    assert!(known, "{lock}");

    let second = Machine::with(&mirror);
    fs::write(second.0.path().join(LOCK), &lock).unwrap();
    let readonly = ["init", "-lockfile=readonly"];
    second.run_by(&tofu, &readonly, Some(&authority)).ok();
    second.run_by(&tofu, &["validate"], None).ok();
    assert_eq!(second.lock(), lock);
}

/// Only OpenTofu has `oci_mirror`: the one in use, or one that was built before for the matrix of versions.
fn tofu() -> Option<PathBuf> {
    if cli::version().is_opentofu() {
        return Some(cli::path().to_owned());
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let built = fs::read_dir(cache?.join("terraform-provider-apikey")).ok()?;
    let found = built
        .flatten()
        .map(|it| it.path().join("tofu"))
        .filter(|it| it.is_file())
        .max();
    if found.is_none() {
        programs::skip("no OpenTofu was built here before (scripts/get-cli.sh tofu 1.12.6)");
    }
    found
}

fn version_of(dist: &Path, registry: &str) -> Value {
    let registry = dist.join("mirror").join(registry);
    let place = format!("apikey-dev/apikey/{}.json", env!("CARGO_PKG_VERSION"));
    serde_json::from_slice(&fs::read(registry.join(place)).unwrap()).unwrap()
}

fn hashes(version: &Value) -> Vec<String> {
    let archives = version["archives"].as_object().unwrap().values();
    let hashes = archives.flat_map(|it| it["hashes"].as_array().unwrap());
    hashes.map(|it| it.as_str().unwrap().to_owned()).collect()
}
