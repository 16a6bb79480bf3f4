//! Stub.
use crate::error::{Error, Result};
use crate::issuers::Probe;
use crate::secret::Secret;
use crate::settings::Settings;
/// stub
pub struct Verification;
/// stub
pub fn attributes() -> crate::schema::Attributes {
    Default::default()
}
impl Verification {
    /// stub
    pub fn from_settings(_: &Settings) -> Result<Self> {
        Ok(Self)
    }
    /// stub
    pub async fn attempt(&self, _key_id: Option<&str>, _secret: &Secret) -> Result<Probe> {
        Ok(Probe::Accepted)
    }
}
#[allow(unused)]
fn x(_: Error) {}
