//! How a plugin is found, trusted, stopped and ended.

use std::time::Duration;

use serde_json::json;
use tokio::process::Command;
use tokio_stream::StreamExt;
use tonic::Code;
use tonic::codegen::Service;

use super::client::health::HealthCheckRequest;
use super::client::health::health_client::HealthClient;
use super::client::plugin::Empty;
use super::client::plugin::grpc_stdio_client::GrpcStdioClient;
use super::client::tfplugin6::provider_client::ProviderClient;
use super::client::tfplugin6::{
    apply_resource_change, get_metadata, get_provider_schema, stop_provider,
};
use super::client::{COOKIE, Identity, PATIENCE, Plugin, connect, json, launch, value};
use super::demo::thing;
use crate::support::golden;

const BINARY: &str = env!("CARGO_BIN_EXE_terraform-provider-apikey");

#[tokio::test]
async fn started_by_hand_it_explains_itself_and_fails() {
    let output = Command::new(BINARY).output().await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("required_providers"), "{text}");
}

#[tokio::test]
async fn a_client_of_another_protocol_is_told_so() {
    let mut command = Command::new(BINARY);
    command.env("TF_PLUGIN_MAGIC_COOKIE", COOKIE);
    command.env("PLUGIN_PROTOCOL_VERSIONS", "4,5");
    let output = command.output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("version 6"));
}

#[tokio::test]
async fn the_handshake_names_a_socket_and_a_certificate() {
    let plugin = Plugin::start().await;
    assert_eq!(plugin.line[..3], ["1", "6", "unix"]);
    assert_eq!(plugin.line[4], "grpc");
    assert!(!plugin.line[5].ends_with('='));
    assert!(plugin.socket().exists());
}

#[tokio::test]
async fn without_a_directory_for_sockets_it_listens_on_tcp() {
    let environment = [
        ("PLUGIN_UNIX_SOCKET_DIR", "/nonexistent"),
        ("PLUGIN_MIN_PORT", "20000"),
        ("PLUGIN_MAX_PORT", "21000"),
    ];
    let (_child, line, _sockets) = launch(&Identity::new(), &environment).await;
    assert_eq!(line[2], "tcp");
    let port = line[3].strip_prefix("127.0.0.1:").unwrap();
    assert!((20000..=21000).contains(&port.parse::<u16>().unwrap()));
}

#[tokio::test]
async fn the_schema_is_the_same_bytes_every_time() {
    let mut first = Plugin::start().await;
    let mut second = Plugin::start().await;
    let request = get_provider_schema::Request {};
    let one = first.provider.get_provider_schema(request).await.unwrap();
    let two = second.provider.get_provider_schema(request).await.unwrap();
    let (one, two) = (one.into_inner(), two.into_inner());
    assert!(one.diagnostics.is_empty(), "{one:?}");
    assert_eq!(one, two);
    assert!(one.server_capabilities.unwrap().plan_destroy);
    assert_eq!(one.functions.len(), 1);
}

fn create(mode: &str) -> apply_resource_change::Request {
    apply_resource_change::Request {
        type_name: "demo_thing".into(),
        prior_state: value(json!(null)),
        planned_state: value(thing(mode)),
        config: value(thing(mode)),
        ..Default::default()
    }
}

#[tokio::test]
async fn stop_winds_work_down_while_answers_continue() {
    let mut plugin = Plugin::start().await;
    let mut other = plugin.provider.clone();
    let working =
        tokio::spawn(async move { other.apply_resource_change(create("until_stopped")).await });
    // Once this is answered, the call before it on the same connection has been taken.
    plugin
        .provider
        .get_metadata(get_metadata::Request {})
        .await
        .unwrap();
    assert!(!working.is_finished());

    plugin
        .provider
        .stop_provider(stop_provider::Request {})
        .await
        .unwrap();

    let answer = working.await.unwrap().unwrap().into_inner();
    assert_eq!(json(&answer.new_state)["id"], "thing-1");
    let later = plugin.provider.apply_resource_change(create("")).await;
    assert!(later.unwrap().into_inner().diagnostics.is_empty());
}

#[tokio::test]
async fn a_change_that_nobody_waits_for_is_brought_to_its_end() {
    let plugin = Plugin::start().await;
    let marker = tempfile::tempdir().unwrap();
    let path = marker.path().join("done");
    let mut other = plugin.provider.clone();
    let mode = format!("late:{}", path.display());
    let working = tokio::spawn(async move { other.apply_resource_change(create(&mode)).await });
    let mut provider = plugin.provider.clone();
    provider
        .get_metadata(get_metadata::Request {})
        .await
        .unwrap();
    working.abort();
    for _ in 0..200 {
        if path.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the change was dropped");
}

#[tokio::test]
async fn a_plugin_whose_client_was_killed_finishes_the_call_in_flight_and_ends() {
    // Logs that nobody reads any more are no hindrance.
    let plugin = Plugin::start_with(&[("TF_LOG", "TRACE")]).await;
    let socket = plugin.socket();
    let marker = tempfile::tempdir().unwrap();
    let path = marker.path().join("done");
    let mut other = plugin.provider.clone();
    let mode = format!("late:{}", path.display());
    let working = tokio::spawn(async move { other.apply_resource_change(create(&mode)).await });
    let mut provider = plugin.provider.clone();
    let request = get_metadata::Request {};
    provider.get_metadata(request).await.unwrap();
    drop(provider);
    working.abort();
    let _ = working.await;

    assert!(plugin.abandon().await);
    assert!(path.exists(), "the change was dropped");
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_client_that_comes_back_is_served() {
    let identity = Identity::new();
    let (mut child, line, _sockets) = launch(&identity, &[]).await;
    for _ in 0..3 {
        let channel = connect(&line, Some(&identity)).await.unwrap();
        let mut provider = ProviderClient::new(channel);
        let request = get_metadata::Request {};
        provider.get_metadata(request).await.unwrap();
    }
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
    assert!(ended.expect("it ends by itself").unwrap().success());
}

#[tokio::test]
async fn the_socket_of_a_killed_plugin_is_removed_by_the_next_one() {
    let sockets = tempfile::tempdir().unwrap();
    let directory = sockets.path().to_str().unwrap();
    let environment = [("PLUGIN_UNIX_SOCKET_DIR", directory)];
    let living = Plugin::start_with(&environment).await;
    let killed = Plugin::start_with(&environment).await;
    let left = killed.socket();
    killed.kill().await;
    assert!(left.exists());

    let next = Plugin::start_with(&environment).await;
    for _ in 0..600 {
        if !left.parent().unwrap().exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!left.parent().unwrap().exists());
    assert!(living.socket().exists() && next.socket().exists());
}

#[tokio::test]
async fn nothing_is_served_over_tcp_without_certificates() {
    for (arguments, environment) in [
        (
            &[][..],
            &[
                ("TF_PLUGIN_MAGIC_COOKIE", COOKIE),
                ("PLUGIN_UNIX_SOCKET_DIR", "/nonexistent"),
            ][..],
        ),
        (&["--debug"][..], &[("TMPDIR", "/nonexistent")][..]),
    ] {
        let mut command = Command::new(BINARY);
        command.args(arguments).envs(environment.iter().copied());
        let output = tokio::time::timeout(PATIENCE, command.output()).await;
        let output = output.expect("it ends by itself").unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        golden::printed("tcp-without-certificates", &text);
    }
}

#[tokio::test]
async fn a_bad_frame_ends_that_call_only() {
    let mut plugin = Plugin::start().await;
    let too_large = "\0\x7f\0\0\0";
    let truncated = "\0\0\0\0\x0aab";
    let nonsense = "\0\0\0\0\x02\x0a\x7f";
    for frame in [too_large, truncated, nonsense] {
        let request = http::Request::post("http://localhost/tfplugin6.Provider/ReadResource")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(tonic::body::boxed(frame.to_owned()))
            .unwrap();
        std::future::poll_fn(|context| plugin.channel.poll_ready(context))
            .await
            .unwrap();
        let response = plugin.channel.call(request).await.unwrap();
        let code = response
            .headers()
            .get("grpc-status")
            .map(|it| Code::from_bytes(it.as_bytes()));
        assert!(code.is_some_and(|code| code != Code::Ok), "{response:?}");
    }
    let answer = plugin.provider.get_metadata(get_metadata::Request {}).await;
    assert_eq!(answer.unwrap().into_inner().resources.len(), 2);
}

#[tokio::test]
async fn it_is_healthy_and_its_output_stays_open_until_it_is_shut_down() {
    let plugin = Plugin::start().await;
    let mut health = HealthClient::new(plugin.channel.clone());
    let service = |name: &str| HealthCheckRequest {
        service: name.into(),
    };
    let answer = health.check(service("plugin")).await.unwrap();
    assert_eq!(answer.into_inner().status, 1);
    assert_eq!(
        health.check(service("other")).await.unwrap_err().code(),
        Code::NotFound
    );

    let mut stdio = GrpcStdioClient::new(plugin.channel.clone());
    let output = stdio.stream_stdio(Empty {}).await.unwrap().into_inner();
    let output = tokio::spawn(output.collect::<Vec<_>>());
    health.check(service("plugin")).await.unwrap();
    assert!(!output.is_finished());

    let socket = plugin.socket();
    drop((health, stdio));
    let (ended_well, _) = plugin.end().await;
    assert!(ended_well);
    assert!(output.await.unwrap().is_empty());
    assert!(!socket.exists());
}

#[tokio::test]
async fn logs_are_lines_of_json_and_only_on_demand() {
    for (level, expected) in [("DEBUG", true), ("", false)] {
        let mut plugin = Plugin::start_with(&[("TF_LOG", level)]).await;
        plugin
            .provider
            .apply_resource_change(create(""))
            .await
            .unwrap();
        let (_, log) = plugin.end().await;
        assert_eq!(log.contains("ApplyResourceChange"), expected, "{log}");
        for line in log.lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect(line);
            for key in ["@level", "@message", "@module", "@timestamp"] {
                assert!(line[key].is_string(), "{key} in {line}");
            }
        }
    }
}
