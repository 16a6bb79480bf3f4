//! Keys of any HTTP API, which the provider block `http` declares once and many resources use.
//!
//! `schema` is that block; `api` reads a declaration and refuses what cannot work, `request` does so for one of its
//! requests, `filling` fills it. `pick` reads what comes back, `paging` follows lists, `login` holds the credentials of the
//! provider, `caller` sends. `keys` is the issuer of one resource, `listing` reads its list, `undeclared` its stand-in while nothing is declared yet.

mod api;
mod caller;
mod filling;
mod keys;
mod list;
mod listing;
mod login;
mod paging;
mod pick;
mod request;
mod schema;
mod undeclared;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Url;
use tf_provider::schema::AttributeType;
use tf_provider::value::ValueAny;

use super::takeover::{from_the_list, malformed};
use super::{Imported, Issuer, IssuerKind, Permission};
use crate::context::Context;
use crate::error::{Error, Path, Result};
use crate::scan::format::{Format, is_base64url, is_hex, prefixed};
use crate::schema::{Attributes, attributes, optional, required, string_map};
use crate::settings::{DROPPED, Settings};

use api::Api;
use keys::Keys;
use undeclared::Undeclared;

pub use schema::{DESCRIPTION, attributes as declaration};

/// The block of the provider that declares APIs.
pub const NAME: &str = "http";

/// The issuer `http`.
pub struct Http;

const PERMISSIONS: &[Permission] = &[
    Permission {
        name: "create",
        needed: "to mint",
    },
    Permission {
        name: "list",
        needed: "to see which keys there are, where it is declared",
    },
    Permission {
        name: "revoke",
        needed: "to revoke",
    },
];

const FORMATS: &[Format] = &[
    Format {
        name: "GitLab token",
        is_id: false,
        find: |text| prefixed(text, "glpat-", is_base64url, 20..=128),
    },
    Format {
        name: "Grafana token",
        is_id: false,
        find: |text| prefixed(text, "glsa_", is_base64url, 41..=41),
    },
    Format {
        name: "DigitalOcean token",
        is_id: false,
        find: |text| prefixed(text, "dop_v1_", is_hex, 64..=64),
    },
    Format {
        name: "SendGrid key",
        is_id: false,
        find: |text| prefixed(text, "SG.", is_dotted, 66..=66),
    },
    Format {
        name: "Doppler token",
        is_id: false,
        find: |text| {
            let kinds = [
                "dp.st.",
                "dp.sa.",
                "dp.pt.",
                "dp.ct.",
                "dp.scim.",
                "dp.audit.",
            ];
            let each = kinds.into_iter();
            each.flat_map(|kind| prefixed(text, kind, is_dotted, 40..=128))
                .collect()
        },
    },
];

fn is_dotted(byte: u8) -> bool {
    is_base64url(byte) || byte == b'.'
}

#[async_trait]
impl IssuerKind for Http {
    fn name(&self) -> &'static str {
        NAME
    }

    fn description(&self) -> &'static str {
        "Keys of any HTTP API that the provider block `http` declares. What the issuer can do follows from what is declared: \
         without `list` a key that vanished is not noticed, without `verify` the `verification` of the resource proves a new \
         key."
    }

    fn attributes(&self) -> Attributes {
        attributes([
            (
                "api",
                required(
                    AttributeType::String,
                    "Name of the API in the provider block `http`.",
                ),
            ),
            (
                "parameters",
                optional(
                    string_map(),
                    "The values of its `parameters`, such as the account that the keys belong to.",
                ),
            ),
        ])
    }

    fn identity(&self) -> &'static [&'static str] {
        &["api", "parameters"]
    }

    fn example(&self) -> BTreeMap<String, ValueAny> {
        let text = |text: &str| ValueAny::String(text.into());
        let parameters = BTreeMap::from([("user".to_owned(), text("payments"))]);
        BTreeMap::from([
            ("api".to_owned(), text("hub")),
            ("parameters".to_owned(), ValueAny::Map(parameters)),
        ])
    }

    /// Those of the vendors whose declarations are among the examples, as far as they publish one.
    fn formats(&self) -> &'static [Format] {
        FORMATS
    }

    fn permissions(&self) -> &'static [Permission] {
        PERMISSIONS
    }

    fn import_id(&self) -> Option<&'static str> {
        Some("<api>/<id of the key>?<parameter>=<value>&…")
    }

    fn connect(&self, settings: &Settings, context: &Context) -> Result<Box<dyn Issuer>> {
        let name = settings.required_string("api")?;
        if !context.knows(NAME) {
            return Ok(Box::new(Undeclared::new(name)));
        }
        let apis = declared(context)?;
        let Some(api) = apis.0.get(name) else {
            return Err(not_declared(settings, name, &apis));
        };
        let api = Arc::clone(api.as_ref().map_err(Error::clone)?);
        let parameters = api.parameters_of(settings)?;
        Ok(Box::new(Keys::new(api, parameters, context)))
    }

    /// The parameters are written as in the query of a URL.
    async fn import(&self, id: &str, context: &Context) -> Result<Imported> {
        let wrong = || malformed(self, id);
        let (api, rest) = id.split_once('/').ok_or_else(wrong)?;
        let (key_id, query) = rest.rsplit_once('?').unwrap_or((rest, ""));
        let query = Url::parse(&format!("{QUERY}?{query}")).map_err(|_| wrong())?;
        let text = |text: &str| ValueAny::String(text.to_owned());
        let parameters = query.query_pairs();
        let parameters: BTreeMap<String, ValueAny> = parameters
            .map(|(name, value)| (name.into_owned(), text(&value)))
            .collect();
        let parameters = match parameters.is_empty() {
            true => ValueAny::Null,
            false => ValueAny::Map(parameters),
        };
        let settings = BTreeMap::from([
            ("api".to_owned(), text(api)),
            ("parameters".to_owned(), parameters),
        ]);
        from_the_list(self, settings, key_id, context).await
    }
}

/// What is put before a query, so that it can be taken apart.
const QUERY: &str = "http://localhost/";

/// `hub/17?user=payments`
fn import_id(api: &str, parameters: &BTreeMap<String, String>, key_id: &str) -> String {
    let query = Url::parse_with_params(QUERY, parameters).ok();
    let query = query.as_ref().and_then(Url::query).unwrap_or_default();
    match query {
        "" => format!("{api}/{key_id}"),
        query => format!("{api}/{key_id}?{query}"),
    }
}

/// The APIs of the provider block, each as far as its declaration is sound.
struct Apis(BTreeMap<String, Result<Arc<Api>>>);

fn declared(context: &Context) -> Result<Arc<Apis>> {
    context.shared(|| {
        let block = context.vendor(NAME);
        let entries = block.iter().flat_map(Settings::entries);
        let read = |(name, settings): (&str, Settings)| {
            (name.to_owned(), Api::read(name, &settings).map(Arc::new))
        };
        Ok(Apis(entries.map(read).collect()))
    })
}

/// What is wrong with the block, an error for each API.
pub fn faults(context: &Context) -> Vec<Error> {
    match declared(context) {
        Ok(apis) => apis
            .0
            .values()
            .filter_map(|api| api.as_ref().err().cloned())
            .collect(),
        Err(error) => vec![error],
    }
}

fn not_declared(settings: &Settings, name: &str, apis: &Apis) -> Error {
    let names: Vec<&str> = apis.0.keys().map(String::as_str).collect();
    let there = match names.as_slice() {
        [] => "It declares none.".to_owned(),
        names => format!("It declares {}.", names.join(", ")),
    };
    settings.wrong(
        "api",
        format!("The API {name:?} is not declared"),
        format!(
            "The provider block {} has nothing of this name. {there} {DROPPED}",
            Path::root(NAME)
        ),
    )
}
