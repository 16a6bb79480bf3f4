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
    end: End,
}

impl From<Apply> for Event {
    fn from(apply: Apply) -> Self {
        Self::Apply {
            refresh: apply.refresh,
            late: 0,
            faults: apply.faults,
            refuse_probes: apply.refuse_probes,
            between: false,
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
