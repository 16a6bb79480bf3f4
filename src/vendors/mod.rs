//! What the issuers and stores of one vendor share: credentials, signing, errors.

pub mod aws;
pub mod doppler;
pub mod environment;
pub mod github;
pub mod given;
pub mod google;
pub mod infisical;
pub mod kubernetes;
pub mod stripe;
pub mod twilio;
pub mod vault;
pub mod wallet;

use crate::context::Context;
use crate::error::Result;
use crate::schema::Attributes;

/// One block of the provider configuration.
pub struct Vendor {
    /// Its name.
    pub name: &'static str,
    /// What it is for, in a sentence of Markdown.
    pub description: &'static str,
    /// Its settings.
    pub attributes: fn() -> Attributes,
    /// Reads the block of a configuration; nothing is sent.
    pub check: fn(&Context) -> Result<()>,
}

/// Every vendor that has settings of its own.
pub static VENDORS: &[Vendor] = &[
    Vendor {
        name: "aws",
        description: "How to reach Amazon Web Services, in the words of `hashicorp/aws`.",
        attributes: aws::attributes,
        check: |context| aws::client(context).map(drop),
    },
    Vendor {
        name: "doppler",
        description: "How to reach Doppler, in the words of its own tools.",
        attributes: doppler::attributes,
        check: |context| doppler::client(context).map(drop),
    },
    Vendor {
        name: github::NAME,
        description: "How to reach GitHub or GitHub Enterprise Server, in the words of `integrations/github`.",
        attributes: github::attributes,
        check: |context| github::client(context).map(drop),
    },
    Vendor {
        name: "google",
        description: "How to reach Google Cloud, in the words of `hashicorp/google`.",
        attributes: google::attributes,
        check: |context| google::client(context).map(drop),
    },
    Vendor {
        name: "infisical",
        description: "How to reach Infisical, and as whom.",
        attributes: infisical::attributes,
        check: |context| infisical::client(context).map(drop),
    },
    Vendor {
        name: kubernetes::NAME,
        description: "How to reach a Kubernetes cluster, in the words of `hashicorp/kubernetes`. Without any setting, and in a pod, \
                      its service account is used. A cluster whose certificate is not to be checked is refused.",
        attributes: kubernetes::attributes,
        check: |context| kubernetes::client(context).map(drop),
    },
    Vendor {
        name: "stripe",
        description: "How to reach Stripe, as an approved Stripe App that may manage keys.",
        attributes: stripe::attributes,
        check: |context| stripe::client(context).map(drop),
    },
    Vendor {
        name: "twilio",
        description: "How to reach Twilio, in the words of its own tools.",
        attributes: twilio::attributes,
        check: |context| twilio::client(context).map(drop),
    },
    Vendor {
        name: "vault",
        description: "How to reach HashiCorp Vault or OpenBao, and as whom. See the guide [Vault and OpenBao](guides/vault.md).",
        attributes: vault::attributes,
        check: |context| vault::client(context).map(drop),
    },
];
