//! What the block leaves to the environment and to the shared files: regions, endpoints, variants. Credentials are for
//! `sources`.
//!
//! The files are read by the vendor's own reader; which of their settings goes before which is decided here, as the
//! vendor's command line does it.

use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::property::PropertiesKey;
use aws_runtime::env_config::section::EnvConfigSections;
use aws_runtime::env_config::source;
use aws_types::os_shim_internal::Fs;

use super::endpoint::{Service, Variant};
use super::environment::{
    attempts, expanded, filled, filled_environment, retry_mode, truth, variable,
};
use super::library;
use super::settings::Config;
use crate::error::{Error, Kind, Result};

/// The shared files, and which profile of them is used.
#[derive(Debug)]
pub struct Shared {
    sections: Result<EnvConfigSections>,
    /// The name of the profile, and what names it.
    named: Option<(String, &'static str)>,
}

impl Shared {
    /// Reads the files. Nothing is sent.
    pub async fn load(config: &Config) -> Self {
        let by_variable = |name| variable(name).map(|profile| (profile, name));
        let by_block = config.profile.clone();
        Self {
            sections: sections(config).await,
            named: by_block
                .map(|profile| (profile, config.profile_by))
                .or_else(|| by_variable("AWS_PROFILE"))
                .or_else(|| by_variable("AWS_DEFAULT_PROFILE")),
        }
    }

    /// The profile that the block or the environment names, and which of them does.
    pub fn named(&self) -> Option<(&str, &'static str)> {
        let (profile, by) = self.named.as_ref()?;
        Some((profile, *by))
    }

    /// The name of the profile in use.
    pub fn profile(&self) -> &str {
        self.named
            .as_ref()
            .map_or("default", |(profile, _)| profile)
    }

    /// The sections, for whoever cannot do without.
    pub fn sections(&self) -> Result<&EnvConfigSections> {
        self.sections.as_ref().map_err(Error::clone)
    }

    /// A setting of the profile in use.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.setting_of(self.profile(), name)
    }

    /// A setting of a profile.
    pub fn setting_of(&self, profile: &str, name: &str) -> Option<&str> {
        let sections = self.sections.as_ref().ok()?;
        sections.get_profile(profile)?.get(name).and_then(filled)
    }

    /// The region of the environment or the profile.
    pub fn region(&self) -> Option<String> {
        variable("AWS_REGION")
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .or_else(|| self.setting("region").map(str::to_owned))
    }

    /// The endpoint that the environment or the profile sets for a service.
    pub fn endpoint(&self, service: Service) -> Result<Option<String>> {
        let ignored = self.truth(
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "ignore_configured_endpoint_urls",
        );
        if ignored? == Some(true) {
            return Ok(None);
        }
        let words = service.id().replace(' ', "_");
        let variable_of_service = format!("AWS_ENDPOINT_URL_{}", words.to_uppercase());
        Ok(variable(&variable_of_service)
            .or_else(|| variable("AWS_ENDPOINT_URL"))
            .or_else(|| self.endpoint_in_services(&words.to_lowercase()))
            .or_else(|| self.setting("endpoint_url").map(str::to_owned)))
    }

    /// ```text
    /// [services local]
    /// secrets_manager =
    ///   endpoint_url = https://…
    /// ```
    fn endpoint_in_services(&self, service: &str) -> Option<String> {
        let section = self.setting("services")?;
        let key = PropertiesKey::builder()
            .section_key("services")
            .section_name(section)
            .property_name(service)
            .sub_property_name("endpoint_url")
            .build()
            .ok()?;
        let sections = self.sections.as_ref().ok()?;
        let url = sections.other_sections().get(&key)?;
        filled(url).map(str::to_owned)
    }

    /// By which of its names a service is called.
    pub fn variant(&self, config: &Config) -> Result<Variant> {
        let set = |block: Option<bool>, variable, setting| match block {
            Some(set) => Ok(set),
            None => Ok::<_, Error>(self.truth(variable, setting)?.unwrap_or_default()),
        };
        Ok(Variant {
            fips: set(config.fips, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")?,
            dual_stack: set(
                config.dual_stack,
                "AWS_USE_DUALSTACK_ENDPOINT",
                "use_dualstack_endpoint",
            )?,
        })
    }

    /// How often a call is tried in all, and whether the way of retrying has a name that AWS knows. All of them come to the
    /// same here: growing delays with some chance in them, and as long as AWS asks for.
    pub fn attempts(&self) -> Result<Option<usize>> {
        let of = |name: &str, setting: &str| {
            let of_profile = || {
                let text = self.setting(setting)?.to_owned();
                Some((
                    text,
                    format!("{setting} of the profile {:?}", self.profile()),
                ))
            };
            variable(name)
                .map(|text| (text, name.to_owned()))
                .or_else(of_profile)
        };
        if let Some((text, place)) = of("AWS_RETRY_MODE", "retry_mode") {
            retry_mode(&text, &place)?;
        }
        let Some((text, place)) = of("AWS_MAX_ATTEMPTS", "max_attempts") else {
            return Ok(None);
        };
        attempts(&text, &place)
    }

    fn truth(&self, name: &str, setting: &str) -> Result<Option<bool>> {
        let of_profile = || {
            let text = self.setting(setting)?;
            Some(truth(
                text,
                &format!("{setting} of the profile {:?}", self.profile()),
            ))
        };
        variable(name)
            .map(|text| truth(&text, name))
            .or_else(of_profile)
            .transpose()
    }
}

async fn sections(config: &Config) -> Result<EnvConfigSections> {
    let mut files = EnvConfigFiles::builder()
        .include_default_config_file(config.config_files.is_empty())
        .include_default_credentials_file(config.credentials_files.is_empty());
    for path in &config.config_files {
        files = files.with_file(EnvConfigFileKind::Config, expanded(path));
    }
    for path in &config.credentials_files {
        files = files.with_file(EnvConfigFileKind::Credentials, expanded(path));
    }
    let files = files.build();
    let read = library::awaited(async {
        let source = source::load(&filled_environment(), &Fs::real(), &files).await;
        let source = source.map_err(|problem| problem.to_string())?;
        EnvConfigSections::parse(source).map_err(|problem| problem.to_string())
    });
    understood(read.await, config)
}

fn understood(
    read: Option<Result<EnvConfigSections, String>>,
    config: &Config,
) -> Result<EnvConfigSections> {
    let panicked = || {
        let named = config.config_files.iter().chain(&config.credentials_files);
        let mut files: Vec<&str> = named.map(String::as_str).collect();
        if config.config_files.is_empty() {
            files.push("AWS_CONFIG_FILE (~/.aws/config)");
        }
        if config.credentials_files.is_empty() {
            files.push("AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials)");
        }
        let files = files.join(", ");
        Err(format!(
            "AWS's reader of such files gave up on what is in one of these: {files}"
        ))
    };
    read.unwrap_or_else(panicked)
        .map_err(|problem| unreadable(&problem))
}

fn unreadable(problem: &str) -> Error {
    let problem = problem.split_whitespace().collect::<Vec<_>>().join(" ");
    let problem = problem.trim_end_matches('.');
    Error::new(
        Kind::Invalid,
        "The shared AWS files could not be read",
        format!(
            "{problem}. Correct the file, or name others in shared_config_files and shared_credentials_files of the \
             provider block."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_gives_up_is_told_of_with_the_files_that_it_was_given() {
        let mut config = Config::default();
        config.config_files = vec!["/etc/ci.ini".into()];
        let error = understood(None, &config).unwrap_err();
        assert_eq!(error.summary, "The shared AWS files could not be read");
        for file in ["/etc/ci.ini", "AWS_SHARED_CREDENTIALS_FILE"] {
            assert!(error.detail.contains(file), "{error}");
        }
        assert!(!error.detail.contains("AWS_CONFIG_FILE"), "{error}");
    }
}
