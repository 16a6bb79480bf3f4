//! What is not a managed resource: ephemeral resources, actions, lists, generated configurations, moves.

use tf_provider::value::ValueAny;
use tokio_stream::StreamExt;

use super::values::{complete, decoded, encoded, identity, stored, value};
use super::{Core, Errors, Object, block, checks, succeeded};
use crate::protocol::client::tfplugin6::*;

/// One object that a list found.
#[derive(Debug)]
pub struct Listed {
    pub identity: ValueAny,
    pub display_name: String,
    pub resource: Option<ValueAny>,
    pub warnings: Vec<String>,
}

impl Core {
    /// Opens an ephemeral resource, looks at its result, renews it as often as it asks for (once at most), closes it.
    pub async fn ephemeral(
        &mut self,
        name: &str,
        config: serde_json::Value,
    ) -> Result<ValueAny, Errors> {
        let schema = self.schemas.ephemeral_resource_schemas[name].clone();
        let config = complete(value(config), block(&schema));
        let type_name = name.to_owned();
        let request = validate_ephemeral_resource_config::Request {
            type_name: type_name.clone(),
            config: encoded(&config),
        };
        let provider = &mut self.plugin.provider;
        let answer = provider.validate_ephemeral_resource_config(request).await;
        succeeded(&answer.unwrap().into_inner().diagnostics)?;
        let request = open_ephemeral_resource::Request {
            type_name: type_name.clone(),
            config: encoded(&config),
            client_capabilities: Some(self.capabilities),
        };
        let opened = provider
            .open_ephemeral_resource(request)
            .await
            .unwrap()
            .into_inner();
        succeeded(&opened.diagnostics)?;
        assert_eq!(opened.deferred, None, "{name}: an apply takes no deferral");
        let result = decoded(&opened.result);
        let block = block(&schema);
        checks::none(
            &format!("open {name}"),
            [
                checks::fits(block, &result),
                checks::known(&result),
                checks::plan_is_valid(block, &ValueAny::Null, &config, &result),
            ],
        );
        let mut private = opened.private;
        if opened.renew_at.is_some() {
            let request = renew_ephemeral_resource::Request {
                type_name: type_name.clone(),
                private: private.clone(),
            };
            let renewed = provider
                .renew_ephemeral_resource(request)
                .await
                .unwrap()
                .into_inner();
            succeeded(&renewed.diagnostics)?;
            private = renewed.private;
        }
        let request = close_ephemeral_resource::Request { type_name, private };
        let closed = provider
            .close_ephemeral_resource(request)
            .await
            .unwrap()
            .into_inner();
        succeeded(&closed.diagnostics)?;
        Ok(result)
    }

    /// Validates and reads a data source.
    pub async fn data(
        &mut self,
        name: &str,
        config: serde_json::Value,
    ) -> Result<ValueAny, Errors> {
        let schema = self.schemas.data_source_schemas[name].clone();
        let config = encoded(&complete(value(config), block(&schema)));
        let request = validate_data_resource_config::Request {
            type_name: name.into(),
            config: config.clone(),
        };
        let provider = &mut self.plugin.provider;
        let answer = provider.validate_data_resource_config(request).await;
        succeeded(&answer.unwrap().into_inner().diagnostics)?;
        let request = read_data_source::Request {
            type_name: name.into(),
            config,
            client_capabilities: Some(self.capabilities),
            ..Default::default()
        };
        let answer = provider
            .read_data_source(request)
            .await
            .unwrap()
            .into_inner();
        succeeded(&answer.diagnostics)?;
        assert_eq!(answer.deferred, None, "{name}: an apply takes no deferral");
        let state = decoded(&answer.state);
        checks::none(
            &format!("read {name}"),
            [checks::fits(block(&schema), &state), checks::known(&state)],
        );
        Ok(state)
    }

    /// Calls a function.
    pub async fn called(&mut self, name: &str, arguments: &[ValueAny]) -> Result<ValueAny, String> {
        let request = call_function::Request {
            name: name.into(),
            arguments: arguments.iter().filter_map(encoded).collect(),
        };
        let answer = self.plugin.provider.call_function(request).await;
        let answer = answer.unwrap().into_inner();
        match answer.error {
            Some(error) => Err(error.text),
            None => Ok(decoded(&answer.result)),
        }
    }

    /// Validates, plans and invokes an action. Gives what it said on the way.
    pub async fn action(
        &mut self,
        name: &str,
        config: serde_json::Value,
    ) -> Result<Vec<String>, (Vec<String>, Errors)> {
        let schema = self.schemas.action_schemas[name].schema.clone().unwrap();
        let config = encoded(&complete(value(config), block(&schema)));
        let nothing = |errors| (Vec::new(), errors);
        let provider = &mut self.plugin.provider;
        let request = validate_action_config::Request {
            action_type: name.into(),
            config: config.clone(),
        };
        let answer = provider.validate_action_config(request).await;
        succeeded(&answer.unwrap().into_inner().diagnostics).map_err(nothing)?;
        let request = plan_action::Request {
            action_type: name.into(),
            config: config.clone(),
            client_capabilities: Some(self.capabilities),
        };
        let answer = provider.plan_action(request).await.unwrap().into_inner();
        succeeded(&answer.diagnostics).map_err(nothing)?;
        assert_eq!(answer.deferred, None, "{name}: deferred");
        let request = invoke_action::Request {
            action_type: name.into(),
            config,
            client_capabilities: Some(self.capabilities),
        };
        // A provider that dies says nothing more.
        let cut_off = |status: tonic::Status| vec![(status.to_string(), String::new())];
        let mut events = match provider.invoke_action(request).await {
            Ok(events) => events.into_inner(),
            Err(status) => return Err(nothing(cut_off(status))),
        };
        let (mut said, mut completed) = (Vec::new(), None);
        while let Some(event) = events.next().await {
            assert!(completed.is_none(), "{name}: something follows the end");
            let event = match event {
                Ok(event) => event,
                Err(status) => return Err((said, cut_off(status))),
            };
            match event.r#type.expect("an event of some type") {
                invoke_action::event::Type::Progress(progress) => said.push(progress.message),
                invoke_action::event::Type::Completed(end) => completed = Some(end.diagnostics),
            }
        }
        match succeeded(&completed.expect("an action says when it is over")) {
            Ok(()) => Ok(said),
            Err(errors) => Err((said, errors)),
        }
    }

    /// Lists what there is of a resource type.
    pub async fn list(
        &mut self,
        name: &str,
        config: serde_json::Value,
        include_resource_object: bool,
        limit: i64,
    ) -> Result<Vec<Listed>, Errors> {
        let schema = self.schemas.list_resource_schemas[name].clone();
        let config = encoded(&complete(value(config), block(&schema)));
        let request = validate_list_resource_config::Request {
            type_name: name.into(),
            config: config.clone(),
            include_resource_object: encoded(&ValueAny::Bool(include_resource_object)),
            limit: encoded(&ValueAny::Number(limit)),
        };
        let provider = &mut self.plugin.provider;
        let answer = provider.validate_list_resource_config(request).await;
        succeeded(&answer.unwrap().into_inner().diagnostics)?;
        let request = list_resource::Request {
            type_name: name.into(),
            config,
            include_resource_object,
            limit,
        };
        let mut events = provider.list_resource(request).await.unwrap().into_inner();
        let mut found: Vec<Listed> = Vec::new();
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            succeeded(&event.diagnostic)?;
            let warnings = event
                .diagnostic
                .iter()
                .map(|it| it.summary.clone())
                .collect();
            let listed = Listed {
                identity: identity(&event.identity),
                display_name: event.display_name,
                resource: event.resource_object.map(|it| decoded(&Some(it))),
                warnings,
            };
            if listed.identity == ValueAny::Null {
                assert!(
                    !listed.warnings.is_empty(),
                    "{name}: an event about nothing"
                );
                continue;
            }
            assert!(
                !listed.display_name.is_empty(),
                "{name}: an object without a name"
            );
            checks::none(name, [checks::known(&listed.identity)]);
            assert!(
                found.iter().all(|other| other.identity != listed.identity),
                "{name}: {:?} is listed twice",
                listed.identity
            );
            match &listed.resource {
                Some(state) => {
                    assert!(include_resource_object, "{name}: an object unasked");
                    let object = Object {
                        state: state.clone(),
                        private: Vec::new(),
                        identity: listed.identity.clone(),
                    };
                    self.check_object(&format!("list {name}"), name, &object);
                }
                None => assert!(
                    !include_resource_object || !listed.warnings.is_empty(),
                    "{name}: no object, and no word why"
                ),
            }
            found.push(listed);
            assert!(
                limit == 0 || found.len() as i64 <= limit,
                "{name}: more than the limit"
            );
        }
        Ok(found)
    }

    /// The configuration that `terraform query -generate-config-out` writes for an object. It must plan as it is.
    pub async fn generated(&mut self, name: &str, object: &Object) -> Result<ValueAny, Errors> {
        let request = generate_resource_config::Request {
            type_name: name.into(),
            state: encoded(&object.state),
        };
        let answer = self.plugin.provider.generate_resource_config(request).await;
        let answer = answer.unwrap().into_inner();
        succeeded(&answer.diagnostics)?;
        let config = decoded(&answer.config);
        let block = block(self.schema(name));
        checks::none(
            &format!("generate {name}"),
            [
                checks::fits(block, &config),
                checks::known(&config),
                checks::withheld(block, &config),
            ],
        );
        for attribute in block
            .attributes
            .iter()
            .filter(|it| !it.required && !it.optional)
        {
            let value = super::values::member(&config, &attribute.name);
            assert_eq!(
                value,
                ValueAny::Null,
                "{} cannot be configured",
                attribute.name
            );
        }
        Ok(config)
    }

    /// A state of another resource type becomes one of ours.
    pub async fn moved(
        &mut self,
        name: &str,
        (provider, type_name): (&str, &str),
        source: serde_json::Value,
    ) -> Result<Object, Errors> {
        let request = move_resource_state::Request {
            source_provider_address: provider.into(),
            source_type_name: type_name.into(),
            source_state: stored(&value(source)),
            target_type_name: name.into(),
            ..Default::default()
        };
        let answer = self.plugin.provider.move_resource_state(request).await;
        let answer = answer.unwrap().into_inner();
        succeeded(&answer.diagnostics)?;
        let object = Object {
            state: decoded(&answer.target_state),
            private: answer.target_private,
            identity: identity(&answer.target_identity),
        };
        self.check_object(&format!("move to {name}"), name, &object);
        Ok(object)
    }
}
