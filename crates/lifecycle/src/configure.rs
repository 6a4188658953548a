//! Another configuration comes into force: for the limits, for the deadlines, for whoever comes next.

use std::time::Duration;

use admission::Event;
use model::{EventKind, RunId, Settings, Timestamp};

use crate::command::Reply;
use crate::rules::Rules;
use crate::state::{Note, State};

impl State {
    /// Puts settings and rules in force together. Runs that are queued leave the queue under the
    /// new limits, also if new runs are not queued any more.
    pub(crate) fn configure(&mut self, settings: Settings, rules: Rules) -> Reply {
        if self.apply(Event::Configure(settings)) {
            self.note_all(Note::new(EventKind::ConfigurationApplied, ""));
            if std::mem::replace(&mut self.rules, rules) != rules {
                self.bound_all_again();
            }
        }
        // A new bound may have been reached long ago.
        self.tick()
    }

    fn bound_all_again(&mut self) {
        let lives = self.lives.iter();
        let active = lives.filter(|(_, life)| life.active.is_some()).map(|(run, _)| *run);
        for run in active.collect::<Vec<RunId>>() {
            self.bound_again(run);
        }
    }

    /// Sets the deadlines of an attempt anew, each by what is left of it by the time of day. What has
    /// happened by one of them stays.
    pub(crate) fn bound_again(&mut self, run: RunId) {
        let (now, rules, max_runtime) = (self.now, self.rules, self.max_runtime_of(run));
        let Some(active) = self.active_mut(run) else { return };
        let left =
            |since: Timestamp, bound| now.elapsed.saturating_add(left_of(bound, since, now.at));
        let (starting_at, times) = (active.starting_at, &mut active.times);
        match (active.canceling_at, active.started_at) {
            (Some(canceling_at), Some(_)) => {
                times.kill_at = times.kill_at.map(|_| left(canceling_at, rules.cancel_timeout));
            }
            (Some(_), None) => {}
            (None, Some(started_at)) => {
                times.run_until = max_runtime.map(|bound| left(started_at, bound));
            }
            (None, None) => {
                times.start_until = rules.start_timeout.map(|bound| left(starting_at, bound));
            }
        }
        self.file_deadline(run);
    }
}

/// Returns what is left of a bound that began to run at an instant. A clock that was set back in
/// between never makes it longer than the bound itself.
fn left_of(bound: Duration, since: Timestamp, now: Timestamp) -> Duration {
    bound.saturating_sub(now.since(since))
}
