//! The name of each service in each partition, by FIPS and dual-stack: as botocore has it, and as it is seen on the wire.

use apikey::vendors::aws::{self, Json, Service, Variant};
use serde::de::IgnoredAny;
use serde_json::json;
use tf_provider::value::ValueAny;

use super::recorder::Recorder;
use super::site::moto;
use crate::aws::{block, context};
use crate::support::cli;
use crate::support::programs;

/// One region of each partition.
const REGIONS: [&str; 8] = [
    "us-east-2",
    "cn-northwest-1",
    "us-gov-east-1",
    "eusc-de-east-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "eu-isoe-west-1",
    "us-isof-south-1",
];

/// Prints a line for each service, region, FIPS and dual-stack, in the order in which they were given.
const SCRIPT: &str = r#"
import sys
from botocore.endpoint_provider import EndpointProvider
from botocore.session import Session
loader = Session().get_component("data_loader")
partitions = loader.load_data("partitions")
for line in sys.argv[1].split(";"):
    name, region, fips, dual_stack = line.split(",")
    name = {"ssooidc": "sso-oidc"}.get(name, name)
    rules = EndpointProvider(loader.load_service_model(name, "endpoint-rule-set-1"), partitions)
    settings = {"Region": region, "UseFIPS": fips == "true", "UseDualStack": dual_stack == "true"}
    if name == "sts":
        settings["UseGlobalEndpoint"] = False
    print(rules.resolve_endpoint(**settings).url)
"#;

const VARIANTS: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

#[test]
fn every_service_has_the_names_that_botocore_gives_it() {
    let Some(python) = programs::python_with("botocore") else {
        return;
    };
    let mut asked = Vec::new();
    let mut ours = Vec::new();
    for service in Service::ALL {
        for region in REGIONS {
            for (fips, dual_stack) in VARIANTS {
                asked.push(format!("{},{region},{fips},{dual_stack}", service.name()));
                let (url, _) = service.locate(Some(region), Variant { fips, dual_stack });
                ours.push(url);
            }
        }
    }
    let mut command = std::process::Command::new(python);
    command.args(["-c", SCRIPT, &asked.join(";")]);
    let said = cli::run(command).stdout;
    let theirs: Vec<&str> = said.lines().collect();
    assert_eq!(theirs.len(), ours.len(), "{said}");
    let mut faults = Vec::new();
    for ((asked, theirs), ours) in asked.iter().zip(theirs).zip(ours) {
        if ours.trim_end_matches('/') != theirs {
            faults.push(format!("{asked}: {ours}, botocore: {theirs}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What a first key does not ask: the other services are seen in no case of the table.
#[tokio::test]
async fn parameter_store_ecs_and_cloudtrail_are_asked_by_fips_and_dual_stack_names() {
    let recorder = Recorder::start(&moto().url());
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, recorder.authority()).unwrap();
    for (fips, dual_stack, middle, domain) in [
        (false, false, "", "us-east-2.amazonaws.com"),
        (true, false, "-fips", "us-east-2.amazonaws.com"),
        (false, true, "", "us-east-2.api.aws"),
        (true, true, "-fips", "us-east-2.api.aws"),
    ] {
        let mut settings = block("", "AKIAEXAMPLEBLOCK", "made-up-canary");
        settings.remove("endpoints");
        for (name, value) in [
            ("region", ValueAny::String("us-east-2".into())),
            ("https_proxy", ValueAny::String(recorder.url())),
            (
                "custom_ca_bundle",
                ValueAny::String(authority.display().to_string()),
            ),
            ("use_fips_endpoint", ValueAny::Bool(fips)),
            ("use_dualstack_endpoint", ValueAny::Bool(dual_stack)),
        ] {
            settings.insert(name.to_owned(), value);
        }
        let client = aws::client(&context(settings)).unwrap();
        for (service, operation) in [
            (Service::Ssm, "DescribeParameters"),
            (Service::Ecs, "ListClusters"),
            (Service::CloudTrail, "DescribeTrails"),
        ] {
            let call = Json {
                service,
                region: None,
                operation,
                input: &json!({}),
                secrets: &[],
            };
            client.json::<_, IgnoredAny>(call).await.unwrap();
            let name = service.name();
            let line =
                format!("{name}{middle}.{domain} {operation} AKIAEXAMPLEBLOCK us-east-2/{name}");
            assert_eq!(recorder.take(), [line]);
        }
    }
}
