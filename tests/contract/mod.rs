//! What every issuer and every store of the tables has to keep, whoever writes it. An entry without a description, an
//! example, a page, permissions or a fake fails here.

/// The pages, as their own target makes them.
#[allow(dead_code)]
#[path = "../docs/main.rs"]
mod docs;
/// What the servers of the entries answer.
mod fakes;
/// What GitHub answers.
mod github;
/// A declared API.
pub mod hub;
/// Every call of every issuer, whatever its server does.
mod issuers;
/// What a Kubernetes API server answers.
#[cfg(unix)]
mod kubernetes;
/// Vendors that only their own servers know, played by fakes.
mod saas;
/// An issuer and a store that nobody needs, added in one file and one line each.
#[cfg(unix)]
mod shape;
/// Every call of every store, whatever its server does.
mod stores;
/// What an entry has to bring along.
mod tables;
/// Ways to fail that every server has.
mod trouble;
/// What Vault answers.
#[cfg(unix)]
mod vault;

#[tokio::test]
async fn every_entry_of_the_tables_is_whole() {
    tables::are_whole();
}

#[tokio::test]
async fn every_issuer_says_what_went_wrong_and_gives_no_secret_away() {
    issuers::survive_every_trouble().await;
}

#[tokio::test]
async fn every_issuer_mints_lists_and_revokes_as_it_says() {
    issuers::live().await;
}

#[tokio::test]
async fn every_store_says_what_went_wrong_and_gives_no_secret_away() {
    stores::survive_every_trouble().await;
}

#[tokio::test]
async fn every_store_writes_reads_and_removes_what_was_expected() {
    stores::live().await;
}
