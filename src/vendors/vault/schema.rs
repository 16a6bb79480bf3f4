//! The attributes of the provider block `vault`.

use tf_provider::schema::AttributeType;

use crate::schema::{Attributes, attributes as table, optional, required, sensitive};

/// The attributes of the provider block `vault`.
pub fn attributes() -> Attributes {
    let text = |words: &str| optional(AttributeType::String, words);
    table([
        (
            "address",
            text(
                "Address of the server, such as `https://vault.example.com:8200`. Plain `http` is for this machine alone. \
                 Default: `BAO_ADDR`, `VAULT_ADDR`.",
            ),
        ),
        (
            "namespace",
            text(
                "Namespace of everything that names none of its own. Default: `BAO_NAMESPACE`, `VAULT_NAMESPACE`.",
            ),
        ),
        (
            "token",
            sensitive(text(
                "Token to work with; it may be ephemeral. Default, where `auth` is not set either: `BAO_TOKEN`, \
                 `VAULT_TOKEN`, then the file `~/.vault-token`, which `vault login` and `bao login` write.",
            )),
        ),
        (
            "ca_cert_file",
            text(
                "File with certificates in PEM that are trusted in place of those of the machine. Default: `BAO_CACERT`, \
                 `VAULT_CACERT`.",
            ),
        ),
        (
            "ca_cert_dir",
            text("Directory of such files. Default: `BAO_CAPATH`, `VAULT_CAPATH`."),
        ),
        (
            "auth",
            optional(
                AttributeType::AttributeSingle(methods()),
                "Logs in, in place of a token, and again before the session runs out. Exactly one method.",
            ),
        ),
    ])
}

fn methods() -> Attributes {
    let method =
        |attributes, words: &str| optional(AttributeType::AttributeSingle(attributes), words);
    table([
        ("approle", method(approle(), "With an AppRole.")),
        (
            "kubernetes",
            method(
                kubernetes(),
                "With the service account of the pod that Terraform runs in.",
            ),
        ),
        (
            "jwt",
            method(
                jwt(),
                "With a token of an identity provider, such as that of a pipeline.",
            ),
        ),
        (
            "aws",
            method(
                aws(),
                "With the credentials of the block `aws`, by a signed request of which Vault asks AWS whose it is. OpenBao has \
                 no such method.",
            ),
        ),
    ])
}

fn approle() -> Attributes {
    table([
        ("mount", mount("approle")),
        (
            "role_id",
            required(AttributeType::String, "The id of the role."),
        ),
        (
            "secret_id",
            sensitive(optional(
                AttributeType::String,
                "A secret id of the role; it may be ephemeral. Left out where the role asks for none.",
            )),
        ),
    ])
}

fn kubernetes() -> Attributes {
    table([
        ("mount", mount("kubernetes")),
        (
            "role",
            required(AttributeType::String, "The role to log in as."),
        ),
        (
            "token_file",
            optional(
                AttributeType::String,
                "File with the token of the service account. Default: `/var/run/secrets/kubernetes.io/serviceaccount/token`.",
            ),
        ),
    ])
}

fn jwt() -> Attributes {
    table([
        ("mount", mount("jwt")),
        (
            "role",
            optional(
                AttributeType::String,
                "The role to log in as. Default: that of the method.",
            ),
        ),
        (
            "token",
            sensitive(optional(
                AttributeType::String,
                "The token; it may be ephemeral. Default, where `token_file` is not set either: `TERRAFORM_VAULT_AUTH_JWT`.",
            )),
        ),
        (
            "token_file",
            optional(
                AttributeType::String,
                "File with the token, read at each login.",
            ),
        ),
    ])
}

fn aws() -> Attributes {
    table([
        ("mount", mount("aws")),
        (
            "role",
            required(AttributeType::String, "The role to log in as."),
        ),
        (
            "region",
            optional(
                AttributeType::String,
                "Region of the Security Token Service that Vault asks. Default: the global endpoint, as Vault's own default is.",
            ),
        ),
        (
            "server_id",
            optional(
                AttributeType::String,
                "What Vault wants in the header `X-Vault-AWS-IAM-Server-ID`, where it wants one.",
            ),
        ),
    ])
}

fn mount(usual: &str) -> tf_provider::schema::Attribute {
    optional(
        AttributeType::String,
        &format!("Where the method is mounted, without `auth/`. Default: `{usual}`."),
    )
}
