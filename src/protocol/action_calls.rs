//! The calls that concern actions.

use std::pin::pin;

use tf_provider::Diagnostics;
use tokio::sync::mpsc::{self, UnboundedSender};

use super::authoring::Progress;
use super::codec::configuration;
use super::diagnostics::to_wire;
use super::entries::find;
use super::guard::{guard, settle};
use super::registry::Registry;
use super::wire::tfplugin6::invoke_action::event::{self, Completed, Type};
use super::wire::tfplugin6::{DynamicValue, invoke_action, plan_action, validate_action_config};
use crate::printable::printable_line;

impl Registry {
    pub(super) async fn validate_action(
        &self,
        request: validate_action_config::Request,
    ) -> validate_action_config::Response {
        let mut diags = Diagnostics::default();
        let name = &request.action_type;
        if let Some((action, schema)) = find(&self.actions, name, &mut diags)
            && let Some(config) = configuration(request.config, &schema.shape, &mut diags)
        {
            let outcome = guard(action.validate(&mut diags, &config)).await;
            settle(outcome, &mut diags, &format!("validate action.{name}"));
        }
        let diagnostics = to_wire(diags);
        validate_action_config::Response { diagnostics }
    }

    pub(super) async fn plan_action(&self, request: plan_action::Request) -> plan_action::Response {
        let mut diags = Diagnostics::default();
        let name = &request.action_type;
        if let Some((action, schema)) = find(&self.actions, name, &mut diags)
            && let Some(config) = configuration(request.config, &schema.shape, &mut diags)
        {
            let outcome = guard(action.plan(&mut diags, &config)).await;
            settle(outcome, &mut diags, &format!("plan action.{name}"));
        }
        plan_action::Response {
            diagnostics: to_wire(diags),
            deferred: None,
        }
    }

    /// Any number of messages, and then one that it is over.
    pub(super) async fn invoke_action(
        &self,
        request: invoke_action::Request,
        events: UnboundedSender<invoke_action::Event>,
    ) {
        let mut diags = Diagnostics::default();
        let (sender, mut messages) = mpsc::unbounded_channel();
        let progress = Progress::to(sender);
        {
            let work = self.invoke(&request.action_type, request.config, &progress, &mut diags);
            let mut work = pin!(work);
            loop {
                tokio::select! {
                    // What was said before the end is told before the end.
                    biased;
                    Some(message) = messages.recv() => say(&events, message),
                    () = &mut work => break,
                }
            }
        }
        while let Ok(message) = messages.try_recv() {
            say(&events, message);
        }
        let diagnostics = to_wire(diags);
        let completed = Type::Completed(Completed { diagnostics });
        // An error means that nobody listens any more.
        let _ = events.send(invoke_action::Event {
            r#type: Some(completed),
        });
    }

    async fn invoke(
        &self,
        name: &str,
        config: Option<DynamicValue>,
        progress: &Progress,
        diags: &mut Diagnostics,
    ) {
        if let Some((action, schema)) = find(&self.actions, name, diags)
            && let Some(config) = configuration(config, &schema.shape, diags)
        {
            let outcome = guard(action.invoke(diags, &config, progress)).await;
            settle(outcome, diags, &format!("invoke action.{name}"));
        }
    }
}

fn say(events: &UnboundedSender<invoke_action::Event>, message: String) {
    let message = printable_line(&message).into_owned();
    let progress = Type::Progress(event::Progress { message });
    let _ = events.send(invoke_action::Event {
        r#type: Some(progress),
    });
}
