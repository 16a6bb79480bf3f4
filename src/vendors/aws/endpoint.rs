//! Where each AWS service answers: partitions, regions, host names and the region that a signature names.

use super::partition::Partition;
use crate::error::{Error, Path};

/// The services that this provider calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Identity and Access Management, one endpoint for a whole partition.
    Iam,
    /// Security Token Service.
    Sts,
    /// Secrets Manager.
    SecretsManager,
    /// Systems Manager, for its Parameter Store.
    Ssm,
    /// The portal of IAM Identity Center, which hands out the credentials of roles.
    Sso,
    /// Where IAM Identity Center signs people in.
    SsoOidc,
    /// Elastic Container Service.
    Ecs,
    /// CloudTrail, which records the calls of each region.
    CloudTrail,
}

/// Which of its names a service is called by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// What is validated after FIPS 140.
    pub fips: bool,
    /// What is reached over IPv6 too.
    pub dual_stack: bool,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Iam,
        Self::Sts,
        Self::SecretsManager,
        Self::Ssm,
        Self::Sso,
        Self::SsoOidc,
        Self::Ecs,
        Self::CloudTrail,
    ];

    /// The name in a signature, in a host name and in the `endpoints` of the provider block.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::SecretsManager => "secretsmanager",
            Self::Ssm => "ssm",
            Self::Sso => "sso",
            Self::SsoOidc => "ssooidc",
            Self::Ecs => "ecs",
            Self::CloudTrail => "cloudtrail",
        }
    }

    /// What stands before the name of an operation of the JSON protocol.
    pub fn target(self) -> &'static str {
        match self {
            Self::Ssm => "AmazonSSM",
            Self::Ecs => "AmazonEC2ContainerServiceV20141113",
            Self::CloudTrail => "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
            service => service.name(),
        }
    }

    /// The name by which Amazon's shared configuration knows it.
    pub fn id(self) -> &'static str {
        match self {
            Self::Iam => "IAM",
            Self::Sts => "STS",
            Self::SecretsManager => "Secrets Manager",
            Self::Ssm => "SSM",
            Self::Sso => "SSO",
            Self::SsoOidc => "SSO OIDC",
            Self::Ecs => "ECS",
            Self::CloudTrail => "CloudTrail",
        }
    }

    /// Whether it answers without a region being chosen.
    pub fn works_without_region(self) -> bool {
        matches!(self, Self::Iam | Self::Sts)
    }

    /// Its URL and the region to sign for. Without a region the commercial partition is meant.
    pub fn locate(self, region: Option<&str>, variant: Variant) -> (String, String) {
        let partition = Partition::of(region);
        let signing = match (self, region) {
            (Self::Iam, _) | (_, None) => partition.global_region,
            (_, Some(region)) => region,
        };
        let usual = variant == Variant::default();
        let host = match (self, region) {
            (Self::Iam, _) => {
                let index = 2 * usize::from(variant.fips) + usize::from(variant.dual_stack);
                partition.iam[index].to_owned()
            }
            (_, None) if usual => format!("{}.{}", self.host(), partition.domain),
            _ => self.regional_host(signing, partition, variant),
        };
        (format!("https://{host}/"), signing.to_owned())
    }

    fn regional_host(self, region: &str, partition: &Partition, variant: Variant) -> String {
        let is_usual =
            self == Self::SecretsManager && partition.dual_stack_secrets[usize::from(variant.fips)];
        let dual_stack = variant.dual_stack && !is_usual;
        let names_fips = matches!(self, Self::SecretsManager | Self::Ecs);
        let has_own_name = names_fips || dual_stack || !partition.fips_by_default;
        let fips = match variant.fips && has_own_name {
            true => "-fips",
            false => "",
        };
        let domain = match dual_stack {
            true => partition.dual_stack_domain,
            false => partition.domain,
        };
        format!("{}{fips}.{region}.{domain}", self.host())
    }

    /// How its hosts begin.
    fn host(self) -> &'static str {
        match self {
            Self::Sso => "portal.sso",
            Self::SsoOidc => "oidc",
            service => service.name(),
        }
    }
}

/// Whether a text can be a region: it becomes part of a host name, so nothing else may pass.
pub fn is_region(text: &str) -> bool {
    let mut parts = text.split('-');
    let number = parts.next_back().unwrap_or_default();
    let words: Vec<&str> = parts.collect();
    words.len() >= 2
        && words
            .iter()
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The error for what cannot be a region.
pub fn wrong_region(region: &str) -> Error {
    Error::invalid(
        Path::root("aws").attribute("region"),
        "The AWS region is not valid",
        format!(
            "{region:?} is not the name of an AWS region, such as \"eu-central-1\". It comes \
             from AWS_REGION, AWS_DEFAULT_REGION or the profile."
        ),
    )
}

/// The error for a service that is called without a region.
pub fn no_region(service: Service) -> Error {
    Error::invalid(
        Path::root("aws").attribute("region"),
        "No AWS region is set",
        format!(
            "{} needs one. Tried, in this order: region of the delivery and of the provider \
             block; AWS_REGION; AWS_DEFAULT_REGION; the profile; the instance metadata. Set one \
             of them, for example aws = {{ region = \"eu-central-1\" }} in the provider block.",
            service.id()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_own_hosts() {
        let usual = Variant::default();
        let fips = Variant {
            fips: true,
            ..usual
        };
        let dual_stack = Variant {
            dual_stack: true,
            ..usual
        };
        for (service, region, variant, host, signed_for) in [
            (Service::Iam, None, usual, "iam.amazonaws.com", "us-east-1"),
            (
                Service::Iam,
                Some("eu-west-1"),
                usual,
                "iam.amazonaws.com",
                "us-east-1",
            ),
            (
                Service::Iam,
                Some("cn-northwest-1"),
                usual,
                "iam.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
            ),
            (
                Service::Iam,
                Some("us-gov-east-1"),
                fips,
                "iam.us-gov.amazonaws.com",
                "us-gov-west-1",
            ),
            (Service::Sts, None, usual, "sts.amazonaws.com", "us-east-1"),
            (
                Service::Sts,
                None,
                fips,
                "sts-fips.us-east-1.amazonaws.com",
                "us-east-1",
            ),
            (
                Service::Sts,
                Some("us-iso-east-1"),
                usual,
                "sts.us-iso-east-1.c2s.ic.gov",
                "us-iso-east-1",
            ),
            (
                Service::Sts,
                Some("us-isob-east-1"),
                usual,
                "sts.us-isob-east-1.sc2s.sgov.gov",
                "us-isob-east-1",
            ),
            (
                Service::Ssm,
                Some("us-gov-east-1"),
                fips,
                "ssm.us-gov-east-1.amazonaws.com",
                "us-gov-east-1",
            ),
            (
                Service::SecretsManager,
                Some("eu-central-1"),
                dual_stack,
                "secretsmanager.eu-central-1.amazonaws.com",
                "eu-central-1",
            ),
        ] {
            let located = service.locate(region, variant);
            assert_eq!(located, (format!("https://{host}/"), signed_for.to_owned()));
        }
    }

    #[test]
    fn only_a_region_is_taken_for_one() {
        for region in [
            "us-east-1",
            "us-gov-west-1",
            "ap-southeast-12",
            "eusc-de-east-1",
        ] {
            assert!(is_region(region), "{region}");
        }
        for text in [
            "",
            "us-east-1a",
            "us-east",
            "useast1",
            "evil.example/-a-1",
            "US-EAST-1",
            "-a-1",
        ] {
            assert!(!is_region(text), "{text}");
        }
    }
}
