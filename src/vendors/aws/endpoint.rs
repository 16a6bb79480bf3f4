//! Where each AWS service answers: partitions, regions, host names and the region that a signature names.

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
}

/// One of the separate worlds of AWS.
struct Partition {
    /// How the names of its regions begin.
    regions: &'static str,
    domain: &'static str,
    iam_host: &'static str,
    iam_region: &'static str,
}

/// The commercial partition comes last: it takes every region that no other one claims.
const PARTITIONS: &[Partition] = &[
    Partition {
        regions: "cn-",
        domain: "amazonaws.com.cn",
        iam_host: "iam.cn-north-1.amazonaws.com.cn",
        iam_region: "cn-north-1",
    },
    Partition {
        regions: "us-gov-",
        domain: "amazonaws.com",
        iam_host: "iam.us-gov.amazonaws.com",
        iam_region: "us-gov-west-1",
    },
    Partition {
        regions: "eusc-",
        domain: "amazonaws.eu",
        iam_host: "iam.eusc-de-east-1.amazonaws.eu",
        iam_region: "eusc-de-east-1",
    },
    Partition {
        regions: "us-iso-",
        domain: "c2s.ic.gov",
        iam_host: "iam.us-iso-east-1.c2s.ic.gov",
        iam_region: "us-iso-east-1",
    },
    Partition {
        regions: "us-isob-",
        domain: "sc2s.sgov.gov",
        iam_host: "iam.us-isob-east-1.sc2s.sgov.gov",
        iam_region: "us-isob-east-1",
    },
    Partition {
        regions: "",
        domain: "amazonaws.com",
        iam_host: "iam.amazonaws.com",
        iam_region: "us-east-1",
    },
];

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Iam, Self::Sts, Self::SecretsManager, Self::Ssm];

    /// The name in a signature, in a host name and in the `endpoints` of the provider block.
    pub fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::SecretsManager => "secretsmanager",
            Self::Ssm => "ssm",
        }
    }

    /// What stands before the name of an operation of the JSON protocol.
    pub fn target(self) -> &'static str {
        match self {
            Self::Ssm => "AmazonSSM",
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
        }
    }

    /// Whether it answers without a region being chosen.
    pub fn works_without_region(self) -> bool {
        matches!(self, Self::Iam | Self::Sts)
    }

    /// Its URL and the region to sign for. Without a region the commercial partition is meant.
    pub fn locate(self, region: Option<&str>) -> (String, String) {
        let partition = partition_of(region.unwrap_or_default());
        match (self, region) {
            (Self::Iam, _) => (
                format!("https://{}/", partition.iam_host),
                partition.iam_region.to_owned(),
            ),
            (_, Some(region)) => (
                format!("https://{}.{region}.{}/", self.name(), partition.domain),
                region.to_owned(),
            ),
            (_, None) => (
                format!("https://{}.{}/", self.name(), partition.domain),
                partition.iam_region.to_owned(),
            ),
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

fn partition_of(region: &str) -> &'static Partition {
    let claimed = PARTITIONS
        .iter()
        .find(|partition| region.starts_with(partition.regions));
    // The last row claims every region.
    claimed.unwrap_or(&PARTITIONS[PARTITIONS.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_own_hosts() {
        for (service, region, url, signed_for) in [
            (
                Service::Iam,
                None,
                "https://iam.amazonaws.com/",
                "us-east-1",
            ),
            (
                Service::Iam,
                Some("eu-west-1"),
                "https://iam.amazonaws.com/",
                "us-east-1",
            ),
            (
                Service::Iam,
                Some("cn-northwest-1"),
                "https://iam.cn-north-1.amazonaws.com.cn/",
                "cn-north-1",
            ),
            (
                Service::Iam,
                Some("us-gov-east-1"),
                "https://iam.us-gov.amazonaws.com/",
                "us-gov-west-1",
            ),
            (
                Service::Sts,
                None,
                "https://sts.amazonaws.com/",
                "us-east-1",
            ),
            (
                Service::Sts,
                Some("us-iso-east-1"),
                "https://sts.us-iso-east-1.c2s.ic.gov/",
                "us-iso-east-1",
            ),
            (
                Service::SecretsManager,
                Some("eu-central-1"),
                "https://secretsmanager.eu-central-1.amazonaws.com/",
                "eu-central-1",
            ),
            (
                Service::Ssm,
                Some("cn-north-1"),
                "https://ssm.cn-north-1.amazonaws.com.cn/",
                "cn-north-1",
            ),
        ] {
            let located = service.locate(region);
            assert_eq!(located, (url.to_owned(), signed_for.to_owned()));
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
