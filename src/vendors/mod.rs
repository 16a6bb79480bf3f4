//! What the issuers and stores of one vendor share: credentials, signing, errors.

pub mod aws;

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
pub static VENDORS: &[Vendor] = &[Vendor {
    name: "aws",
    description: "How to reach Amazon Web Services, in the words of `hashicorp/aws`.",
    attributes: aws::attributes,
    check: |context| aws::client(context).map(drop),
}];
