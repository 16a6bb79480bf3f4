//! Whether a key that its issuer ends by itself lasts as long as it is needed.

use tf_provider::value::Value;

use crate::context::Context;
use crate::duration::Duration;
use crate::error::{Error, Path};
use crate::resources::managed::connect;
use crate::resources::managed::model::ManagedState;

/// A key that ends before its successor has taken its place, which would be an outage that nobody decided on.
pub fn ends_too_soon(config: &ManagedState, context: &Context) -> Option<Error> {
    let Value::Value(fields) = &config.policy else {
        return None;
    };
    if !fields.wholly_known() {
        return None;
    }
    let (kind, settings) = connect::issuer(&config.issuer).ok()?;
    if !settings.wholly_known() {
        return None;
    }
    let expiry = connect::capabilities(&config.issuer, context)?.expiry?;
    let policy = fields.policy(&Path::root("policy")).ok()?;
    let parts = [
        policy.stage_before,
        policy.rotation_interval,
        policy.grace_period,
    ];
    let needed = parts.into_iter().fold(Duration::ZERO, Duration::plus);
    (expiry < needed).then(|| {
        Error::invalid(
            settings.path().clone(),
            "The keys would end before they are replaced",
            format!(
                "A key of {} ends after {expiry}. It is needed for {needed}: staged {} before it leads (stage_before), leading for \
                 {} (rotation_interval), and in its grace for {} (grace_period). Let it last longer, with some days to spare for an \
                 apply that comes late, or shorten these times in the policy.",
                kind.name(),
                policy.stage_before,
                policy.rotation_interval,
                policy.grace_period
            ),
        )
    })
}
