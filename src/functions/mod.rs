//! Provider functions: pure calculations that a configuration can call. One file a function, one line in [`all`].

mod verify_checksum;

use std::collections::HashMap;

use tf_provider::DynamicFunction;

pub use verify_checksum::VerifyChecksum;

/// Every function there is, by the name it is called by.
pub fn all() -> HashMap<String, Box<dyn DynamicFunction>> {
    HashMap::from([("verify_checksum".to_owned(), VerifyChecksum.into())])
}
