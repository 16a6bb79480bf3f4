//! The shell around the rules: [`gather`] looks at issuers and stores, [`run`] carries out moves.
//!
//! Nothing here decides what is due; it is told.

pub mod adopt;
pub mod catch_up;
pub mod connections;
pub mod crowd;
pub mod deliver;
pub mod elsewhere;
pub mod fault;
pub mod former;
pub mod gather;
pub mod journal;
pub mod managed;
pub mod precondition;
pub mod recover;
pub mod run;
pub mod trespass;
pub mod turn;
pub mod vault;
pub mod verification;
