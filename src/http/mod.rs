//! The one client of every API: issuers, stores and the request of `verification` send through it and nothing else.
//!
//! `transport` connects, sends once and bounds what comes back; `network` knows proxies and whom to trust. `retry` decides whether a call is sent again and how long
//! it is waited for. `call` puts the two together for a [`Vendor`], which adds its address, its credentials and the way
//! in which it says no; `refusal` turns that into an error that a person can act on, without any secret. `auth`, `pages`
//! and `pace` are what vendors have in common, `template` fills requests that a configuration writes, and `configured` reads what these have in common. An issuer for one more API is a [`Vendor`] and its calls, in one file.

pub mod auth;
mod call;
pub mod configured;
mod link;
mod network;
mod pace;
mod pages;
mod refusal;
mod retry;
mod template;
mod transport;

pub use call::{Body, Call, Used, Vendor, json};
pub use link::next_link;
pub use network::{Alias, Authorities, ClientCertificate, Network, Proxies, is_near, proxy_url};
pub use pace::Pace;
pub use pages::{on_the_same_server, pages, query_of_next};
pub(crate) use refusal::capital;
pub use refusal::{Asked, ErrorBody, Meaning, Refusal, advice, error_in_json, read};
pub use retry::{Ask, Failure, Patience, Repeat, in_a_hurry};
pub use template::{DOTS, Escape, Template, Values, unfit};
pub use transport::{Answer, Http, is_encrypted_or_local, is_on_this_machine};
