//! The workspace that Terraform works in, as far as a provider can know it.

use std::path::PathBuf;

/// `TF_WORKSPACE`, or what the data directory says was selected, or `default`.
pub fn current() -> String {
    let named = std::env::var("TF_WORKSPACE").ok();
    let selected = || std::fs::read_to_string(data_directory().join("environment")).ok();
    named
        .or_else(selected)
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "default".to_owned())
}

/// Where Terraform keeps what belongs to a working directory.
pub fn data_directory() -> PathBuf {
    std::env::var_os("TF_DATA_DIR")
        .filter(|path| !path.is_empty())
        .map_or_else(|| PathBuf::from(".terraform"), PathBuf::from)
}
