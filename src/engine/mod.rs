//! The shell around the rules: [`observe`] looks at issuers and stores, [`run`] carries out moves.
//!
//! Nothing here decides what is due; it is told.

pub mod account;
pub mod account_lock;
pub mod adopt;
pub mod approvals;
pub mod by_hand;
pub mod catch_up;
pub mod collision;
pub mod connections;
pub mod crowd;
pub mod declared;
pub mod deliver;
pub mod elsewhere;
pub mod fault;
pub mod former;
pub mod journal;
pub mod managed;
pub mod observe;
pub mod precondition;
pub mod recover;
pub mod run;
pub mod secret_cache;
pub mod usage;
pub mod verification;
