//! What a person is told of a place that is somebody else's, or may be.

use crate::engine::connections::{Connections, Delivery};
use crate::error::{Error, Kind};
use crate::ledger::ResourceRef;
use crate::stores::Document;

pub(super) fn taken(delivery: &Delivery) -> Error {
    let place = delivery.store.place();
    Error::new(
        Kind::Invalid,
        format!("{place} is where another key is delivered"),
        "Another apikey_managed of this configuration writes to it, and each would overwrite the other. Nothing was \
         done for this one. Choose another place.",
    )
}

pub(super) fn recorded_elsewhere(delivery: &Delivery, owner: &ResourceRef) -> Error {
    let id = &owner.id;
    Error::new(
        Kind::Invalid,
        format!("{} belongs to another key", delivery.store.place()),
        format!(
            "By the ledger {} delivers there, and its keys are alive. Choose another place, or move that one first, in an \
             apply of its own. If it exists no more, end its keys and take it out of the ledger: \
             terraform-provider-apikey ledger forget {id}",
            named(owner)
        ),
    )
}

pub(super) fn hidden(delivery: &Delivery, key: &str, owner: &ResourceRef) -> Error {
    Error::new(
        Kind::Invalid,
        format!("{} holds a key of another resource", delivery.store.place()),
        format!(
            "In what stands there is key {key}, by the ledger a live key of {}, and to overwrite it could destroy the only \
             copy. Choose another place. If that resource exists no more, end its keys and take \
             it out of the ledger: terraform-provider-apikey ledger forget {}",
            named(owner),
            owner.id
        ),
    )
}

pub(super) fn occupied(
    delivery: &Delivery,
    document: &Document,
    owner: Option<&ResourceRef>,
) -> Error {
    let whose = owner.map_or_else(
        || "which is not of this resource".to_owned(),
        |owner| format!("by the ledger a live key of {}", named(owner)),
    );
    Error::new(
        Kind::Invalid,
        format!("{} holds another key", delivery.store.place()),
        format!(
            "The document there has the primary key {}, {whose}, and to overwrite it could destroy the only copy. If \
             another apikey_managed delivers there, choose another place, or move that one first, in an apply of its own. \
             If nothing uses that key any more, revoke it, delete the document and apply again. If the document is of this \
             resource and its state is an older one: Restore the newest state.",
            label(document)
        ),
    )
}

pub(super) fn unsigned(delivery: &Delivery, document: &Document) -> Error {
    let place = delivery.store.place();
    Error::new(
        Kind::Invalid,
        format!("{place} is not ours to overwrite"),
        format!(
            "What stands there for the primary, {}, has no generation beside it, so this provider did not write it, and it may \
             be the only copy of something. Move it away, or choose another place. If it is a placeholder, or a document of a \
             template of yours that may go, set overwrite = true in the delivery.",
            label(document)
        ),
    )
}

pub(super) fn unknowable(delivery: &Delivery) -> Error {
    let place = delivery.store.place();
    Error::new(
        Kind::Invalid,
        format!("{place} holds values that nobody can read back"),
        "Whose they are cannot be told, and the first key would take the place of the only copy. An apply goes on only if they \
         are gone by then, as when this key replaces the one that delivered there. Otherwise choose another place, or, if they \
         may go, set overwrite = true in the delivery.",
    )
}

pub(super) fn former_self(delivery: &Delivery, document: &Document, owner: &ResourceRef) -> Error {
    let (place, id) = (delivery.store.place(), &owner.id);
    Error::new(
        Kind::Invalid,
        format!("{place} holds a live key of another {:?}", owner.name),
        format!(
            "The document there has the primary key {}, by the ledger a live key of {}, a resource that was neither \
             destroyed nor forgotten. To overwrite it could destroy the only copy. If another state holds it, give this one \
             another name or another place. If its state was lost or it was removed from it, take it out of the ledger \
             (terraform-provider-apikey ledger forget {id}), then import the key, or hand in its secret as \
             existing_secret_wo where the issuer gives no ids; or apply again, and the new key takes its place. If this key \
             replaces it under create_before_destroy, set overwrite = true in the delivery.",
            label(document),
            named(owner),
        ),
    )
}

pub(super) fn at_work(owner: &ResourceRef) -> Error {
    Error::new(
        Kind::Unavailable,
        format!("Another apply creates {}", named(owner)),
        "It holds its lock in the ledger, or was cut off a moment ago and its lease has not run out. Nothing was done. Apply \
         again when it is over.",
    )
}

pub(super) fn listed(delivery: &Delivery, document: &Document, connections: &Connections) -> Error {
    let key_id = document.primary.key_id.as_deref().unwrap_or_default();
    let import = connections.issuer.import_id(key_id).map(|id| {
        format!(
            " If its state was lost, import it as \"{}:{id}\".",
            connections.kind
        )
    });
    let import = import.unwrap_or_default();
    Error::new(
        Kind::Invalid,
        format!("{} holds a live key", delivery.store.place()),
        format!(
            "The document there has the primary key {}. Its issuer lists it, this ledger knows no resource that holds it, and to \
             overwrite it could destroy the only copy. An apply goes on only if it is gone by then, as when this key replaces it.\
             {import} With the ledger that it was made with, more could be said. If it belongs to another configuration, choose \
             another place. If nothing uses it any more, revoke it at the issuer and apply again. If the \
             new key is to take its place all the same, set overwrite = true in the delivery.",
            label(document)
        ),
    )
}

pub(super) fn taken_over(delivery: &Delivery, document: &Document) -> Error {
    Error::new(
        Kind::Other,
        format!("{} holds another key", delivery.store.place()),
        format!(
            "The document there has the primary key {}, and the key that is created takes its place. That is right if the \
             old key is replaced. If it was forgotten, or belongs to another configuration, this may be its only copy: \
             whoever uses it is locked out, and at an issuer that keeps no record of its keys it is dead at once. Then \
             import it, hand it in as existing_secret_wo, or choose another place.",
            label(document)
        ),
    )
}

fn named(owner: &ResourceRef) -> String {
    match owner.workspace.as_str() {
        "" => format!("{:?}", owner.name),
        workspace => format!("{:?} of workspace {workspace:?}", owner.name),
    }
}

pub(super) fn label(document: &Document) -> String {
    let mark = document.primary.secret.fingerprint();
    match &document.primary.key_id {
        Some(id) => format!("{id} ({mark})"),
        None => mark.to_string(),
    }
}
