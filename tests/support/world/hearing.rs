//! What people are told, as they hear it: nothing twice.

use apikey::domain::notices::Event;
use apikey::ledger::outbox::Message;
use apikey::notify::Trouble;

use super::State;

impl State {
    /// A message arrives, unless it does not, and is answered, unless it is not.
    pub(super) fn hear(&mut self, message: &Message) -> Result<(), Trouble> {
        let (is_deaf, is_mute) = (self.deaf & 1 == 1, self.deaf & 2 == 2);
        self.deaf >>= 2;
        if is_deaf {
            return Err(Trouble::passing("nobody listens"));
        }
        let what = &message.told;
        if self.concluded.contains(&message.id) {
            self.accuse(format!("{:?} was told again: {what:?}", message.id));
        }
        let of_a_key = [Event::Staged, Event::Promoted, Event::Revoked].contains(&what.event);
        let same = self.heard.iter().find(|(id, heard)| {
            *id != message.id && heard.event == what.event && heard.key == what.key
        });
        if let Some((_, heard)) = same.filter(|_| of_a_key) {
            let twice = format!("one thing was told in two messages: {heard:?} and {what:?}");
            self.accuse(twice);
        }
        self.heard.push((message.id.clone(), what.clone()));
        match is_mute {
            true => Err(Trouble::passing("no answer")),
            false => Ok(()),
        }
    }
}
