//! Launches as a scenario has them: at once, and failing where the scenario says so.

use std::collections::BTreeMap;

use admission::{Event, Refused};
use model::{CodeLocation, RunStatus};

use super::script::{LaunchError, NewRun, Rules, RunName};
use super::world::World;

#[derive(Debug, Default)]
pub(super) struct Launches {
    locations: BTreeMap<RunName, CodeLocation>,
    errors: BTreeMap<RunName, LaunchError>,
    /// How often each run was requeued because its code location could not be reached.
    retries: BTreeMap<RunName, u32>,
}

impl Launches {
    pub(super) fn add(&mut self, run: &NewRun) {
        self.locations.insert(run.name.clone(), run.location.clone());
        self.errors.extend(run.launch_error.map(|error| (run.name.clone(), error)));
    }

    pub(super) fn heal(&mut self, run: &str) {
        self.errors.remove(run);
    }

    /// Launches the runs that one decision has admitted and returns those whose launch did not
    /// fail. A code location that cannot be reached is paused; its other runs of the same decision
    /// go back to the queue untried.
    pub(super) fn launch(
        &mut self,
        admitted: Vec<RunName>,
        world: &mut World,
        rules: &Rules,
    ) -> Result<Vec<RunName>, Refused> {
        let mut launched = Vec::new();
        for run in admitted {
            let location = self.locations.get(&run);
            if location.is_some_and(|location| world.is_paused(location)) {
                world.apply(Event::Requeue { run: world.id(&run) })?;
                continue;
            }
            match self.errors.get(&run) {
                None => launched.push(run),
                Some(LaunchError::UserCode) if rules.max_user_code_failure_retries > 0 => {
                    self.retry_or_fail(&run, world, rules)?;
                }
                Some(LaunchError::UserCode | LaunchError::Generic) => {
                    world.set_status(&run, RunStatus::Failure)?;
                }
            }
        }
        Ok(launched)
    }

    fn retry_or_fail(
        &mut self,
        run: &RunName,
        world: &mut World,
        rules: &Rules,
    ) -> Result<(), Refused> {
        if let Some(location) = self.locations.get(run).cloned() {
            let until = world.instant().after(rules.user_code_failure_retry_delay);
            world.apply(Event::LocationPaused { location, until })?;
        }
        let retries = self.retries.entry(run.clone()).or_default();
        if *retries >= rules.max_user_code_failure_retries {
            return world.set_status(run, RunStatus::Failure);
        }
        *retries += 1;
        world.apply(Event::Requeue { run: world.id(run) })
    }
}
