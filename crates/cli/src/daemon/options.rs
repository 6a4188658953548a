//! From the configuration of a deployment to what the daemon is told.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use ::config::{Coordinator, InstanceConfig};
use coordinator::hooks::Chain;
use coordinator::{Dispatch, Options, Retention, Rules};
use wire::shim::CoordinatorBase;
use wire::worker::LEASE_SECONDS;

use super::class::{ClassError, Place};
use super::hooks::hooks;

/// What a bound that is switched off comes to where there must be one.
const NEVER: Duration = Duration::MAX;

/// How many launches are under way at one time with `dequeue_use_threads` and without
/// `dequeue_num_workers`: as many as Python's thread pool has threads, which is Dagster's default.
fn default_launches() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    u32::try_from(cores + 4).unwrap_or(u32::MAX).min(32)
}

/// Returns what the daemon is told; classes that the configuration names are loaded for it.
///
/// # Errors
/// [`ClassError`]: one of them cannot be used.
pub(super) async fn options(config: &InstanceConfig, place: &Place) -> Result<Options, ClassError> {
    let (hooks, base) = hooks(config, place).await?;
    Ok(with_hooks(config, hooks.into(), base == Some(CoordinatorBase::Immediate)))
}

/// Returns what the daemon is told if its hooks are there already, but for the address at which it
/// serves; `is_at_once` says that the class of its coordinator launches at once.
pub(super) fn with_hooks(config: &InstanceConfig, hooks: Arc<Chain>, is_at_once: bool) -> Options {
    let mut config = config.clone();
    if is_at_once {
        config.coordinator.value = Coordinator::Immediate;
    }
    let days = |days: Option<u32>| days.map(|days| Duration::from_hours(24) * days);
    Options {
        settings: config.settings(),
        rules: rules(&config),
        hooks,
        longest_sleep: config.queue.dequeue_interval.value,
        retention: Retention {
            runs: days(config.history.runs_days.value),
            events: days(config.history.events_days.value),
            output: days(config.history.logs_days.value),
        },
        url: String::new(),
    }
}

fn rules(config: &InstanceConfig) -> Rules {
    let (queue, monitoring) = (&config.queue, &config.run_monitoring);
    let defaults = Rules::default();
    let is_watched = monitoring.enabled.value;
    let watched = |bound: Option<Duration>| bound.filter(|_| is_watched);
    let launches = if queue.dequeue_use_threads.value {
        queue.dequeue_num_workers.value.unwrap_or_else(default_launches)
    } else {
        1
    };
    Rules {
        dispatch: if config.coordinator.value.has_queue() {
            Dispatch::Queued
        } else {
            Dispatch::AtOnce
        },
        max_launches: NonZeroU32::new(launches).unwrap_or(NonZeroU32::MIN),
        max_location_retries: queue.max_user_code_failure_retries.value,
        location_retry_delay: queue.user_code_failure_retry_delay.value,
        start_timeout: watched(monitoring.start_timeout.value),
        cancel_timeout: if is_watched {
            monitoring.cancel_timeout.value.unwrap_or(NEVER)
        } else {
            defaults.cancel_timeout
        },
        max_runtime: watched(monitoring.max_runtime.value),
        heeds_runtime_tags: is_watched,
        lease: Duration::from_secs(LEASE_SECONDS),
        ..defaults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cancel_timeout(text: &str) -> Duration {
        let read = InstanceConfig::read("pointsman.yaml", text.as_bytes(), &|_| None);
        rules(&read.unwrap().0).cancel_timeout
    }

    #[test]
    fn a_time_to_end_of_0_seconds_is_none() {
        assert_eq!(cancel_timeout(""), Duration::from_mins(3));
        let monitoring = |seconds: u32| {
            format!("run_monitoring: {{enabled: true, cancel_timeout_seconds: {seconds}}}")
        };
        assert_eq!(cancel_timeout(&monitoring(7)), Duration::from_secs(7));
        assert_eq!(cancel_timeout(&monitoring(0)), NEVER);
    }
}
