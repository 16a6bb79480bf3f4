//! The attributes of one delivery to Secret Manager.

use tf_provider::schema::AttributeType;

use crate::schema::{Attributes, attributes as table, list_of, optional, required, string_map};
use crate::stores::shape;

pub(super) fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    let own = table([
        (
            "secret_id",
            required(
                AttributeType::String,
                "Id of the secret, such as `payments-key`. One that does not exist yet is created; one that exists gets new \
                 versions and keeps everything else.",
            ),
        ),
        (
            "project",
            text("Id of the project of the secret. Default: that of the provider."),
        ),
        (
            "location",
            text(
                "Location of a regional secret, such as `europe-west3`: it is stored and served there alone. Default: a secret \
                 without a region.",
            ),
        ),
        (
            "version_alias",
            text(
                "Alias of the newest document, for readers that ask for `versions/<alias>`; an empty text for none, such as where \
                 `google_secret_manager_secret` owns the aliases. Default: `primary`.",
            ),
        ),
        (
            "replica_locations",
            optional(
                list_of(AttributeType::String),
                "Locations of a secret created here. Default: Google chooses (automatic replication). It cannot be changed later.",
            ),
        ),
        (
            "kms_key_name",
            text(
                "Cloud KMS key that encrypts a secret created here, `projects/…/locations/…/keyRings/…/cryptoKeys/…`; not beside \
                 `replica_locations`.",
            ),
        ),
        (
            "labels",
            optional(
                string_map(),
                "Labels of a secret created here. The label `terraform-provider-apikey` is added, so that the provider knows \
                 later what it created.",
            ),
        ),
        (
            "on_destroy",
            text(
                "What becomes of the secret when the delivery ends: `delete` or `retain`. Default: a secret that was created \
                 here is deleted, one that existed before is retained with its last value.",
            ),
        ),
    ]);
    own.into_iter().chain(table(shape::attributes())).collect()
}
