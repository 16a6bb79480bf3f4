//! The settings of one delivery to secrets of GitHub Actions.

use tf_provider::schema::AttributeType;

use super::KIND;
use super::steps::Content;
use crate::error::Result;
use crate::schema::{Attributes, attributes as table, list_of, optional};
use crate::settings::{DROPPED, Settings};
use crate::stores::document::Layout;
use crate::stores::variables::{Names, SUFFIXES};
use crate::vendors::github::names;

/// Whose secrets they are.
#[derive(Debug, PartialEq, Eq)]
pub enum Scope {
    Repository {
        owner: String,
        name: String,
    },
    Environment {
        owner: String,
        name: String,
        environment: String,
    },
    Organization {
        name: String,
        visibility: &'static str,
        repositories: Vec<i64>,
    },
}

/// What a delivery says.
pub struct Place {
    pub scope: Scope,
    pub content: Content,
}

pub fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    table([
        (
            "repository",
            text(
                "Repository, as `owner/name`, or its name alone where the provider or `GITHUB_OWNER` names the owner. Either this \
                 or `organization`.",
            ),
        ),
        (
            "environment",
            text(
                "Environment of the repository whose secrets they are. It must exist. Default: secrets of the repository.",
            ),
        ),
        ("organization", text("Organization whose secrets they are.")),
        (
            "visibility",
            text(
                "Which repositories see the secrets of an organization: `all`, `private` or `selected`. Required there.",
            ),
        ),
        (
            "selected_repository_ids",
            optional(
                list_of(AttributeType::Number),
                "Ids of the repositories for `visibility = \"selected\"`.",
            ),
        ),
        (
            "layout",
            text(
                "`variables` (default): a secret for each value, `<prefix>_PRIMARY`, `<prefix>_SECONDARY`, `<prefix>_PRIMARY_ID` \
                 and `<prefix>_SECONDARY_ID`; one that is not there is empty in a workflow. `slots` or `flat`: one secret with \
                 JSON, in which an id and its secret never part.",
            ),
        ),
        (
            "prefix",
            text(
                "What the names of the secrets begin with; for `slots` and `flat` the name of the one secret. Beside them stands \
                 `<prefix>_GENERATION`, by which they are known to be ours. Default: `API_KEY`.",
            ),
        ),
    ])
}

impl Place {
    /// Reads the settings; `owner` is that of the provider.
    pub fn read(settings: &Settings, owner: Option<&str>) -> Result<Self> {
        Ok(Self {
            scope: scope(settings, owner)?,
            content: content(settings)?,
        })
    }

    /// Whose secrets, for people. GitHub does not tell small letters from capitals in these names.
    pub fn holder(&self) -> String {
        match &self.scope {
            Scope::Repository { owner, name } => format!("{KIND} {owner}/{name}"),
            Scope::Environment {
                owner,
                name,
                environment,
            } => format!("{KIND} {owner}/{name} environment {environment}"),
            Scope::Organization { name, .. } => format!("{KIND} organization {name}"),
        }
    }
}

fn scope(settings: &Settings, owner: Option<&str>) -> Result<Scope> {
    let set = |name: &str| settings.string(name).is_some_and(|text| !text.is_empty());
    match (set("repository"), set("organization")) {
        (true, true) => Err(settings.wrong(
            "organization",
            "repository and organization are both set",
            "A secret belongs to one of the two. Remove the other.",
        )),
        (false, false) => Err(settings.wrong(
            "repository",
            "repository is missing",
            format!(
                "Set {}, or organization for secrets of one. {DROPPED}",
                settings.path_of("repository")
            ),
        )),
        (true, false) => repository(settings, owner),
        (false, true) => organization(settings),
    }
}

fn repository(settings: &Settings, owner: Option<&str>) -> Result<Scope> {
    for name in ["visibility", "selected_repository_ids"] {
        if settings
            .value(name)
            .is_some_and(|value| !matches!(value, tf_provider::value::ValueAny::Null))
        {
            return Err(settings.wrong(
                name,
                format!("{name} is for organizations only"),
                format!("A secret of a repository is seen by that alone. Remove {name}."),
            ));
        }
    }
    let (owner, name) = names::repository(settings, owner)?;
    Ok(
        match settings
            .string("environment")
            .filter(|it| !it.trim().is_empty())
        {
            None => Scope::Repository { owner, name },
            Some(environment) => Scope::Environment {
                owner,
                name,
                environment: environment.to_lowercase(),
            },
        },
    )
}

fn organization(settings: &Settings) -> Result<Scope> {
    if settings.string("environment").is_some() {
        return Err(settings.wrong(
            "environment",
            "environment is for repositories only",
            "An organization has no environments. Name the repository in place of the organization.",
        ));
    }
    settings.required_string("visibility")?;
    let visibility = settings
        .one_of("visibility", &["all", "private", "selected"])?
        .unwrap_or("selected");
    let repositories = settings.integers("selected_repository_ids");
    if (visibility == "selected") == repositories.is_empty() {
        return Err(settings.wrong(
            "selected_repository_ids",
            "selected_repository_ids is not valid",
            "It names the repositories for visibility = \"selected\", and has no meaning for any other.",
        ));
    }
    Ok(Scope::Organization {
        name: names::named(
            settings,
            "organization",
            settings.required_string("organization")?,
        )?,
        visibility,
        repositories,
    })
}

fn content(settings: &Settings) -> Result<Content> {
    let names = Names::from_settings(settings)?;
    let prefix = names.prefix();
    let wrong = |detail: String| Err(settings.wrong("prefix", "prefix is not valid", detail));
    if prefix != prefix.to_uppercase() {
        return wrong(format!(
            "GitHub keeps the names of secrets in capitals. Write {:?}.",
            prefix.to_uppercase()
        ));
    }
    if prefix.starts_with("GITHUB_") {
        return wrong(
            "GitHub keeps names that begin with GITHUB_ for itself. Choose another.".to_owned(),
        );
    }
    let layout = match settings.one_of("layout", &["variables", "slots", "flat"])? {
        None | Some("variables") => return Ok(Content::Variables(names)),
        Some("flat") => Layout::Flat,
        Some(_) => Layout::Slots,
    };
    match SUFFIXES.iter().find(|suffix| prefix.ends_with(*suffix)) {
        Some(suffix) => wrong(format!(
            "{prefix:?} ends in {suffix}, so that it could be a variable of another delivery to the same place. Choose another \
             ending."
        )),
        None => Ok(Content::Json(layout, names)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tf_provider::value::ValueAny;

    use super::*;
    use crate::error::Path;

    fn read(entries: &[(&str, &str)], owner: Option<&str>) -> Result<Place> {
        let fields: BTreeMap<String, ValueAny> = entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), ValueAny::String((*value).into())))
            .collect();
        Place::read(&Settings::new(Path::root("here"), &fields), owner)
    }

    #[test]
    fn a_wrong_setting_is_blamed_on_its_attribute() {
        let repository = ("repository", "acme/x");
        for (entries, path) in [
            (&[][..], "here.repository"),
            (&[("repository", "x")], "here.repository"),
            (&[("repository", "acme/x/y")], "here.repository"),
            (&[("repository", "acme/")], "here.repository"),
            (&[repository, ("organization", "acme")], "here.organization"),
            (&[repository, ("visibility", "all")], "here.visibility"),
            (&[("organization", "acme")], "here.visibility"),
            (
                &[("organization", "acme"), ("visibility", "public")],
                "here.visibility",
            ),
            (
                &[("organization", "acme"), ("visibility", "selected")],
                "here.selected_repository_ids",
            ),
            (
                &[
                    ("organization", "acme"),
                    ("visibility", "all"),
                    ("environment", "prod"),
                ],
                "here.environment",
            ),
            (&[repository, ("prefix", "api_key")], "here.prefix"),
            (&[repository, ("prefix", "GITHUB_KEY")], "here.prefix"),
            (&[repository, ("layout", "json")], "here.layout"),
            (
                &[
                    repository,
                    ("layout", "slots"),
                    ("prefix", "API_KEY_PRIMARY"),
                ],
                "here.prefix",
            ),
        ] {
            let error = read(entries, None).err().unwrap();
            assert_eq!(error.path.to_string(), path, "{error}");
        }
    }

    #[test]
    fn every_spelling_of_a_name_leads_to_one_place() {
        let places = [
            read(&[("repository", "Acme/X")], None),
            read(&[("repository", "x")], Some("ACME")),
        ];
        for place in places {
            assert_eq!(place.ok().unwrap().holder(), "github_actions_secret acme/x");
        }
    }
}
