//! Histories that ended badly once, each as short as it could be made.

use super::events::{Edit, End, Event, Tamper};
use super::live_through;

/// An apply without a refresh, in which nothing goes wrong.
fn apply() -> Apply {
    Apply::default()
}

#[derive(Default)]
struct Apply {
    refresh: bool,
    faults: u64,
    refuse_probes: bool,
    /// The action rotates the key between the plan and the apply.
    between: bool,
    end: End,
}

impl From<Apply> for Event {
    fn from(apply: Apply) -> Self {
        Self::Apply {
            refresh: apply.refresh,
            late: 0,
            faults: apply.faults,
            refuse_probes: apply.refuse_probes,
            between: apply.between,
            end: apply.end,
        }
    }
}

impl Apply {
    fn refreshed(self) -> Self {
        Self {
            refresh: true,
            ..self
        }
    }

    fn with_faults(self, faults: u64) -> Self {
        Self { faults, ..self }
    }

    fn refusing_probes(self) -> Self {
        Self {
            refuse_probes: true,
            ..self
        }
    }

    fn beside_the_action(self) -> Self {
        Self {
            between: true,
            ..self
        }
    }

    fn unanswered(self, lost: u64) -> Self {
        let end = End { lost, ..self.end };
        Self { end, ..self }
    }

    fn killed(self, moment: u32) -> Self {
        let end = End {
            killed: Some(moment),
            ..self.end
        };
        Self { end, ..self }
    }

    fn suspended(self, moment: u32) -> Self {
        let end = End {
            suspended: Some(moment),
            ..self.end
        };
        Self { end, ..self }
    }

    fn unacknowledged(self) -> Self {
        let end = End {
            unacknowledged: true,
            ..self.end
        };
        Self { end, ..self }
    }
}

fn emergency(revoke_first: bool) -> Event {
    Event::Edit(Edit::Emergency {
        revoke_first,
        all: false,
        break_glass: false,
    })
}

fn ends_well(history: &[Event]) {
    if let Err(violation) = live_through(history) {
        panic!("{violation}");
    }
}

#[test]
fn a_failed_create_is_not_blocked_by_what_a_later_one_left_behind() {
    ends_well(&[
        apply().killed(7).into(),
        apply().refusing_probes().into(),
        Event::Copy,
        apply().killed(5).into(),
        Event::Switch,
    ]);
}

#[test]
fn a_replacement_of_a_lost_key_that_was_killed_once_it_led_is_followed() {
    ends_well(&[
        apply()
            .with_faults(2_308_167_378_942_298_112)
            .suspended(7)
            .into(),
        Event::Tamper(Tamper::Alter(0)),
        Event::Edit(Edit::OnDrift(1)),
        apply().refreshed().killed(15).into(),
    ]);
}

#[test]
fn a_key_of_an_apply_that_nobody_heard_of_keeps_its_resource_when_the_old_key_is_gone() {
    ends_well(&[
        apply().into(),
        Event::Edit(Edit::Deliveries(5)),
        Event::Wait(100),
        Event::Tamper(Tamper::KillPrimary),
        apply().refreshed().unacknowledged().into(),
    ]);
}

#[test]
fn a_staged_key_that_nobody_heard_of_is_not_taken_for_a_stranger_after_its_places_could_not_be_read()
 {
    ends_well(&[
        apply().suspended(0).into(),
        Event::Wait(100),
        apply().unacknowledged().into(),
        Event::Edit(Edit::Deliveries(4)),
        apply()
            .refreshed()
            .with_faults(16_278_002_738_402_679_550)
            .into(),
        Event::Tamper(Tamper::Alter(0)),
    ]);
}

#[test]
fn a_replacement_of_a_lost_key_that_came_late_is_followed_beside_a_second_key_that_is_gone() {
    ends_well(&[
        apply().into(),
        Event::RotateNow { faults: 0 },
        Event::Tamper(Tamper::KillPrimary),
        Event::Tamper(Tamper::Alter(0)),
        Event::Wait(100),
        Event::Refresh { faults: 0 },
        Event::Tamper(Tamper::Alter(1)),
        apply().refreshed().killed(5).into(),
        apply().refreshed().suspended(13).into(),
    ]);
}

/// The apply did nothing, and wrote its older keys over those of the action in the ledger: the old one lost its grace.
#[test]
fn an_edit_that_was_planned_before_an_action_writes_no_older_keys_into_the_ledger() {
    ends_well(&[
        apply().into(),
        Event::Edit(Edit::Offboarded(1)),
        apply().beside_the_action().into(),
        Event::Tamper(Tamper::DropSecondary(0)),
    ]);
}

/// The first look saw both documents, the second none, and the key that leads in them was to be revoked as nobody's.
#[test]
fn a_key_that_a_look_has_seen_leading_is_not_left_behind_because_another_look_fails() {
    ends_well(&[
        apply().into(),
        Event::RotateNow { faults: 0 },
        Event::Tamper(Tamper::DropSecondary(0)),
        apply()
            .refreshed()
            .with_faults(3_639_261_444_295_623_040)
            .into(),
    ]);
}

/// The compromised key beside the compromised primary led in a place that was not written, so that no apply ever ended it.
#[test]
fn a_compromised_key_that_leads_beside_a_compromised_primary_is_ended() {
    ends_well(&[
        apply().into(),
        emergency(false),
        apply()
            .refreshed()
            .with_faults(4_510_197_770_878_976)
            .beside_the_action()
            .into(),
    ]);
}

/// The first write was never answered, so that nothing bound the delivery to its place: the emergency wrote elsewhere and
/// revoked the key that applications went on reading.
#[test]
fn a_place_whose_first_write_was_not_answered_is_not_taken_for_another() {
    ends_well(&[
        apply().unanswered(8_723_543_190_865_219_586).into(),
        Event::Travel(true),
        emergency(false),
        apply().refreshed().into(),
    ]);
}

/// What was known of the revoked primary was noted of its successor: the ledger held a live key for revoked.
#[test]
fn a_successor_is_not_noted_as_revoked_because_the_key_before_it_was() {
    ends_well(&[
        Event::Edit(Edit::Deliveries(0)),
        apply().into(),
        emergency(true),
        apply().with_faults(517_914_137_607_806_976).into(),
        apply()
            .with_faults(27_030_394_931_019_776)
            .unacknowledged()
            .into(),
    ]);
}

#[test]
fn a_compromised_key_that_left_the_documents_before_its_provider_was_killed_is_revoked() {
    ends_well(&[
        Event::Edit(Edit::StoreInState(true)),
        apply().into(),
        emergency(false),
        apply().killed(35).into(),
    ]);
}

#[test]
fn a_place_that_is_not_emptied_yet_brings_no_step_into_a_plan_that_did_not_show_it() {
    ends_well(&[
        apply().into(),
        Event::Edit(Edit::Deliveries(0)),
        apply().unacknowledged().into(),
        Event::Tamper(Tamper::Erase(0)),
        apply().refreshed().into(),
        Event::Apply {
            refresh: false,
            late: 100,
            faults: 0,
            refuse_probes: false,
            between: false,
            end: End::default(),
        },
    ]);
}

/// A plan that only told somebody something was planned again when a step had become due, and Terraform refused the apply.
#[test]
fn a_plan_that_only_tells_somebody_takes_no_step_that_became_due_before_its_apply() {
    let late = Event::Apply {
        refresh: false,
        late: 80,
        faults: 0,
        refuse_probes: false,
        between: false,
        end: End::default(),
    };
    ends_well(&[emergency(false), apply().into(), Event::FreshLedger, late]);
}
