//! What the issuers and stores of one vendor share: credentials, signing, errors.

pub mod aws;
pub mod http;
