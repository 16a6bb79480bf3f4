//! Processes of the provider, which may be killed or suspended at any moment.

use std::sync::Arc;

use super::World;

impl World {
    /// The same world, seen by another process.
    pub fn of_process(&self, process: u32) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            process,
        }
    }

    /// A moment at which the process may be suspended: then it goes on when somebody wakes it up.
    pub async fn doze(&self) {
        let sleeps = {
            let mut state = self.state();
            match &mut state.suspend_in {
                Some(0) => {
                    state.suspend_in = None;
                    state.asleep = Some(self.process);
                    state.slept.notify_one();
                    true
                }
                Some(left) => {
                    *left -= 1;
                    false
                }
                None => state.asleep == Some(self.process),
            }
        };
        if sleeps {
            self.rest().await;
        }
    }

    /// Resolves when the process is awake.
    pub async fn rest(&self) {
        loop {
            let woken = Arc::clone(&self.state().woken);
            let mut next = std::pin::pin!(woken.notified());
            next.as_mut().enable();
            if self.state().asleep != Some(self.process) {
                return;
            }
            next.await;
        }
    }

    /// Resolves when a process was suspended, and tells which.
    pub async fn suspension(&self) -> u32 {
        let slept = Arc::clone(&self.state().slept);
        slept.notified().await;
        self.state().asleep.unwrap_or(self.process)
    }

    /// The suspended process goes on, long after its lock was passed on.
    pub fn wake(&self) {
        let mut state = self.state();
        let late = state.asleep.take();
        state.late.extend(late);
        state.woken.notify_waiters();
    }

    /// An effect of a process that has no lock any more.
    pub(super) fn refuse_latecomers(&self, what: &str) {
        let mut state = self.state();
        if state.late.contains(&self.process) {
            state.accuse(format!("{what} by a process that lost its lock"));
        }
    }

    /// A moment at which the process may be killed: then it never gets any further.
    pub async fn breathe(&self) {
        let dies = {
            let mut state = self.state();
            match &mut state.kill_in {
                Some(0) => Some(Arc::clone(&state.died)),
                Some(left) => {
                    *left -= 1;
                    None
                }
                None => None,
            }
        };
        if let Some(died) = dies {
            died.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// Resolves when the process was killed.
    pub async fn death(&self) {
        let died = Arc::clone(&self.state().died);
        died.notified().await;
    }
}
