//! Older states that are put back: every moment of a life with the state of every earlier one, with the real CLI, for
//! keys of the built-in issuer in files and for keys of an IAM user in Secrets Manager. Right after each apply, whether
//! it succeeded or failed, no live key has lost its last copy, no retiring key its grace, there is no third key, and no
//! document leads with a key that was revoked. What is refused says how to go on, and going on like that brings the key
//! to rest.
//!
//! Every pair of moments has its turn in a few of the variants. `APIKEY_RESTORES=all` runs all of them in about an hour,
//! `APIKEY_RESTORES="warn, <- staged, SavedPlan"` those whose line in the matrix holds these words.

mod cell;
mod files;
mod judge;
mod life;
mod matrix;
mod site;

use std::sync::Mutex;
use std::thread;

use life::Life;
use matrix::Matrix;
use site::Site;

const ON_DRIFT: [&str; 2] = ["warn", "rotate"];

#[test]
fn no_older_state_harms_a_key_of_the_built_in_issuer_in_files() {
    every_older_state("generated", Site::files);
}

#[test]
fn no_older_state_harms_a_key_of_an_iam_user_in_secrets_manager() {
    every_older_state("aws_iam", Site::cloud);
}

fn every_older_state(issuer: &'static str, site: fn() -> Site) {
    let matrix = Mutex::new(Matrix::new(issuer));
    let play = |on_drift| {
        let life = Life::lived(site(), on_drift);
        let cells = matrix.lock().unwrap().chosen(&life);
        for cell in cells {
            let ending = cell.play(&life);
            matrix.lock().unwrap().note(&life, &cell, ending);
        }
    };
    thread::scope(|scope| {
        let play = &play;
        for on_drift in ON_DRIFT {
            scope.spawn(move || play(on_drift));
        }
    });
    matrix.into_inner().unwrap().judge();
}
