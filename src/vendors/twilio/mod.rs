//! Twilio: the provider block `twilio`, and one client for all that is asked of it.
//!
//! `settings` is the block with the variables of Twilio's own tools; `client` makes calls and understands errors.

mod client;
mod settings;

use std::sync::Arc;

use tf_provider::schema::AttributeType;

pub use client::{Product, Side, Twilio, instant};
pub use settings::{Credentials, is_account};

use crate::context::Context;
use crate::error::Result;
use crate::schema::{Attributes, attributes as table, optional, sensitive};

/// The attributes of the provider block `twilio`.
pub fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    table([
        (
            "account_sid",
            text(
                "Account that `auth_token` belongs to, `AC` and 32 digits. A parent account may work on the keys of its \
                 subaccounts. Default: `TWILIO_ACCOUNT_SID`.",
            ),
        ),
        (
            "auth_token",
            sensitive(text(
                "Auth token of `account_sid`. Not beside `api_key`. Default: `TWILIO_AUTH_TOKEN`.",
            )),
        ),
        (
            "api_key",
            text(
                "Sid of a Main API key, in place of an auth token: a Standard or restricted key may not manage keys. \
                 Default: `TWILIO_API_KEY`, where no auth token is set.",
            ),
        ),
        (
            "api_key_secret",
            sensitive(text(
                "Secret of `api_key`. Default: `TWILIO_API_KEY_SECRET`, `TWILIO_API_SECRET`.",
            )),
        ),
        (
            "region",
            text(
                "Region that keeps the account, such as `ie1`. Default: `TWILIO_REGION`, otherwise `us1`.",
            ),
        ),
        (
            "edge",
            text("Location by which Twilio is reached, such as `dublin`. Default: `TWILIO_EDGE`."),
        ),
        (
            "endpoint",
            text("Address in place of all of Twilio's, for a proxy of your own or for tests."),
        ),
    ])
}

/// The client that everything of this provider shares.
pub fn client(context: &Context) -> Result<Arc<Twilio>> {
    let http = context.http();
    context.shared(|| {
        let config = match context.needs("twilio") {
            Ok(()) => settings::Config::read(context.vendor("twilio").as_ref())?,
            Err(awaited) => settings::Config::awaiting(awaited),
        };
        Ok(Twilio::new(config, http))
    })
}
