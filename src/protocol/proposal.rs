//! What a plan says that has to wait: the proposal of Terraform, with nothing promised about what is computed.

use tf_provider::value::ValueAny;
use tf_provider::{AttributePath, Diagnostics};

use super::codec::{decode, encode, incoming, is_null};
use super::erased::Object;
use super::private;
use super::registry::Registry;
use super::wire::tfplugin6::plan_resource_change;
use super::write_only::withheld;

impl Registry {
    /// The plan of a change that has to wait.
    pub(super) fn proposal(
        &self,
        request: &plan_resource_change::Request,
        diags: &mut Diagnostics,
    ) -> Option<(Object, Vec<AttributePath>)> {
        let (_, schema) = self.find_resource(&request.type_name, diags)?;
        let proposed = request.proposed_new_state.clone();
        let mut state = incoming(proposed, &schema.shape, diags)?;
        if is_null(&request.prior_state) {
            let mut value = decode::<ValueAny>(&state, "proposed state", diags)?;
            let attributes = schema.message.block.iter().flat_map(|it| &it.attributes);
            for attribute in attributes.filter(|attribute| attribute.computed) {
                if let ValueAny::Map(members) = &mut value
                    && let Some(member @ ValueAny::Null) = members.get_mut(&attribute.name)
                {
                    *member = ValueAny::Unknown;
                }
            }
            state = encode(&value, diags)?;
        }
        let (private, _) = private::split(&request.prior_private);
        let object = (withheld(state, schema, diags)?, private.to_vec());
        Some((object, Vec::new()))
    }
}
