//! The shell around the rules: [`gather`] looks at issuers and stores, [`execute`] carries out moves.
//!
//! Nothing here decides what is due; it is told.

pub mod adopt;
pub mod connections;
pub mod deliver;
pub mod execute;
pub mod gather;
pub mod managed;
pub mod trespass;
pub mod vault;
pub mod verification;
