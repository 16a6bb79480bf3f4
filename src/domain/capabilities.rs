//! What an issuer can do, as far as a decision depends on it. Asked of the connected issuer: the settings may decide it.

use crate::duration::Duration;

/// What one issuer can do, with its settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Where a new key comes from.
    pub supply: Supply,
    /// How long the old key lives beside the new one.
    pub overlap: Overlap,
    /// How many keys an account holds at most, those that are switched off included; `None` where there is no limit that
    /// a resource could meet.
    pub limit: Option<usize>,
    /// Which of its keys it lists.
    pub listing: Listing,
    /// That it does not find an account proves that the account is gone, and its keys with it. Elsewhere an account that the
    /// credentials may not see is not found either, and its keys go on working.
    pub proves_absence: bool,
    /// How late the list may be: a key that it lacks counts as missing only after this time.
    pub list_lag: Duration,
    /// A person declared how it is spoken to, and may be wrong: that a key is missing or revoked is believed only if
    /// nothing else of it says otherwise, neither the list nor whoever accepts the key.
    pub is_declared: bool,
    /// It tells of one key by its id, although it may not list them.
    pub describes: bool,
    /// What a key carries by which the apply that minted it is recognised.
    pub label: Label,
    /// A key can be switched off before it is deleted.
    pub disables: bool,
    /// What it tells of the last use of a key; `None` if nothing.
    pub last_use: Option<LastUse>,
    /// It can be asked for the calls that were made with a key.
    pub records_calls: bool,
    /// Its keys have a public id beside their secret.
    pub key_ids: bool,
    /// It can tell whether a key is accepted, so a new key is proved before it is promoted.
    pub probe: bool,
    /// It ends a key by itself after this time.
    pub expiry: Option<Duration>,
    /// Only one apply at a time may work on an account.
    pub serialised: bool,
    /// A new key is accepted as soon as it is minted. Otherwise whoever accepts it learns of it from a delivery.
    pub valid_at_mint: bool,
    /// Its keys exist where they are delivered and nowhere else: one that was lost on the way is not alive.
    pub local: bool,
}

/// What an issuer tells of the last use of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastUse {
    /// How late it may tell.
    pub lag: Duration,
    /// It tells what was called, and in which region, too.
    pub tells_where: bool,
    /// The list of keys says it, so that nobody has to be asked.
    pub in_list: bool,
    /// The service that it tells of where a key was only proved to work.
    pub proof: Option<&'static str>,
}

/// Where a new key comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Supply {
    /// The issuer mints it on request.
    #[default]
    Minted,
    /// A person brings it: the vendor has no request for it.
    Brought,
}

/// How long the old key lives beside the new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// Until it is revoked.
    #[default]
    UntilRevoked,
    /// Until the vendor is told that the new one takes its place, which is how the old one is revoked.
    UntilPromoted,
}

/// Which of its keys an issuer lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listing {
    /// None.
    #[default]
    None,
    /// Those that carry a label of this provider.
    Labelled,
    /// All of the account, whoever made them.
    Whole,
}

/// What a key carries beside its id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Label {
    /// Nothing.
    #[default]
    None,
    /// A name or note, which others may give as well.
    Name,
    /// A name that no two keys of an account share.
    UniqueName,
}

impl Capabilities {
    /// It lists keys, so what an account holds can be compared.
    pub fn lists(&self) -> bool {
        self.listing != Listing::None
    }

    /// Its account says where the keys are: elsewhere, the same settings would mint at one server and revoke at another.
    pub fn is_bound_to_its_account(&self) -> bool {
        self.inspects() || self.is_declared
    }

    /// It can tell whether a key still exists.
    pub fn inspects(&self) -> bool {
        self.lists() || self.describes
    }
}
