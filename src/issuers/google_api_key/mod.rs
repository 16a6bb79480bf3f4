//! Google API keys (`AIza…`), of Google Cloud, Maps and Firebase.
//!
//! The caller chooses the id of a key, and its text can be read again. So a key whose answer was lost is found by its id,
//! and nothing is lost with the answer. Creating and deleting are operations that go on for a while.

mod api;
mod keys;
mod restrictions;

use std::collections::BTreeMap;

use async_trait::async_trait;
use tf_provider::schema::AttributeType;
use tf_provider::value::ValueAny;

use super::takeover::{from_the_list, malformed, texts};
use super::{Imported, Issuer, IssuerKind, Permission};
use crate::context::Context;
use crate::error::Result;
use crate::scan::format::{Format, is_base64url, prefixed};
use crate::schema::{Attributes, attributes, optional, required};
use crate::settings::Settings;
use crate::vendors::google::{self, is_project};

use api::Api;
use keys::Keys;

/// The issuer `google_api_key`.
pub struct GoogleApiKey;

const KIND: &str = "google_api_key";

/// The longest name that people read.
const LONGEST_NAME: usize = 63;

const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "apikeys.keys.list",
        needed: "to see which keys the project has",
    },
    Permission {
        name: "apikeys.keys.create",
        needed: "to mint",
    },
    Permission {
        name: "apikeys.keys.getKeyString",
        needed: "to read the text of a new key",
    },
    Permission {
        name: "apikeys.keys.get",
        needed: "to find a key whose answer was lost",
    },
    Permission {
        name: "serviceusage.operations.get",
        needed: "to follow what was begun",
    },
    Permission {
        name: "apikeys.keys.delete",
        needed: "to revoke",
    },
];

const FORMATS: &[Format] = &[Format {
    name: "Google API key",
    is_id: false,
    find: |text| prefixed(text, "AIza", is_base64url, 35..=35),
}];

#[async_trait]
impl IssuerKind for GoogleApiKey {
    fn name(&self) -> &'static str {
        KIND
    }

    fn description(&self) -> &'static str {
        "API keys of a Google Cloud project, for Google Maps, Firebase and other services. Restrict them: whoever has such a key can use \
         it. A revoked key can be brought back for 30 days (`gcloud services api-keys undelete`). Google has no check that fits \
         every key, so set `verification` where one matters. Needs `roles/serviceusage.apiKeysAdmin`."
    }

    fn attributes(&self) -> Attributes {
        let own = attributes([
            (
                "project",
                required(
                    AttributeType::String,
                    "Id of the project that the keys belong to.",
                ),
            ),
            (
                "display_name",
                optional(
                    AttributeType::String,
                    "Name of the keys, for people, 63 characters at most. Default: the id of the key, `apikey-` and 24 \
                     hexadecimal digits.",
                ),
            ),
        ]);
        own.into_iter().chain(restrictions::attributes()).collect()
    }

    fn identity(&self) -> &'static [&'static str] {
        &["project"]
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let project = ValueAny::String("payments-prod".into());
        BTreeMap::from([("project".to_owned(), project)])
    }

    fn formats(&self) -> &'static [Format] {
        FORMATS
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn import_id(&self) -> Option<&'static str> {
        Some("projects/<id of the project>/locations/global/keys/<id of the key>")
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Issuer>> {
        let project = settings.required_string("project")?;
        if !is_project(project) {
            return Err(settings.wrong(
                "project",
                "project is not valid",
                format!(
                    "{project:?} is not the id of a project, such as \"payments-prod\". Write the id, not the number and not the \
                     name."
                ),
            ));
        }
        let name = settings.string("display_name").filter(|it| !it.is_empty());
        if name.is_some_and(|name| name.chars().count() > LONGEST_NAME) {
            return Err(settings.wrong(
                "display_name",
                "display_name is too long",
                format!("{LONGEST_NAME} characters are the most that is taken. Make it shorter."),
            ));
        }
        Ok(Box::new(Keys {
            display_name: name.map(str::to_owned),
            restrictions: restrictions::read(settings)?,
            api: Api {
                client: google::client(context)?,
                project: project.to_owned(),
            },
        }))
    }

    async fn import(&self, id: &str, context: &Context) -> Result<Imported> {
        let parts = id.strip_prefix("projects/");
        let parts = parts.and_then(|rest| rest.split_once("/locations/global/keys/"));
        let (project, key_id) = parts.ok_or_else(|| malformed(self, id))?;
        from_the_list(self, texts([("project", project)]), key_id, context).await
    }
}
