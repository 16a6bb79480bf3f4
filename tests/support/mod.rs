<<<<<<< HEAD
//! Servers and contexts that tests start from.

pub mod child;
pub mod fake;
pub mod moto;
=======
//! What the tests share: the real CLI around the real binary, and stand-ins for the world behind it.

pub mod cli;
pub mod keys;
pub mod outcome;
pub mod state;
pub mod workspace;
>>>>>>> accept
