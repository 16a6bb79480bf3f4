//! Turns `proto/` into Rust. Needs `protoc`.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

const PROTOS: &[&str] = &[
    "proto/tfplugin6.proto",
    "proto/plugin.proto",
    "proto/health.proto",
];

fn main() -> ExitCode {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-env-changed=PROTOC");
    match compiler_runs().and_then(|()| generate()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn compiler_runs() -> Result<(), String> {
    let compiler = std::env::var("PROTOC").unwrap_or_else(|_| "protoc".into());
    match Command::new(&compiler).arg("--version").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(format!(
            "building this provider needs the Protocol Buffers compiler, and `{compiler}` does not run.\n\
             Debian, Ubuntu: apt-get install protobuf-compiler libprotobuf-dev\n\
             macOS:          brew install protobuf\n\
             elsewhere:      put protoc on the PATH, or point PROTOC at it"
        )),
    }
}

/// The provider needs the servers only. The tests drive them through clients, kept apart.
fn generate() -> Result<(), String> {
    tonic_build::configure()
        .build_client(false)
        .compile_protos(PROTOS, &["proto"])
        .map_err(|error| error.to_string())?;

    let clients =
        PathBuf::from(std::env::var("OUT_DIR").map_err(|error| error.to_string())?).join("clients");
    std::fs::create_dir_all(&clients).map_err(|error| error.to_string())?;
    tonic_build::configure()
        .build_server(false)
        .out_dir(clients)
        .compile_protos(PROTOS, &["proto"])
        .map_err(|error| error.to_string())
}
