//! One try of a step: its process under its guard, from the start until nothing of it is left.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use process::lock;
use process::spawn::{GuardError, GuardedCommand, GuardedStep, StepEnd, StepOutcome};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::graph::Ending;

/// How long a guard has, beyond the grace of its step, to say that nothing is left: then it is taken
/// for one that does not do what it is told, and killed.
const GUARD_MARGIN: Duration = Duration::from_secs(10);

/// The pause between two looks at the lock of a step whose guard cannot be watched.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// Names of the signals by which commands mostly end; any other one is told by its number.
const SIGNALS: [(i32, &str); 8] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (6, "SIGABRT"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (15, "SIGTERM"),
];

/// A try whose guard was started.
#[derive(Debug)]
pub(crate) struct RunningTry {
    step: GuardedStep,
    lock: PathBuf,
    grace: Duration,
}

impl RunningTry {
    /// Starts the guard, which starts the command.
    ///
    /// # Errors
    /// The guard was not started; nothing of the step runs.
    pub(crate) fn start(command: &GuardedCommand) -> Result<Self, GuardError> {
        let step = GuardedStep::start(command)?;
        Ok(Self { step, lock: command.orders.lock.clone(), grace: command.orders.grace })
    }

    /// Waits until nothing of the try is left, ending it when told to.
    pub(crate) async fn watch(mut self, stop: Arc<Notify>) -> Ending {
        let outcome = tokio::select! {
            outcome = self.step.wait() => outcome,
            () = stop.notified() => self.end().await,
        };
        match outcome {
            Ok(outcome) => ending(outcome),
            Err(error) => {
                let Self { step, lock, .. } = self;
                abandon(step, &lock).await;
                Ending::Failed(format!("its guard could not be watched: {}", with_cause(&error)))
            }
        }
    }

    async fn end(&mut self) -> Result<StepOutcome, GuardError> {
        if self.step.terminate().is_ok()
            && let Ok(outcome) = timeout(self.grace + GUARD_MARGIN, self.step.wait()).await
        {
            return outcome;
        }
        warn!("a guard has not ended its step in time and is killed");
        self.step.kill()?;
        self.step.wait().await
    }
}

/// Kills a step that cannot be watched, and waits until nothing of it holds its lock.
async fn abandon(step: GuardedStep, lock: &Path) {
    if let Err(error) = step.kill() {
        warn!("{}", with_cause(&error));
    }
    // Its guard, if it lives, hears by this that it is to end.
    drop(step);
    while lock::is_held(lock).unwrap_or(true) {
        sleep(LOCK_PAUSE).await;
    }
}

fn ending(outcome: StepOutcome) -> Ending {
    match outcome.end {
        StepEnd::Exited(0) => Ending::Succeeded,
        StepEnd::Exited(code) => Ending::Failed(format!("exit code {code}")),
        StepEnd::Signaled(number) => {
            let name = SIGNALS.iter().find(|(known, _)| *known == number);
            Ending::Failed(match name {
                Some((_, name)) => format!("ended by signal {number} ({name})"),
                None => format!("ended by signal {number}"),
            })
        }
        StepEnd::NotStarted(sentence) => Ending::Failed(sentence),
        StepEnd::GuardLost => Ending::Failed("its guard was killed".to_owned()),
    }
}

/// Says an error with what caused it.
pub(crate) fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", with_cause(cause)),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_in_words() {
        let say = |end| ending(StepOutcome { end, is_output_cut: false });
        let failed = |text: &str| Ending::Failed(text.to_owned());
        assert_eq!(say(StepEnd::Exited(0)), Ending::Succeeded);
        assert_eq!(say(StepEnd::Exited(3)), failed("exit code 3"));
        assert_eq!(say(StepEnd::Signaled(9)), failed("ended by signal 9 (SIGKILL)"));
        assert_eq!(say(StepEnd::Signaled(64)), failed("ended by signal 64"));
        assert_eq!(say(StepEnd::GuardLost), failed("its guard was killed"));
    }
}
