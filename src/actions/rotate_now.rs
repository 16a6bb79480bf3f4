//! `apikey_rotate_now`: a rotation between two applies. The state catches up at its next refresh.

use async_trait::async_trait;
use serde::Deserialize;
use tf_provider::Diagnostics;
use tf_provider::schema::{
    Attribute, AttributeConstraint, AttributeType, Block, Description, Schema,
};
use tf_provider::value::Value;

use crate::context::SharedContext;
use crate::protocol::authoring::{Action, Progress};
use crate::resources::diagnostics;
use crate::resources::managed::model::ManagedState;
use crate::resources::managed::{rotate_now, schema as managed};
use crate::schema::{Attributes, attributes, required};

/// The action.
pub struct RotateNow {
    context: SharedContext,
}

/// Which key.
#[derive(Deserialize)]
#[allow(missing_docs, reason = "described in the schema")]
pub struct Request {
    pub key: Value<ManagedState>,
}

impl RotateNow {
    /// An action that will use the context once the provider is configured.
    pub fn new(context: SharedContext) -> Self {
        Self { context }
    }
}

#[async_trait]
impl Action for RotateNow {
    type Config<'a> = Request;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(schema())
    }

    async fn plan<'a>(&self, diags: &mut Diagnostics, config: Request) -> Option<()> {
        if let Value::Value(state) = &config.key
            && !self.context.awaits_settings()
            && state.inputs_known()
            && !state.primary.is_unknown()
            && !state.secondary.is_unknown()
            && let Some(refusal) = rotate_now::refusal(state, &self.context)
        {
            diagnostics::report(diags, refusal);
            return None;
        }
        Some(())
    }

    async fn invoke<'a>(
        &self,
        diags: &mut Diagnostics,
        config: Request,
        progress: &Progress,
    ) -> Option<()> {
        let Value::Value(state) = config.key else {
            diags.root_error(
                "There is no key to rotate",
                "Set key to a whole apikey_managed, such as key = apikey_managed.payments.",
            );
            return None;
        };
        let name = state.label().to_owned();
        let progress = progress.clone();
        let watcher = {
            let (name, progress) = (name.clone(), progress.clone());
            move |step| {
                if let Some(words) = rotate_now::words(step) {
                    progress.say(format!("{name}: {words}"));
                }
            }
        };
        let context = diagnostics::collect(diags, self.context.settled())?;
        match rotate_now::rotate(state, context, &watcher).await {
            Ok(rotated) => {
                progress.say(format!(
                    "{name}: {} is primary; {} stays valid as secondary until {} at least. Run plan or apply, so that the \
                     state follows.",
                    rotated.primary, rotated.retiring, rotated.revoke_after
                ));
                let warnings = rotated.warnings.into_iter();
                warnings.for_each(|warning| diagnostics::warn(diags, warning));
                Some(())
            }
            Err(error) => {
                diagnostics::report(diags, error);
                None
            }
        }
    }
}

fn schema() -> Schema {
    Schema {
        version: 0,
        block: Block {
            attributes: attributes([(
                "key",
                required(
                    AttributeType::AttributeSingle(as_inputs(managed::schema().block.attributes)),
                    "The key: a whole `apikey_managed`, such as `apikey_managed.payments`.",
                ),
            )]),
            description: Description::markdown(
                "Rotates a key between two applies: mints a new one, delivers it as secondary, verifies it, and makes it \
                 primary. If it fails, the new key is taken out of the deliveries again and revoked. The old key stays valid as secondary for the grace period of its policy, and the next refresh of the \
                 resource finds out. It needs the ledger.",
            ),
            ..Block::default()
        },
    }
}

/// The attributes of the resource as something that may be passed in.
fn as_inputs(attributes: Attributes) -> Attributes {
    attributes
        .into_iter()
        .map(|(name, attribute)| {
            let attribute = Attribute {
                constraint: AttributeConstraint::Optional,
                attr_type: match attribute.attr_type {
                    AttributeType::AttributeSingle(inner) => {
                        AttributeType::AttributeSingle(as_inputs(inner))
                    }
                    AttributeType::AttributeMap(inner) => {
                        AttributeType::AttributeMap(as_inputs(inner))
                    }
                    plain => plain,
                },
                ..attribute
            };
            (name, attribute)
        })
        .collect()
}
