//! The life of a managed resource: validate, plan, plan again, apply, read.

use tf_provider::value::ValueAny;

use super::proposed::proposed;
use super::values::{
    decoded, encoded, identity, identity_data, is_wholly_known, refreshed, stored,
};
use super::{Core, Errors, block, checks, succeeded};
use crate::protocol::client::tfplugin6::*;

/// An object as a state holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    pub state: ValueAny,
    pub private: Vec<u8>,
    pub identity: ValueAny,
}

impl Object {
    /// What was never there, or is no longer.
    pub fn absent() -> Self {
        Self {
            state: ValueAny::Null,
            private: Vec::new(),
            identity: ValueAny::Null,
        }
    }

    pub fn exists(&self) -> bool {
        self.state != ValueAny::Null
    }

    /// A top-level attribute.
    pub fn get(&self, name: &str) -> ValueAny {
        super::values::member(&self.state, name)
    }

    pub fn text(&self, name: &str) -> String {
        match self.get(name) {
            ValueAny::String(text) => text,
            other => panic!("{name} is {other:?}"),
        }
    }
}

/// A planned change.
#[derive(Clone, Debug)]
pub struct Plan {
    pub prior: Object,
    pub config: ValueAny,
    pub planned: ValueAny,
    pub private: Vec<u8>,
    pub identity: ValueAny,
    pub replaces: bool,
    pub deferred: Option<deferred::Reason>,
    pub warnings: Vec<String>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_noop(&self) -> bool {
        !self.replaces && self.planned == self.prior.state
    }

    pub fn get(&self, name: &str) -> ValueAny {
        super::values::member(&self.planned, name)
    }
}

impl Core {
    pub async fn validate(&mut self, name: &str, config: &ValueAny) -> Result<(), Errors> {
        let request = validate_resource_config::Request {
            type_name: name.into(),
            config: encoded(config),
            client_capabilities: Some(self.capabilities),
        };
        let answer = self.plugin.provider.validate_resource_config(request).await;
        succeeded(&answer.unwrap().into_inner().diagnostics)
    }

    /// What Terraform does with an object of its state before it plans.
    pub async fn refresh(&mut self, name: &str, before: &Object) -> Result<Object, Errors> {
        let upgraded = self.upgrade(name, before).await?;
        let request = read_resource::Request {
            type_name: name.into(),
            current_state: encoded(&upgraded.state),
            private: upgraded.private,
            client_capabilities: Some(self.capabilities),
            current_identity: identity_data(&upgraded.identity),
            ..Default::default()
        };
        let answer = self.plugin.provider.read_resource(request).await;
        let answer = answer.unwrap().into_inner();
        succeeded(&answer.diagnostics)?;
        let after = Object {
            state: refreshed(&answer.new_state, block(self.schema(name))),
            private: answer.private,
            identity: identity(&answer.new_identity),
        };
        self.check_object(&format!("read {name}"), name, &after);
        assert_eq!(answer.deferred, None, "{name}: an apply takes no deferral");
        self.check_identity(&format!("read {name}"), name, &before.identity, &after);
        Ok(after)
    }

    async fn upgrade(&mut self, name: &str, before: &Object) -> Result<Object, Errors> {
        let request = upgrade_resource_state::Request {
            type_name: name.into(),
            version: self.schema(name).version,
            raw_state: stored(&before.state),
        };
        let answer = self.plugin.provider.upgrade_resource_state(request).await;
        let answer = answer.unwrap().into_inner();
        succeeded(&answer.diagnostics)?;
        let mut after = before.clone();
        after.state = decoded(&answer.upgraded_state);
        if let Some(schema) = self.identities.get(name)
            && before.identity != ValueAny::Null
        {
            let request = upgrade_resource_identity::Request {
                type_name: name.into(),
                version: schema.version,
                raw_identity: stored(&before.identity),
            };
            let answer = self
                .plugin
                .provider
                .upgrade_resource_identity(request)
                .await;
            let answer = answer.unwrap().into_inner();
            succeeded(&answer.diagnostics)?;
            after.identity = identity(&answer.upgraded_identity);
        }
        assert_eq!(
            after.state, before.state,
            "{name}: the version is the same, the state is not"
        );
        assert_eq!(
            after.identity, before.identity,
            "{name}: the identity is not the same"
        );
        Ok(after)
    }

    /// The first plan of a change.
    pub async fn plan(
        &mut self,
        name: &str,
        prior: &Object,
        config: &ValueAny,
    ) -> Result<Plan, Errors> {
        let first = self.plan_with(name, prior, config, &[]).await?;
        if !first.replaces || first.deferred.is_some() {
            return Ok(first);
        }
        // A replacement is planned once more, as a creation.
        let blank = Object {
            private: first.private.clone(),
            ..Object::absent()
        };
        let created = self.plan_with(name, &blank, config, &[]).await?;
        assert!(!created.replaces, "{name}: a creation that replaces");
        Ok(Plan {
            prior: prior.clone(),
            replaces: true,
            ..created
        })
    }

    async fn plan_with(
        &mut self,
        name: &str,
        prior: &Object,
        config: &ValueAny,
        planned_private: &[u8],
    ) -> Result<Plan, Errors> {
        let schema = self.schema(name).clone();
        let request = plan_resource_change::Request {
            type_name: name.into(),
            prior_state: encoded(&prior.state),
            proposed_new_state: encoded(&proposed(block(&schema), &prior.state, config)),
            config: encoded(config),
            prior_private: prior.private.clone(),
            client_capabilities: Some(self.capabilities),
            prior_identity: identity_data(&prior.identity),
            planned_private: planned_private.to_vec(),
            ..Default::default()
        };
        let answer = self.plugin.provider.plan_resource_change(request).await;
        let answer = answer.unwrap().into_inner();
        succeeded(&answer.diagnostics)?;
        assert!(!answer.legacy_type_system, "{name}: the old type system");
        let plan = Plan {
            planned: decoded(&answer.planned_state),
            private: answer.planned_private,
            identity: identity(&answer.planned_identity),
            replaces: !answer.requires_replace.is_empty() && prior.exists(),
            deferred: answer.deferred.map(|it| it.reason()),
            warnings: answer
                .diagnostics
                .iter()
                .map(|it| it.summary.clone())
                .collect(),
            prior: prior.clone(),
            config: config.clone(),
        };
        let what = format!("plan {name}");
        let block = block(&schema);
        checks::none(
            &what,
            [
                checks::fits(block, &plan.planned),
                checks::withheld(block, &plan.planned),
                checks::plan_is_valid(block, &prior.state, config, &plan.planned),
            ],
        );
        assert!(
            plan.deferred.is_none() || self.capabilities.deferral_allowed,
            "{what}: deferred unasked"
        );
        let steady = prior.identity == ValueAny::Null || plan.replaces;
        assert!(
            steady || plan.identity == prior.identity,
            "{what}: the identity changes from {:?} to {:?}",
            prior.identity,
            plan.identity
        );
        Ok(plan)
    }

    /// The apply of a plan: it plans once more with what is known by now, compares, and applies.
    pub async fn apply(
        &mut self,
        name: &str,
        plan: &Plan,
        config: &ValueAny,
    ) -> Result<Object, (Object, Errors)> {
        assert_eq!(plan.deferred, None, "what is deferred is not applied");
        if plan.is_noop() {
            return Ok(plan.prior.clone());
        }
        if plan.replaces {
            let none = ValueAny::Null;
            let fail = |errors| (plan.prior.clone(), errors);
            let gone = self
                .plan_with(name, &plan.prior, &none, &[])
                .await
                .map_err(fail)?;
            self.apply_planned(name, &gone).await?;
        }
        let mut prior = plan.prior.clone();
        if plan.replaces {
            prior = Object::absent();
        }
        let planned_private = match self.capabilities.store_planned_private {
            true => plan.private.clone(),
            false => Vec::new(),
        };
        let again = self.plan_with(name, &prior, config, &planned_private).await;
        let again = again.map_err(|errors| (prior, errors))?;
        assert!(
            !again.replaces,
            "apply {name}: an update became a replacement"
        );
        if again.is_noop() {
            return Ok(again.prior);
        }
        checks::none(
            &format!("the second plan of {name}"),
            [checks::kept_promises("", &plan.planned, &again.planned)],
        );
        if is_wholly_known(&plan.identity) && plan.identity != ValueAny::Null {
            assert_eq!(again.identity, plan.identity, "the second plan of {name}");
        }
        self.apply_planned(name, &again).await
    }

    async fn apply_planned(&mut self, name: &str, plan: &Plan) -> Result<Object, (Object, Errors)> {
        let request = apply_resource_change::Request {
            type_name: name.into(),
            prior_state: encoded(&plan.prior.state),
            planned_state: encoded(&plan.planned),
            config: encoded(&plan.config),
            planned_private: plan.private.clone(),
            planned_identity: identity_data(&plan.identity),
            ..Default::default()
        };
        let answer = self.plugin.provider.apply_resource_change(request).await;
        let answer = answer.unwrap().into_inner();
        let after = Object {
            state: decoded(&answer.new_state),
            private: answer.private,
            identity: identity(&answer.new_identity),
        };
        let what = format!("apply {name}");
        self.check_object(&what, name, &after);
        if let Err(errors) = succeeded(&answer.diagnostics) {
            return Err((after, errors));
        }
        checks::none(
            &what,
            [checks::kept_promises("", &plan.planned, &after.state)],
        );
        self.check_identity(&what, name, &plan.identity, &after);
        Ok(after)
    }

    /// Plans and applies, reading first what is there.
    pub async fn run(
        &mut self,
        name: &str,
        object: &Object,
        config: &ValueAny,
    ) -> Result<Object, Errors> {
        let mut prior = object.clone();
        if prior.exists() {
            prior = self.refresh(name, &prior).await?;
        }
        if *config != ValueAny::Null {
            self.validate(name, config).await?;
        }
        let plan = self.plan(name, &prior, config).await?;
        self.apply(name, &plan, config)
            .await
            .map_err(|(_, errors)| errors)
    }

    pub async fn import(&mut self, name: &str, id: &str, by: &ValueAny) -> Result<Object, Errors> {
        let request = import_resource_state::Request {
            type_name: name.into(),
            id: id.into(),
            client_capabilities: Some(self.capabilities),
            identity: identity_data(by),
        };
        let answer = self.plugin.provider.import_resource_state(request).await;
        let answer = answer.unwrap().into_inner();
        succeeded(&answer.diagnostics)?;
        assert_eq!(answer.imported_resources.len(), 1, "import {name}");
        let imported = &answer.imported_resources[0];
        assert_eq!(imported.type_name, name);
        let object = Object {
            state: decoded(&imported.state),
            private: imported.private.clone(),
            identity: identity(&imported.identity),
        };
        if answer.deferred.is_some() {
            assert_eq!(
                object.state,
                ValueAny::Unknown,
                "a deferred import knows nothing"
            );
            return Ok(object);
        }
        self.check_object(&format!("import {name}"), name, &object);
        // Terraform reads what it imported before it believes it.
        self.refresh(name, &object).await
    }

    pub(super) fn check_object(&self, what: &str, name: &str, object: &Object) {
        let block = block(self.schema(name));
        checks::none(
            what,
            [
                checks::fits(block, &object.state),
                checks::withheld(block, &object.state),
                checks::known(&object.state),
                checks::known(&object.identity),
            ],
        );
    }

    /// An object that exists has its identity, for good.
    fn check_identity(&self, what: &str, name: &str, before: &ValueAny, after: &Object) {
        let Some(schema) = self.identities.get(name) else {
            assert_eq!(after.identity, ValueAny::Null, "{what}: it has no identity");
            return;
        };
        if !after.exists() {
            return;
        }
        let ValueAny::Map(members) = &after.identity else {
            panic!("{what}: there is no identity");
        };
        let names = schema.identity_attributes.iter().map(|it| &it.name);
        let names: std::collections::BTreeSet<_> = names.collect();
        assert!(
            members.keys().eq(names.iter().copied()),
            "{what}: {members:?}"
        );
        if *before != ValueAny::Null && is_wholly_known(before) {
            assert_eq!(after.identity, *before, "{what}: the identity changed");
        }
    }
}
