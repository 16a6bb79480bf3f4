//! The rules of a key's life. Pure: no I/O, no async, no clock, no Terraform types.
//!
//! [`policy`] says how often and how gently, `policy_faults` what is wrong with one. [`slots`] is what exists,
//! [`situation`] what is known of it. [`rules`] is the ordered list that [finds](finding) what is to be done
//! (`retiring` are those of the old key, [`emergency`] is that of a compromised one, [`approval`] what a person has to approve, `ways` is what a person can do where
//! no move helps), [`course`] puts the
//! [`moves`] of one apply together, for which [`foresight`] says what each makes of the keys. [`planner`] asks for them at
//! the right instant, [`steps`] turns a move into effects in order, [`status`] and [`announce`] put into words what was
//! found.
//!
//! [`word`] says how far a person is believed who says that a key was revoked, and [`newness`] whether a key that is brought is
//! one that nobody has yet.
//!
//! [`expected`] compares how a key is used with what somebody expects, [`anomalies`] with how it was used before.
//!
//! [`keys`], [`effects`], [`listed`] and [`usage`] are the words in which ledger and issuers tell what there is; [`recovery`]
//! makes of them what an apply that did not finish left behind.

pub mod announce;
pub mod anomalies;
pub mod approval;
pub mod capabilities;
pub mod course;
pub mod deliveries;
pub mod deployments;
pub mod effects;
pub mod emergency;
pub mod expected;
pub mod finding;
pub mod foresight;
pub mod gates;
pub mod keys;
pub mod listed;
pub mod moves;
pub mod newness;
pub mod notices;
pub mod offboarding;
pub mod planner;
pub mod policy;
mod policy_faults;
pub mod recovery;
pub mod retiring;
pub mod rules;
pub mod situation;
pub mod slots;
pub mod status;
pub mod steps;
pub mod usage;
mod ways;
pub mod word;
