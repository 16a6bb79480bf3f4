//! The separate worlds of AWS, by the vendor's own data: `partitions.json` and the endpoint rules of IAM, which its SDKs
//! carry inside and do not hand out. `tests/aws_wire` compares the table with botocore's.

/// One of the separate worlds of AWS.
#[derive(Debug)]
pub struct Partition {
    /// How the names of its regions begin.
    regions: &'static str,
    /// Where its hosts are.
    pub domain: &'static str,
    /// The same for hosts that are reached over IPv6 too.
    pub dual_stack_domain: &'static str,
    /// The region that signs for what is there once in a partition.
    pub global_region: &'static str,
    /// The host of IAM: as usual, by dual stack, by FIPS, by both.
    pub iam: [&'static str; 4],
    /// Its usual host of Secrets Manager is reached over IPv6 too, and so is that of FIPS.
    pub dual_stack_secrets: [bool; 2],
    /// What is validated after FIPS 140 has no name of its own, except for some services.
    pub fips_by_default: bool,
}

/// The commercial partition comes last: it takes every region that no other one claims.
static PARTITIONS: [Partition; 8] = [
    Partition {
        regions: "cn-",
        domain: "amazonaws.com.cn",
        dual_stack_domain: "api.amazonwebservices.com.cn",
        global_region: "cn-north-1",
        iam: [
            "iam.cn-north-1.amazonaws.com.cn",
            "iam.global.api.amazonwebservices.com.cn",
            "iam-fips.amazonaws.com.cn",
            "iam-fips.api.amazonwebservices.com.cn",
        ],
        dual_stack_secrets: [true, false],
        fips_by_default: false,
    },
    Partition {
        regions: "us-gov-",
        domain: "amazonaws.com",
        dual_stack_domain: "api.aws",
        global_region: "us-gov-west-1",
        iam: [
            "iam.us-gov.amazonaws.com",
            "iam.us-gov.api.aws",
            "iam.us-gov.amazonaws.com",
            "iam.us-gov.api.aws",
        ],
        dual_stack_secrets: [true, true],
        fips_by_default: true,
    },
    Partition {
        regions: "eusc-",
        domain: "amazonaws.eu",
        dual_stack_domain: "api.amazonwebservices.eu",
        global_region: "eusc-de-east-1",
        iam: [
            "iam.eusc-de-east-1.amazonaws.eu",
            "iam.api.amazonwebservices.eu",
            "iam-fips.amazonaws.eu",
            "iam-fips.api.amazonwebservices.eu",
        ],
        dual_stack_secrets: [false, false],
        fips_by_default: false,
    },
    Partition {
        regions: "us-iso-",
        domain: "c2s.ic.gov",
        dual_stack_domain: "api.aws.ic.gov",
        global_region: "us-iso-east-1",
        iam: [
            "iam.us-iso-east-1.c2s.ic.gov",
            "iam.api.aws.ic.gov",
            "iam-fips.us-iso-east-1.c2s.ic.gov",
            "iam-fips.api.aws.ic.gov",
        ],
        dual_stack_secrets: [false, false],
        fips_by_default: false,
    },
    Partition {
        regions: "us-isob-",
        domain: "sc2s.sgov.gov",
        dual_stack_domain: "api.aws.scloud",
        global_region: "us-isob-east-1",
        iam: [
            "iam.us-isob-east-1.sc2s.sgov.gov",
            "iam.api.aws.scloud",
            "iam-fips.us-isob-east-1.sc2s.sgov.gov",
            "iam-fips.api.aws.scloud",
        ],
        dual_stack_secrets: [false, false],
        fips_by_default: false,
    },
    Partition {
        regions: "eu-isoe-",
        domain: "cloud.adc-e.uk",
        dual_stack_domain: "api.cloud-aws.adc-e.uk",
        global_region: "eu-isoe-west-1",
        iam: [
            "iam.eu-isoe-west-1.cloud.adc-e.uk",
            "iam.api.cloud-aws.adc-e.uk",
            "iam-fips.cloud.adc-e.uk",
            "iam-fips.api.cloud-aws.adc-e.uk",
        ],
        dual_stack_secrets: [false, false],
        fips_by_default: false,
    },
    Partition {
        regions: "us-isof-",
        domain: "csp.hci.ic.gov",
        dual_stack_domain: "api.aws.hci.ic.gov",
        global_region: "us-isof-south-1",
        iam: [
            "iam.us-isof-south-1.csp.hci.ic.gov",
            "iam.api.aws.hci.ic.gov",
            "iam-fips.csp.hci.ic.gov",
            "iam-fips.api.aws.hci.ic.gov",
        ],
        dual_stack_secrets: [false, false],
        fips_by_default: false,
    },
    Partition {
        regions: "",
        domain: "amazonaws.com",
        dual_stack_domain: "api.aws",
        global_region: "us-east-1",
        iam: [
            "iam.amazonaws.com",
            "iam.global.api.aws",
            "iam-fips.amazonaws.com",
            "iam-fips.global.api.aws",
        ],
        dual_stack_secrets: [true, true],
        fips_by_default: false,
    },
];

impl Partition {
    /// The partition of a region; without one, the commercial one.
    pub fn of(region: Option<&str>) -> &'static Self {
        let region = region.unwrap_or_default();
        let claimed = PARTITIONS
            .iter()
            .find(|partition| region.starts_with(partition.regions));
        // The last row claims every region.
        claimed.unwrap_or(&PARTITIONS[PARTITIONS.len() - 1])
    }
}
