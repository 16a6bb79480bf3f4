//! The calls that concern list resources.

use tf_provider::Diagnostics;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::authoring::list::{EncodedItem, Wanted};
use super::codec::{configuration, outgoing};
use super::diagnostics::to_wire;
use super::entries::find;
use super::guard::{guard, settle};
use super::identity_calls::data;
use super::registry::Registry;
use super::wire::tfplugin6::{list_resource, validate_list_resource_config};
use super::write_only::withheld;

/// How many items wait for the client before the list itself waits.
const AHEAD: usize = 16;

impl Registry {
    pub(super) async fn validate_list_resource(
        &self,
        request: validate_list_resource_config::Request,
    ) -> validate_list_resource_config::Response {
        let mut diags = Diagnostics::default();
        let name = &request.type_name;
        if let Some((list, schema)) = find(&self.list_resources, name, &mut diags)
            && let Some(config) = configuration(request.config, &schema.shape, &mut diags)
        {
            let outcome = guard(list.validate(&mut diags, &config)).await;
            settle(outcome, &mut diags, &format!("validate list.{name}"));
        }
        let diagnostics = to_wire(diags);
        validate_list_resource_config::Response { diagnostics }
    }

    /// One event for each item, and a last one if there is something to say about the whole.
    pub(super) async fn list_all(
        &self,
        request: list_resource::Request,
        events: Sender<list_resource::Event>,
    ) {
        let mut diags = Diagnostics::default();
        let name = request.type_name.clone();
        let whole = request.include_resource_object;
        let (out, items) = mpsc::channel(AHEAD);
        let found = self.find_all(request, out, &mut diags);
        tokio::join!(found, self.hand_over(&name, whole, items, &events));
        let diagnostic = to_wire(diags);
        if !diagnostic.is_empty() {
            // An error means that nobody listens any more.
            let _ = events
                .send(list_resource::Event {
                    diagnostic,
                    ..Default::default()
                })
                .await;
        }
    }

    async fn find_all(
        &self,
        request: list_resource::Request,
        out: Sender<EncodedItem>,
        diags: &mut Diagnostics,
    ) {
        let name = &request.type_name;
        if let Some((list, schema)) = find(&self.list_resources, name, diags)
            && let Some(config) = configuration(request.config, &schema.shape, diags)
        {
            let wanted = Wanted {
                include_resource: request.include_resource_object,
                limit: u64::try_from(request.limit).ok().filter(|limit| *limit > 0),
                out,
            };
            let outcome = guard(list.list(diags, &config, wanted)).await;
            settle(outcome, diags, &format!("list {name}"));
        }
    }

    async fn hand_over(
        &self,
        name: &str,
        whole: bool,
        mut items: Receiver<EncodedItem>,
        events: &Sender<list_resource::Event>,
    ) {
        while let Some(item) = items.recv().await {
            if events.send(self.event(name, whole, item)).await.is_err() {
                return;
            }
        }
    }

    fn event(&self, name: &str, whole: bool, item: EncodedItem) -> list_resource::Event {
        let mut diags = item.diagnostics;
        let resource = item.resource.and_then(|state| {
            let (_, schema) = self.find_resource(name, &mut diags)?;
            withheld(state, schema, &mut diags)
        });
        if whole && resource.is_none() && diags.errors.is_empty() && diags.warnings.is_empty() {
            diags.root_warning(
                format!("{} is listed without its settings", item.display_name),
                "Only its identity is known here. Import it to see the rest.",
            );
        }
        list_resource::Event {
            identity: item.identity.map(data),
            display_name: item.display_name,
            resource_object: resource.map(outgoing),
            diagnostic: to_wire(diags),
        }
    }
}
