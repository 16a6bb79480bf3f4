//! `apikey_secret`: the keys of a delivered document, for whoever needs them in the same run.
//!
//! It reads and never mints: Terraform opens it in the plan and again in the apply.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tf_provider::Diagnostics;
use tf_provider::schema::Schema;
use tf_provider::value::{Value, ValueEmpty};

use crate::context::{Context, SharedContext};
use crate::engine::connections::Delivery;
use crate::ephemeral::secret_schema;
use crate::error::{Error, Kind, Path, Result};
use crate::protocol::authoring::{EphemeralResource, Opened};
use crate::resources::diagnostics;
use crate::resources::managed::connect::delivery_at;
use crate::resources::managed::model::{Fields, stored_secret};
use crate::secret::{Fingerprint, Secret};
use crate::settings::known;
use crate::stores::{Document, DocumentKey, Found};

/// How often a document is read again that does not hold the expected key, or nothing yet: what was written a moment
/// ago may not be seen everywhere.
const REREADS: usize = 4;
const REREAD_DELAY: Duration = Duration::from_secs(1);

/// The ephemeral resource.
pub struct SecretReader {
    context: SharedContext,
}

/// Configuration and result.
#[derive(Default, Serialize, Deserialize)]
#[allow(missing_docs, reason = "described in the schema")]
pub struct SecretState {
    pub delivery: Value<Fields>,
    pub fingerprint: Value<String>,
    pub primary: Value<OpenKey>,
    pub secondary: Value<OpenKey>,
    pub generation: Value<i64>,
    pub rotated_at: Value<String>,
}

/// One key of the document.
#[derive(Default, Serialize, Deserialize)]
#[allow(missing_docs, reason = "described in the schema")]
pub struct OpenKey {
    pub key_id: Value<String>,
    #[serde(with = "stored_secret")]
    pub secret: Value<Secret>,
    pub fingerprint: Value<String>,
}

impl SecretReader {
    /// A reader that will use the context once the provider is configured.
    pub fn new(context: SharedContext) -> Self {
        Self { context }
    }
}

#[async_trait]
impl EphemeralResource for SecretReader {
    type State<'a> = SecretState;
    type PrivateState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(secret_schema::schema())
    }

    async fn validate<'a>(&self, diags: &mut Diagnostics, config: SecretState) -> Option<()> {
        if let Value::Value(fields) = &config.delivery
            && fields.values().all(known)
        {
            diagnostics::collect(diags, place(fields, &self.context))?;
        }
        Some(())
    }

    async fn open<'a>(
        &self,
        diags: &mut Diagnostics,
        config: SecretState,
    ) -> Option<Opened<SecretState, ValueEmpty>> {
        let context = diagnostics::collect(diags, self.context.configured())?;
        match read(&config, context).await {
            Ok(document) => Some(Opened {
                result: result(config, document),
                private: Value::Null,
                renew_at: None,
            }),
            Err(Unopened::Absent(error) | Unopened::Failed(error)) => {
                diagnostics::report(diags, error);
                None
            }
        }
    }
}

/// Why nothing was opened.
enum Unopened {
    /// There is nothing yet; the apply may change that.
    Absent(Error),
    Failed(Error),
}

impl From<Error> for Unopened {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

async fn read(config: &SecretState, context: &Context) -> Result<Document, Unopened> {
    let nothing = Fields::new();
    let delivery = place(config.delivery.as_ref_option().unwrap_or(&nothing), context)?;
    let expected = config
        .fingerprint
        .as_deref_option()
        .map(Fingerprint::recorded);
    let mut rereads = 0;
    loop {
        let outcome = look(&delivery, expected.as_ref()).await;
        match outcome {
            // Without an expectation an empty place is what it is.
            Err(Unopened::Absent(_)) if expected.is_some() && rereads < REREADS => {}
            Err(Unopened::Failed(error)) if error.kind == Kind::Stale && rereads < REREADS => {}
            outcome => return outcome,
        }
        context.http().wait(REREAD_DELAY).await?;
        rereads += 1;
    }
}

fn place(fields: &Fields, context: &Context) -> Result<Delivery> {
    let path = Path::root("delivery");
    let delivery = delivery_at(path.clone(), fields, context)?;
    match delivery.readable {
        true => Ok(delivery),
        false => Err(Error::invalid(
            path,
            format!("{} cannot be read", delivery.store.place()),
            "This store only takes secrets. Choose another delivery of the key.",
        )),
    }
}

async fn look(delivery: &Delivery, expected: Option<&Fingerprint>) -> Result<Document, Unopened> {
    let at = |error: Error| error.at(Path::root("delivery"));
    match delivery.store.observe().await.map_err(at)?.found {
        Found::Document(document) => match expected {
            None => Ok(document),
            Some(expected) => Ok(with_first(document, expected)
                .map_err(|document| stale(delivery, &document, expected))?),
        },
        Found::Nothing => Err(Unopened::Absent(absent(delivery))),
        Found::Deleted(way_back) => Err(foreign(delivery, &way_back).into()),
        Found::Foreign(found) => Err(foreign(delivery, &found.why).into()),
        Found::Opaque => Err(foreign(delivery, "it cannot be read back").into()),
    }
}

/// The document with the expected key as its primary; the document as it is if it does not hold that key.
fn with_first(document: Document, expected: &Fingerprint) -> Result<Document, Box<Document>> {
    let is_expected = |key: &DocumentKey| key.secret.fingerprint() == *expected;
    match document.secondary {
        _ if is_expected(&document.primary) => Ok(document),
        Some(secondary) if is_expected(&secondary) => Ok(Document {
            primary: secondary,
            secondary: Some(document.primary),
            ..document
        }),
        secondary => Err(Box::new(Document {
            secondary,
            ..document
        })),
    }
}

fn absent(delivery: &Delivery) -> Error {
    let place = delivery.store.place();
    Error::new(
        Kind::NotFound,
        format!("There is no document at {place}"),
        "Terraform opens an ephemeral resource in the plan, and the key has not been delivered there yet. Set fingerprint \
         to that of the key, such as apikey_managed.payments.primary.fingerprint: it is known only after the key was \
         delivered, so nothing is read before. (depends_on alone does not help: it gives the order, but not in a plan.) If \
         the key was delivered before, compare delivery with its deliveries.",
    )
    .at(Path::root("delivery"))
}

fn foreign(delivery: &Delivery, why: &str) -> Error {
    Error::new(
        Kind::Invalid,
        format!("{} holds no document of this provider", delivery.store.place()),
        format!("{why}. Compare delivery with an entry of deliveries of the apikey_managed whose keys are wanted."),
    )
    .at(Path::root("delivery"))
}

fn stale(delivery: &Delivery, document: &Document, expected: &Fingerprint) -> Error {
    let there = document.primary.secret.fingerprint();
    Error::new(
        Kind::Stale,
        format!("{} does not hold the expected key", delivery.store.place()),
        format!(
            "The key with the fingerprint {expected} is expected, and the primary there is {there}. Either the document \
             was changed by somebody else, or the state is older than the document. Plan again; if that does not help, \
             look at delivery_status of the key."
        ),
    )
    .at(Path::root("fingerprint"))
}

fn result(config: SecretState, document: Document) -> SecretState {
    let key = |key: DocumentKey| OpenKey {
        key_id: key.key_id.into(),
        fingerprint: Value::Value(key.secret.fingerprint().to_string()),
        secret: Value::Value(key.secret),
    };
    SecretState {
        primary: Value::Value(key(document.primary)),
        secondary: document.secondary.map(key).into(),
        generation: document
            .generation
            .and_then(|count| i64::try_from(count).ok())
            .into(),
        rotated_at: document.rotated_at.map(|at| at.to_string()).into(),
        ..config
    }
}
