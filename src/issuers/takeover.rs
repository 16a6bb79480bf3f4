//! Keys that exist and are taken over: looked for in the list of the account that the id of the import names.

use std::collections::BTreeMap;

use tf_provider::value::ValueAny;

use super::{Imported, IssuerKind, Listing};
use crate::context::Context;
use crate::error::{Error, Kind, Path, Result};
use crate::settings::Settings;

/// Finds a key of the account that `settings` name. What else the issuer is told is that of its example: nothing is minted.
pub async fn from_the_list(
    kind: &dyn IssuerKind,
    settings: BTreeMap<String, ValueAny>,
    key_id: &str,
    context: &Context,
) -> Result<Imported> {
    let mut whole = kind.example();
    whole.extend(settings.clone());
    // There is no configuration in which an attribute could be wrong.
    let path = Path::root("issuer").attribute(kind.name());
    let issuer = kind
        .connect(&Settings::new(path, &whole), context)
        .map_err(|error| error.at(Path::default()))?;
    let account = issuer.account();
    let listing = issuer.capabilities().listing;
    if listing == Listing::None {
        return Err(Error::new(
            Kind::Invalid,
            format!("{account} does not list its keys"),
            "So nobody can tell whether there is such a key. Declare list, or let apply create the resource: it mints a new key.",
        ));
    }
    let listed = issuer.list().await?;
    let found = listed.into_iter().find(|key| key.key_id == key_id);
    let found = found.ok_or_else(|| {
        let others = match listing {
            Listing::Labelled => {
                " Those that this provider did not make are in no list that it looks at."
            }
            _ => "",
        };
        Error::new(
            Kind::NotFound,
            format!("{account} has no key {key_id:?}"),
            format!("Its list does not hold it.{others} Nothing was imported: correct the id."),
        )
    })?;
    Ok(Imported {
        account: Some(issuer.lock().await?),
        settings,
        key_id: found.key_id,
        created_at: found.created_at.unwrap_or_else(|| context.clock.now()),
        status: found.status,
    })
}

/// An id that is not of the form in which this issuer takes it.
pub fn malformed(kind: &dyn IssuerKind, id: &str) -> Error {
    Error::new(
        Kind::Invalid,
        format!("{id:?} is not the id of a key of {}", kind.name()),
        format!(
            "Write {}:{}. Nothing was imported.",
            kind.name(),
            kind.import_id().unwrap_or_default()
        ),
    )
}

/// Settings that are texts.
pub fn texts<const N: usize>(settings: [(&str, &str); N]) -> BTreeMap<String, ValueAny> {
    let text = |(name, value): (&str, &str)| (name.to_owned(), ValueAny::String(value.to_owned()));
    settings.into_iter().map(text).collect()
}
