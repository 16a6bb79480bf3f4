//! One call, and what there is to compare of it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Allow, Kind, Watched};
use crate::domain::usage::RecordedCall;
use crate::duration::Duration;
use crate::instant::Instant;

/// Calls of the service that proves keys, this near to an instant at which one is proved, are the provider's own.
const NEAR_PROOF: Duration = Duration::from_mins(15);

/// One call, and what is known of it besides.
pub(super) struct Call<'a> {
    pub key: Watched<'a>,
    pub region: &'a str,
    pub it: &'a RecordedCall,
}

impl<'a> Watched<'a> {
    /// What others called with it.
    pub(super) fn calls(self, proof: Option<&str>) -> impl Iterator<Item = Call<'a>> {
        let calls = self.records.iter().flat_map(move |record| {
            let region = record.region.as_str();
            record.calls.iter().map(move |it| Call {
                key: self,
                region,
                it,
            })
        });
        calls.filter(move |call| !self.is_our_own(call.it, proof))
    }

    /// A key is proved when it is minted and again when it is promoted.
    fn is_our_own(self, call: &RecordedCall, proof: Option<&str>) -> bool {
        let proved = self
            .known
            .map(|key| [Some(key.created_at), key.verified_at, key.promoted_at]);
        let mut proved = proved.into_iter().flatten().flatten();
        proof == Some(&call.service)
            && proved.any(|at| call.at >= at - NEAR_PROOF && call.at <= at + NEAR_PROOF)
    }

    pub(super) fn retired_at(self) -> Option<Instant> {
        self.known?.retired_at
    }
}

impl Call<'_> {
    /// What a baseline may know of it, without what is allowed anyway.
    pub fn traits(&self, allow: &Allow) -> Vec<(Kind, String)> {
        let is_in = |all: &[String], name: &str| all.iter().any(|it| it == name);
        let mut traits = vec![(Kind::UnusualHour, hour(self.it.at))];
        if !is_in(&allow.services, &self.it.service) {
            traits.push((Kind::NewService, self.it.service.clone()));
        }
        if !is_in(&allow.regions, self.region) {
            traits.push((Kind::NewRegion, self.region.to_owned()));
        }
        if let Some(address) = &self.it.address
            && !allow.networks.iter().any(|it| it.holds(address))
        {
            traits.push((Kind::NewNetwork, network(address)));
        }
        traits
    }

    pub fn is_denied(&self) -> bool {
        let code = self.it.error_code.as_deref().unwrap_or_default();
        ["AccessDenied", "UnauthorizedOperation"]
            .iter()
            .any(|it| code.contains(it))
    }
}

/// Where calls come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Any address of a network.
    Network(IpNet),
    /// A service of the vendor that calls for somebody.
    Service(String),
}

impl Source {
    /// `203.0.113.0/24`, one address, or a service as CloudTrail names it in place of an address.
    pub fn parse(text: &str) -> Option<Self> {
        let network = text
            .parse()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let is_service = text.ends_with(".amazonaws.com") || text == "AWS Internal";
        let service = || is_service.then(|| Self::Service(text.to_owned()));
        network.map(Self::Network).ok().or_else(service)
    }

    /// Whether it is all of a network that a finding names.
    pub(super) fn covers(&self, name: &str) -> bool {
        match self {
            Self::Network(network) => name.parse().is_ok_and(|it: IpNet| network.contains(&it)),
            Self::Service(service) => service == name,
        }
    }

    fn holds(&self, address: &str) -> bool {
        match self {
            Self::Network(network) => address
                .parse()
                .is_ok_and(|it: IpAddr| network.contains(&it)),
            Self::Service(name) => name == address,
        }
    }
}

/// Addresses change within a network, and one of them is somebody's personal data. What is no address is told as it is.
fn network(address: &str) -> String {
    let Ok(ip) = address.parse::<IpAddr>() else {
        return address.to_owned();
    };
    let length = if ip.is_ipv4() { 24 } else { 48 };
    IpNet::new(ip, length).map_or_else(|_| address.to_owned(), |net| net.trunc().to_string())
}

/// `03:00 and 04:00`
fn hour(at: Instant) -> String {
    let hour = at.unix() / 3_600 % 24;
    format!("{hour:02}:00 and {:02}:00", (hour + 1) % 24)
}
