//! The attributes of the provider block `aws`, in the words of hashicorp/aws.

use tf_provider::schema::{Attribute, AttributeType};

use super::endpoint::Service;
use crate::schema::{Attributes, attributes as table, list_of, optional, sensitive, string_map};

/// The attributes of the provider block `aws`.
pub fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    table([
        (
            "region",
            text(
                "Region of Secrets Manager, Parameter Store and the Security Token Service. \
                 Default: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile, the instance.",
            ),
        ),
        (
            "sts_region",
            text(
                "Region of the Security Token Service, where it is to be another one than `region`.",
            ),
        ),
        (
            "profile",
            text(
                "Profile of the shared configuration and credentials files. Goes before keys in \
                 the environment. Default: `AWS_PROFILE`, which does not: `AWS_ACCESS_KEY_ID` and \
                 `AWS_SECRET_ACCESS_KEY` go before it, as for Amazon's own tools.",
            ),
        ),
        (
            "access_key",
            text(
                "Access key id. Default: `AWS_ACCESS_KEY_ID`, then wherever Amazon's own tools \
                 look.",
            ),
        ),
        (
            "secret_key",
            sensitive(text("Secret access key that belongs to `access_key`.")),
        ),
        (
            "token",
            sensitive(text("Session token, if `access_key` is a temporary key.")),
        ),
        (
            "shared_config_files",
            optional(
                list_of(AttributeType::String),
                "Files to read in place of `~/.aws/config`; `~` is the home directory. Default: `AWS_CONFIG_FILE`.",
            ),
        ),
        (
            "shared_credentials_files",
            optional(
                list_of(AttributeType::String),
                "Files to read in place of `~/.aws/credentials`; `~` is the home directory. Default: \
                 `AWS_SHARED_CREDENTIALS_FILE`.",
            ),
        ),
        (
            "assume_role",
            optional(
                AttributeType::AttributeList(role_attributes()),
                "Roles to assume, one after the other: the first with the credentials found, each of the others with the \
                 session before it.",
            ),
        ),
        (
            "allowed_account_ids",
            optional(
                list_of(AttributeType::String),
                "The only accounts that credentials may belong to in the end, those of issuers and deliveries included. Asked before \
                 anything else is.",
            ),
        ),
        (
            "forbidden_account_ids",
            optional(
                list_of(AttributeType::String),
                "Accounts that no credentials may belong to, those of issuers and deliveries included. Not beside \
                 `allowed_account_ids`.",
            ),
        ),
        (
            "assume_role_with_web_identity",
            nested(
                web_identity_attributes(),
                "Role to assume with the token of an identity provider, such as that of a pipeline. It goes before every \
                 other source except `access_key`, and `assume_role` goes on from there.",
            ),
        ),
        (
            "use_fips_endpoint",
            optional(
                AttributeType::Bool,
                "Calls only what is validated after FIPS 140. Default: `AWS_USE_FIPS_ENDPOINT`, the profile.",
            ),
        ),
        (
            "use_dualstack_endpoint",
            optional(
                AttributeType::Bool,
                "Calls hosts that are reached over IPv6 too. Default: `AWS_USE_DUALSTACK_ENDPOINT`, the profile.",
            ),
        ),
        (
            "custom_ca_bundle",
            text(
                "File with the certificates to trust in place of those of the machine, such as that of a proxy which reads \
                 along. Default: `AWS_CA_BUNDLE`, `ca_bundle` of the profile.",
            ),
        ),
        (
            "http_proxy",
            text(
                "URL of the proxy for plain http, and for https where nothing names another. This machine, its link and \
                 metadata services are never reached through a proxy. Default: `HTTP_PROXY`.",
            ),
        ),
        (
            "https_proxy",
            text("URL of the proxy for https. Default: `HTTPS_PROXY`."),
        ),
        (
            "no_proxy",
            text(
                "Hosts that are reached without a proxy, with commas between them. Default: `NO_PROXY`.",
            ),
        ),
        (
            "endpoints",
            nested(
                Service::ALL
                    .map(|service| {
                        let words = format!("URL of {} in place of the usual one.", service.id());
                        (service.name().to_owned(), text(&words))
                    })
                    .into_iter()
                    .collect(),
                "Other endpoints, such as a VPC endpoint or an emulator. Default: \
                 `AWS_ENDPOINT_URL_IAM`, `AWS_ENDPOINT_URL_STS`, \
                 `AWS_ENDPOINT_URL_SECRETS_MANAGER`, `AWS_ENDPOINT_URL_SSM`, \
                 `AWS_ENDPOINT_URL_SSO`, `AWS_ENDPOINT_URL_SSO_OIDC`, `AWS_ENDPOINT_URL_ECS`, `AWS_ENDPOINT_URL_CLOUDTRAIL`, \
                 `AWS_ENDPOINT_URL`, the profile; with \
                 `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true` none of them.",
            ),
        ),
        (
            "max_retries",
            optional(
                AttributeType::Number,
                "How often a call is repeated that was throttled or met a transient failure. \
                 Default: one less than `AWS_MAX_ATTEMPTS` or `max_attempts` of the profile, otherwise `9`.",
            ),
        ),
    ])
}

/// The attributes of one role.
pub fn role_attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    table([
        ("role_arn", text("ARN of the role. Required.")),
        (
            "session_name",
            text("Name of the session. Default: `terraform-provider-apikey`."),
        ),
        (
            "external_id",
            text("External id that the trust policy of the role asks for."),
        ),
        (
            "duration",
            text("How long a session lasts, `15m` to `12h`. Default: `1h`."),
        ),
        (
            "policy",
            text("IAM policy in JSON that narrows the session."),
        ),
        (
            "policy_arns",
            optional(
                list_of(AttributeType::String),
                "ARNs of managed policies that narrow the session.",
            ),
        ),
        ("source_identity", text("Source identity of the session.")),
        ("tags", optional(string_map(), "Tags of the session.")),
        (
            "transitive_tag_keys",
            optional(
                list_of(AttributeType::String),
                "Keys of `tags` that go on to the sessions of the roles after this one.",
            ),
        ),
    ])
}

fn web_identity_attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    let mut attributes = role_attributes();
    for name in [
        "external_id",
        "source_identity",
        "tags",
        "transitive_tag_keys",
    ] {
        attributes.remove(name);
    }
    attributes.extend(table([
        ("role_arn", text("ARN of the role. Default: `AWS_ROLE_ARN`.")),
        (
            "web_identity_token",
            sensitive(text("The token itself.")),
        ),
        (
            "web_identity_token_file",
            text("File that holds the token; read again for each session. Default: `AWS_WEB_IDENTITY_TOKEN_FILE`."),
        ),
    ]));
    attributes
}

fn nested(attributes: Attributes, text: &str) -> Attribute {
    optional(AttributeType::AttributeSingle(attributes), text)
}
