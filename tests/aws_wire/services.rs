//! What moto does not answer: the metadata of containers and instances, and IAM Identity Center.

use super::request::Request;

/// The token of a container, and the one that an instance hands out.
pub const CONTAINER_TOKEN: &str = "made-up-container-token";
const INSTANCE_TOKEN: &str = "made-up-instance-token";

/// A sign-in that holds, and what it is renewed with.
pub const SIGN_IN: &str = "made-up-sign-in";
pub const REFRESH: &str = "made-up-refresh";

/// The answer to a request that is not for moto.
pub fn answer(request: &Request, host: Option<&str>) -> Option<String> {
    match host {
        Some(host) if host.starts_with("portal.sso") => Some(portal(request)),
        Some(host) if host.starts_with("oidc") => Some(oidc(request)),
        Some(_) => identity(request),
        None => near(request),
    }
}

fn near(request: &Request) -> Option<String> {
    let of_instance = "/latest/meta-data/iam/security-credentials/";
    let has_token = request.header("x-aws-ec2-metadata-token") == Some(INSTANCE_TOKEN);
    let answer = match (request.method.as_str(), request.path()) {
        ("PUT", "/latest/api/token") => {
            let asks = request
                .header("x-aws-ec2-metadata-token-ttl-seconds")
                .is_some();
            say(if asks { 200 } else { 400 }, INSTANCE_TOKEN)
        }
        ("GET", path) if path.starts_with("/latest/") && !has_token => say(401, ""),
        ("GET", "/latest/meta-data/placement/region") => say(200, "eu-west-2"),
        ("GET", path) if path == of_instance => say(200, "web"),
        ("GET", path) if path == format!("{of_instance}web") => key("ASIAEXAMPLEINSTANCE"),
        ("GET", "/container") => key("ASIAEXAMPLECONTAINER"),
        ("GET", "/guarded") if request.header("authorization") == Some(CONTAINER_TOKEN) => {
            key("ASIAEXAMPLEGUARDED")
        }
        ("GET", "/guarded") => say(401, ""),
        _ => return None,
    };
    Some(answer)
}

fn key(id: &str) -> String {
    say(
        200,
        &format!(
            r#"{{"Code":"Success","AccessKeyId":"{id}","SecretAccessKey":"made-up-canary","Token":"made-up-canary","Expiration":"2999-01-01T00:00:00Z"}}"#
        ),
    )
}

/// Moto takes any token.
fn identity(request: &Request) -> Option<String> {
    let token = request.parameter("WebIdentityToken")?;
    let (status, code) = match token.strip_prefix("made-up-canary-of-")? {
        "a-stranger" => (400, "InvalidIdentityToken"),
        "another-branch" => (403, "AccessDenied"),
        "yesterday" => (400, "ExpiredTokenException"),
        _ => return None,
    };
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{token}</Message></Error></ErrorResponse>"
    );
    Some(say(status, &body))
}

fn portal(request: &Request) -> String {
    match request.header("x-amz-sso_bearer_token") {
        Some(SIGN_IN) if request.target.contains("role_name=forbidden") => say(
            403,
            r#"{"__type":"com.amazonaws.switchboard.portal#ForbiddenException","message":"No access"}"#,
        ),
        Some(SIGN_IN) => say(
            200,
            r#"{"roleCredentials":{"accessKeyId":"ASIAEXAMPLESIGNIN","secretAccessKey":"made-up-canary","sessionToken":"made-up-canary","expiration":32472144000000}}"#,
        ),
        _ => say(
            401,
            r#"{"__type":"com.amazonaws.switchboard.portal#UnauthorizedException","message":"Session token not found or invalid"}"#,
        ),
    }
}

fn oidc(request: &Request) -> String {
    match request.body().contains(REFRESH) {
        true => say(
            200,
            &format!(
                r#"{{"accessToken":"{SIGN_IN}","expiresIn":28800,"refreshToken":"{REFRESH}","tokenType":"Bearer"}}"#
            ),
        ),
        false if request.body().contains("of-an-outage") => say(503, "{}"),
        false => say(
            400,
            r#"{"error":"invalid_grant","error_description":"Invalid refresh token provided"}"#,
        ),
    }
}

fn say(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nConnection: close\r\n\
         X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
