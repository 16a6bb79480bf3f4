//! How AWS is reached: proxies, and whose certificates are trusted.

use super::filled;
use crate::error::Result;
use crate::http::proxy_url;
use crate::settings::Settings;

/// What the block says about the network.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// The proxy for plain http; for https too where that has none of its own.
    pub http_proxy: Option<String>,
    /// The proxy for https.
    pub https_proxy: Option<String>,
    /// What is reached without a proxy.
    pub no_proxy: Option<String>,
    /// A file of certificates that are trusted in place of those of the machine.
    pub ca_bundle: Option<String>,
}

impl Network {
    /// Reads the block.
    pub fn read(block: &Settings<'_>) -> Result<Self> {
        let proxy = |name| match filled(block, name) {
            Some(text) if proxy_url(&text).is_none() => Err(block.wrong(
                name,
                format!("{name} is not valid"),
                "A proxy is an http or https URL, such as \"http://proxy.example.com:3128\".",
            )),
            text => Ok(text),
        };
        Ok(Self {
            http_proxy: proxy("http_proxy")?,
            https_proxy: proxy("https_proxy")?,
            no_proxy: filled(block, "no_proxy"),
            ca_bundle: filled(block, "custom_ca_bundle"),
        })
    }
}
