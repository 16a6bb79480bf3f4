//! The attributes of the provider block `google`, in the words of hashicorp/google.

use tf_provider::schema::AttributeType;

use super::service::Service;
use crate::schema::{Attributes, attributes as table, list_of, optional, sensitive};

/// The attributes of the provider block `google`.
pub fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    let mut attributes = table([
        (
            "credentials",
            sensitive(text(
                "Credentials in JSON, or the path of a file with them: the key of a service account, workload identity \
                 federation (`external_account`, from a file or a URL), what gcloud writes. Goes before everything in the \
                 environment. Default: `GOOGLE_CREDENTIALS`, the file that `GOOGLE_APPLICATION_CREDENTIALS` names, that of `gcloud \
                 auth application-default login`, the metadata server of the machine.",
            )),
        ),
        (
            "access_token",
            sensitive(text(
                "Access token, in place of `credentials`. It is used as it is and ends within the hour. Default: \
                 `GOOGLE_OAUTH_ACCESS_TOKEN`.",
            )),
        ),
        (
            "project",
            text(
                "Id of the project of secrets whose delivery names none. Default: `GOOGLE_PROJECT`, `GOOGLE_CLOUD_PROJECT`, \
                 `GCLOUD_PROJECT`, `CLOUDSDK_CORE_PROJECT`, then the project of the credentials.",
            ),
        ),
        (
            "impersonate_service_account",
            text(
                "E-mail address of a service account to act as, with a token that the credentials found are exchanged for. \
                 Default: `GOOGLE_IMPERSONATE_SERVICE_ACCOUNT`.",
            ),
        ),
        (
            "impersonate_service_account_delegates",
            optional(
                list_of(AttributeType::String),
                "Service accounts between the credentials and `impersonate_service_account`, each of which may create tokens of \
                 the next.",
            ),
        ),
        (
            "user_project_override",
            optional(
                AttributeType::Bool,
                "Counts calls against the quota of `billing_project` rather than that of the project of the credentials. Default: \
                 `USER_PROJECT_OVERRIDE`.",
            ),
        ),
        (
            "billing_project",
            text(
                "Project of `user_project_override`. Default: `GOOGLE_BILLING_PROJECT`, then `project`.",
            ),
        ),
        (
            "universe_domain",
            text(
                "Domain of the services, in a cloud of its own. Default: `GOOGLE_UNIVERSE_DOMAIN`, that of the credentials, \
                 `googleapis.com`.",
            ),
        ),
    ]);
    attributes.extend(Service::ALL.map(|service| {
        let words = format!(
            "URL of {} in place of the usual one, with the version at the end, such as `{}`. Default: `{}`.",
            service.name(),
            service.address(None, "googleapis.com"),
            service.variable()
        );
        (service.setting().to_owned(), text(&words))
    }));
    attributes
}
