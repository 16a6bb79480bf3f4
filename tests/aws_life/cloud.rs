//! An AWS of its own that checks signatures and policies, and what its administrator does there by hand.

use std::future::Future;
use std::sync::{Arc, LazyLock, OnceLock};

use apikey::context::Context;
use apikey::error::Kind;
use apikey::http::{Refusal, Repeat};
use apikey::secret::Secret;
use apikey::vendors::aws::{self, Json, Query, Service};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tf_provider::value::ValueAny;
use tokio::runtime::Runtime;

use crate::aws::{block, context};
use crate::support::moto::{Moto, Recording};

/// Everything that the provider may ever need.
pub const EVERYTHING: &str = r#""ecs:*","iam:*","secretsmanager:*","ssm:*","sts:*""#;

/// Calls that pass without a check: as many as it takes to have an administrator.
const FREE_CALLS: u32 = 3;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// One server that all tests share; each uses users and secrets of its own.
pub struct Cloud {
    moto: Arc<Moto>,
    root: Context,
    root_key: HandMade,
}

/// A key that was made by hand, with its secret.
#[derive(Clone, Debug)]
pub struct HandMade {
    pub id: String,
    pub secret: String,
}

/// A key as IAM lists it.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub struct Listed {
    pub access_key_id: String,
    pub status: String,
}

impl Cloud {
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cloud> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        Self::on(Moto::start_guarded(FREE_CALLS))
    }

    /// One of its own that can go back to what it was at any moment. It lasts as long as the tests.
    pub fn recorded() -> &'static Self {
        Box::leak(Box::new(Self::on(Moto::start_recorded(FREE_CALLS))))
    }

    /// What it has been through until now, if it is recorded.
    pub fn recording(&self) -> Recording {
        self.moto.recording()
    }

    /// Is again what it was then.
    pub fn replay(&self, recording: &Recording) {
        self.moto.replay(recording);
    }

    fn on(moto: Moto) -> Self {
        let anybody = HandMade {
            id: "AKIATEST".into(),
            secret: "made-up-canary".into(),
        };
        let cloud = Self::reached_by(Arc::new(moto), anybody, None);
        cloud.create_user("root");
        cloud.allow("root", EVERYTHING);
        let root_key = cloud.create_key("root");
        Self::reached_by(cloud.moto, root_key, None)
    }

    /// One with a second account, in which this role may do everything.
    pub fn with_role(arn: &str) -> Self {
        // As above, and the session and the two calls that make the role.
        let cloud = Self::on(Moto::start_guarded(FREE_CALLS + 3));
        let (_, name) = arn.rsplit_once('/').unwrap();
        let there = cloud.in_role(arn);
        let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
        let made = [("RoleName", name), ("AssumeRolePolicyDocument", trust)];
        there.iam("CreateRole", &made);
        let policy = policy(EVERYTHING);
        let parameters = [
            ("RoleName", name),
            ("PolicyName", "test"),
            ("PolicyDocument", policy.as_str()),
        ];
        there.iam("PutRolePolicy", &parameters);
        cloud
    }

    /// The same server as a session of a role reaches it, in the account of the role.
    pub fn in_role(&self, arn: &str) -> Self {
        Self::reached_by(Arc::clone(&self.moto), self.root_key.clone(), Some(arn))
    }

    fn reached_by(moto: Arc<Moto>, key: HandMade, role: Option<&str>) -> Self {
        let mut block = block(&moto.url(), &key.id, &key.secret);
        if let Some(arn) = role {
            let role = [("role_arn".to_owned(), ValueAny::String(arn.into()))];
            let roles = ValueAny::List(vec![ValueAny::Map(role.into())]);
            block.insert("assume_role".to_owned(), roles);
        }
        Self {
            moto,
            root: context(block),
            root_key: key,
        }
    }

    /// The lines of a profile with a session of a role.
    pub fn profile_of_role(&self, arn: &str) -> String {
        let parameters = [("RoleArn", arn), ("RoleSessionName", "test")];
        let query = Query {
            service: Service::Sts,
            operation: "AssumeRole",
            parameters: &parameters,
            repeat: Repeat::Freely,
        };
        let client = aws::client(&self.root).unwrap();
        let answer: AssumeResponse = block_on(client.query(query)).unwrap();
        let session = answer.assume_role_result.credentials;
        format!(
            "aws_access_key_id = {}\naws_secret_access_key = {}\naws_session_token = {}\n",
            session.access_key_id, session.secret_access_key, session.session_token
        )
    }

    pub fn url(&self) -> String {
        self.moto.url()
    }

    pub fn create_user(&self, name: &str) {
        self.iam("CreateUser", &[("UserName", name)]);
    }

    /// Deletes a user with all keys and policies.
    pub fn delete_user(&self, name: &str) {
        for key in self.keys_of(name) {
            self.delete_key(name, &key.access_key_id);
        }
        self.iam("DeleteUser", &[("UserName", name)]);
    }

    /// From now on the user may do these actions and no others.
    pub fn allow(&self, user: &str, actions: &str) {
        self.put_policy(user, &policy(actions));
    }

    /// From now on the user may do everything but these actions.
    pub fn deny(&self, user: &str, actions: &str) {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[
                {{"Effect":"Allow","Action":[{EVERYTHING}],"Resource":"*"}},
                {{"Effect":"Deny","Action":[{actions}],"Resource":"*"}}]}}"#
        );
        self.put_policy(user, &policy);
    }

    /// From now on the user may do what this policy says.
    pub fn put_policy(&self, user: &str, policy: &str) {
        let policy = encodable(policy);
        let parameters = [
            ("UserName", user),
            ("PolicyName", "test"),
            ("PolicyDocument", policy.as_str()),
        ];
        self.iam("PutUserPolicy", &parameters);
    }

    pub fn create_key(&self, user: &str) -> HandMade {
        let response: CreateResponse = self.ask("CreateAccessKey", &[("UserName", user)]);
        let key = response.create_access_key_result.access_key;
        HandMade {
            id: key.access_key_id,
            secret: key.secret_access_key,
        }
    }

    pub fn keys_of(&self, user: &str) -> Vec<Listed> {
        let response: ListResponse = self.ask("ListAccessKeys", &[("UserName", user)]);
        response
            .list_access_keys_result
            .access_key_metadata
            .map(|members| members.member)
            .unwrap_or_default()
    }

    /// The ids of the keys of a user.
    pub fn ids_of(&self, user: &str) -> Vec<String> {
        let keys = self.keys_of(user).into_iter();
        keys.map(|key| key.access_key_id).collect()
    }

    pub fn delete_key(&self, user: &str, id: &str) {
        let parameters = [("UserName", user), ("AccessKeyId", id)];
        self.iam("DeleteAccessKey", &parameters);
    }

    pub fn deactivate_key(&self, user: &str, id: &str) {
        let parameters = [
            ("UserName", user),
            ("AccessKeyId", id),
            ("Status", "Inactive"),
        ];
        self.iam("UpdateAccessKey", &parameters);
    }

    /// Somebody uses this key to ask IAM something. Whether it may or not, it was used.
    pub fn uses(&self, id: &str, secret: &str) {
        let _ = self.asks_with(id, secret, Service::Iam, "ListUsers");
    }

    fn asks_with(
        &self,
        id: &str,
        secret: &str,
        service: Service,
        operation: &str,
    ) -> Result<Done, Refusal> {
        let query = Query {
            service,
            operation,
            parameters: &[],
            repeat: Repeat::Freely,
        };
        let secret = Secret::new(secret.to_owned());
        let client = aws::client(&self.root).unwrap();
        block_on(client.query_with(id, &secret, query))
    }

    /// Whether the server lets somebody in with this key.
    pub fn accepts(&self, id: &str, secret: &str) -> bool {
        match self.asks_with(id, secret, Service::Sts, "GetCallerIdentity") {
            Ok(_) => true,
            Err(refusal) if refusal.kind == Kind::Denied => false,
            Err(refusal) => panic!("{refusal:?}"),
        }
    }

    /// The value of a secret, parsed; null if there is none, or it is to be deleted.
    pub fn secret(&self, id: &str) -> Value {
        let asked = self.secrets_manager(
            "GetSecretValue",
            json!({ "SecretId": id, "VersionStage": "AWSCURRENT" }),
        );
        match asked {
            Ok(answer) => serde_json::from_str(answer["SecretString"].as_str().unwrap()).unwrap(),
            Err(_) => Value::Null,
        }
    }

    /// The labels of each version of a secret.
    pub fn stages(&self, id: &str) -> Value {
        self.describe(id)["VersionIdsToStages"].clone()
    }

    /// What there is to know of a secret; null if there is none.
    pub fn describe(&self, id: &str) -> Value {
        self.secrets_manager("DescribeSecret", json!({ "SecretId": id }))
            .unwrap_or_default()
    }

    /// Somebody writes something else into a secret.
    pub fn overwrite(&self, id: &str, value: &str) {
        let input = json!({ "SecretId": id, "SecretString": value });
        self.secrets_manager("PutSecretValue", input).unwrap();
    }

    pub fn create_secret(&self, id: &str, value: &str) {
        let input = json!({ "Name": id, "SecretString": value });
        self.secrets_manager("CreateSecret", input).unwrap();
    }

    /// Somebody schedules a secret for deletion.
    pub fn delete_secret(&self, id: &str) {
        self.secrets_manager("DeleteSecret", json!({ "SecretId": id }))
            .unwrap();
    }

    /// Somebody deletes a secret for good.
    pub fn purge_secret(&self, id: &str) {
        let input = json!({ "SecretId": id, "ForceDeleteWithoutRecovery": true });
        self.secrets_manager("DeleteSecret", input).unwrap();
    }

    /// A parameter with its value; null if there is none.
    pub fn parameter(&self, name: &str) -> Value {
        let input = json!({ "Name": name, "WithDecryption": true });
        let answer = self.json(Service::Ssm, "GetParameter", input);
        answer.map_or(Value::Null, |answer| answer["Parameter"].clone())
    }

    /// A call to Parameter Store that has to succeed.
    pub fn ssm(&self, operation: &str, input: Value) -> Value {
        self.json(Service::Ssm, operation, input).unwrap()
    }

    /// A call to ECS that has to succeed.
    pub fn ecs(&self, operation: &str, input: Value) -> Value {
        self.json(Service::Ecs, operation, input).unwrap()
    }

    /// A call to Secrets Manager in a region that has to succeed.
    pub fn secrets_in(&self, region: &str, operation: &str, input: Value) -> Value {
        let region = Some(region);
        self.json_in(region, Service::SecretsManager, operation, input)
            .unwrap()
    }

    fn secrets_manager(&self, operation: &str, input: Value) -> Result<Value, Refusal> {
        self.json(Service::SecretsManager, operation, input)
    }

    fn json(&self, service: Service, operation: &str, input: Value) -> Result<Value, Refusal> {
        self.json_in(None, service, operation, input)
    }

    fn json_in(
        &self,
        region: Option<&str>,
        service: Service,
        operation: &str,
        input: Value,
    ) -> Result<Value, Refusal> {
        let json = Json {
            service,
            region,
            operation,
            input: &input,
            secrets: &[],
        };
        block_on(aws::client(&self.root).unwrap().json(json))
    }

    fn iam(&self, operation: &str, parameters: &[(&str, &str)]) {
        let Done {} = self.ask(operation, parameters);
    }

    fn ask<Output: DeserializeOwned>(
        &self,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Output {
        let query = Query {
            service: Service::Iam,
            operation,
            parameters,
            repeat: Repeat::Freely,
        };
        block_on(aws::client(&self.root).unwrap().query(query))
            .unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
    }
}

/// A policy that allows some actions everywhere.
fn policy(actions: &str) -> String {
    encodable(&format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{actions}],"Resource":"*"}}]}}"#
    ))
}

/// moto checks the signature of a form that it has encoded anew, and encodes an asterisk in another way.
fn encodable(policy: &str) -> String {
    policy.replace('*', r"\u002a")
}

fn block_on<Output>(work: impl Future<Output = Output>) -> Output {
    RUNTIME.block_on(work)
}

#[derive(Deserialize)]
struct Done {}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeResponse {
    assume_role_result: AssumeResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeResult {
    credentials: SessionKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SessionKey {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateResponse {
    create_access_key_result: CreateResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateResult {
    access_key: Created,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    access_key_id: String,
    secret_access_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListResponse {
    list_access_keys_result: ListResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListResult {
    access_key_metadata: Option<Members>,
}

#[derive(Deserialize)]
struct Members {
    #[serde(default)]
    member: Vec<Listed>,
}
