//! A provider for the tests: one resource whose `mode` says how it behaves, and one function.

use std::borrow::Cow;
use std::time::Duration;

use apikey::protocol::Registry;
use apikey::schema::{attributes, computed, defaulted, optional, required};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tf_provider::schema::{
    AttributeType, Block, Description, FunctionSchema, Parameter, Schema, Type,
};
use tf_provider::value::{Value, ValueEmpty, ValueMap, ValueNumber, ValueString};
use tf_provider::{AttributePath, DataSource, Diagnostics, Function, Provider, Resource};
use tokio_util::sync::CancellationToken;

use super::demo_newer;

/// Longer than a plugin waits for a client that lost its connection.
const LATE: Duration = Duration::from_secs(4);

/// Never to be seen in anything that the plugin prints.
pub const CANARY: &str = "made-up-canary-7391";

pub fn registry(stop: CancellationToken) -> Registry {
    let registry = Registry::new(Demo)
        .resource_with_upgrade("demo_thing", Thing { stop }, |_version, mut state| {
            if let Some(name) = state.get("title").cloned() {
                state["name"] = name;
            }
            Ok(state)
        })
        .data_source("demo_echo", Echo)
        .function("double", Double);
    demo_newer::add(registry)
}

struct Demo;

#[async_trait]
impl Provider for Demo {
    type Config<'a> = ValueEmpty;
    type MetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        Some(schema(0, attributes([])))
    }
}

pub fn schema(version: i64, attributes: apikey::schema::Attributes) -> Schema {
    let description = Description::plain("For tests.");
    let block = Block {
        attributes,
        description,
        ..Default::default()
    };
    Schema { version, block }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Inner<'a> {
    #[serde(borrow)]
    pub text: ValueString<'a>,
    pub count: ValueNumber,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State<'a> {
    #[serde(borrow)]
    pub id: ValueString<'a>,
    #[serde(borrow)]
    pub name: ValueString<'a>,
    #[serde(borrow)]
    pub mode: ValueString<'a>,
    #[serde(borrow)]
    pub parts: ValueMap<'a, Value<Inner<'a>>>,
    pub size: ValueNumber,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Private {
    #[serde(default)]
    pub changes: u32,
}

struct Thing {
    stop: CancellationToken,
}

impl Thing {
    fn mode<'a>(state: &'a Value<State<'_>>) -> &'a str {
        match state {
            Value::Value(State {
                mode: Value::Value(mode),
                ..
            }) => mode,
            _ => "",
        }
    }
}

#[async_trait]
impl Resource for Thing {
    type State<'a> = Value<State<'a>>;
    type PrivateState<'a> = Private;
    type ProviderMetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        let inner = attributes([
            ("text", optional(AttributeType::String, "Text.")),
            ("count", defaulted(AttributeType::Number, "Count.")),
        ]);
        let attributes = attributes([
            ("id", computed(AttributeType::String, "Id.")),
            ("name", required(AttributeType::String, "Name.")),
            ("mode", optional(AttributeType::String, "Behaviour.")),
            (
                "parts",
                optional(AttributeType::AttributeMap(inner), "Parts."),
            ),
            ("size", optional(AttributeType::Number, "Size.")),
        ]);
        Some(schema(2, attributes))
    }

    async fn read<'a>(
        &self,
        diags: &mut Diagnostics,
        state: Self::State<'a>,
        mut private: Private,
        _: ValueEmpty,
    ) -> Option<(Self::State<'a>, Private)> {
        match Self::mode(&state) {
            "panic" => panic!("{CANARY}"),
            "gone" => None,
            "unreadable" => {
                diags.root_error("Cannot reach the thing", "Try again.");
                private.changes += 1000;
                Some((state, private))
            }
            _ => Some((state, private)),
        }
    }

    async fn plan_create<'a>(
        &self,
        _: &mut Diagnostics,
        mut proposed: Self::State<'a>,
        _: Self::State<'a>,
        _: ValueEmpty,
    ) -> Option<(Self::State<'a>, Private)> {
        if let Value::Value(state) = &mut proposed {
            state.id = Value::Unknown;
            zero_counts(state);
        }
        Some((proposed, Private { changes: 1 }))
    }

    async fn plan_update<'a>(
        &self,
        diags: &mut Diagnostics,
        _: Self::State<'a>,
        mut proposed: Self::State<'a>,
        _: Self::State<'a>,
        mut private: Private,
        _: ValueEmpty,
    ) -> Option<(Self::State<'a>, Private, Vec<AttributePath>)> {
        if Self::mode(&proposed) == "unplannable" {
            diags.error("Bad mode", "Change it.", AttributePath::new("mode"));
            return None;
        }
        if let Value::Value(state) = &mut proposed {
            zero_counts(state);
        }
        private.changes += 1;
        Some((proposed, private, Vec::new()))
    }

    async fn plan_destroy<'a>(
        &self,
        _: &mut Diagnostics,
        _: Self::State<'a>,
        _: Private,
        _: ValueEmpty,
    ) -> Option<Private> {
        Some(Private { changes: 777 })
    }

    async fn create<'a>(
        &self,
        _: &mut Diagnostics,
        mut planned: Self::State<'a>,
        _: Self::State<'a>,
        private: Private,
        _: ValueEmpty,
    ) -> Option<(Self::State<'a>, Private)> {
        match Self::mode(&planned) {
            "nothing" => return None,
            "until_stopped" => self.stop.cancelled().await,
            mode => {
                if let Some(path) = mode.strip_prefix("late:") {
                    tokio::time::sleep(LATE).await;
                    std::fs::write(path, "done").ok()?;
                }
            }
        }
        if let Value::Value(state) = &mut planned {
            state.id = Value::Value(Cow::Borrowed("thing-1"));
        }
        Some((planned, private))
    }

    async fn update<'a>(
        &self,
        _: &mut Diagnostics,
        _: Self::State<'a>,
        planned: Self::State<'a>,
        _: Self::State<'a>,
        private: Private,
        _: ValueEmpty,
    ) -> Option<(Self::State<'a>, Private)> {
        match Self::mode(&planned) {
            "nothing" => None,
            _ => Some((planned, private)),
        }
    }

    async fn destroy<'a>(
        &self,
        _: &mut Diagnostics,
        prior: Self::State<'a>,
        _: Private,
        _: ValueEmpty,
    ) -> Option<()> {
        (Self::mode(&prior) != "indestructible").then_some(())
    }

    async fn import<'a>(
        &self,
        _: &mut Diagnostics,
        id: String,
    ) -> Option<(Self::State<'a>, Private)> {
        let state = State {
            id: Value::Value(id.into()),
            name: Value::Value("imported".into()),
            mode: Value::Null,
            parts: Value::Null,
            size: Value::Null,
        };
        Some((Value::Value(state), Private { changes: 5 }))
    }
}

fn zero_counts(state: &mut State<'_>) {
    let Value::Value(parts) = &mut state.parts else {
        return;
    };
    for part in parts.values_mut() {
        if let Value::Value(part) = part
            && part.count.is_unknown()
        {
            part.count = Value::Value(0);
        }
    }
}

struct Echo;

#[async_trait]
impl DataSource for Echo {
    type State<'a> = Value<EchoState<'a>>;
    type ProviderMetaState<'a> = ValueEmpty;

    fn schema(&self, _: &mut Diagnostics) -> Option<Schema> {
        let attributes = attributes([
            ("text", required(AttributeType::String, "Text.")),
            ("length", computed(AttributeType::Number, "Its length.")),
        ]);
        Some(schema(0, attributes))
    }

    async fn read<'a>(
        &self,
        _: &mut Diagnostics,
        config: Self::State<'a>,
        _: ValueEmpty,
    ) -> Option<Self::State<'a>> {
        Some(config.map(|state| EchoState {
            length: state.text.as_ref().map(|text| text.len() as i64),
            ..state
        }))
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EchoState<'a> {
    #[serde(borrow)]
    pub text: ValueString<'a>,
    pub length: ValueNumber,
}

struct Double;

#[async_trait]
impl Function for Double {
    type Input<'a> = (i64,);
    type Output<'a> = i64;

    fn schema(&self, _: &mut Diagnostics) -> Option<FunctionSchema> {
        Some(FunctionSchema {
            parameters: vec![Parameter {
                name: "number".into(),
                param_type: Type::Number,
                ..Default::default()
            }],
            return_type: Type::Number,
            summary: "Twice a number.".into(),
            ..Default::default()
        })
    }

    async fn call<'a>(&self, diags: &mut Diagnostics, (number,): (i64,)) -> Option<i64> {
        match number {
            13 => {
                diags.function_error(0, "13 is refused");
                None
            }
            _ => Some(number * 2),
        }
    }
}

/// A stored state of the thing, as of schema version 2.
pub fn thing(mode: &str) -> serde_json::Value {
    json!({"id": "thing-1", "name": "x", "mode": mode, "parts": null, "size": null})
}
