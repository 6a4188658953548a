//! Scenarios of kind config: a whole `dagster.yaml` is read, and the settings that come out are
//! compared.

use config::InstanceConfig;
use model::{Capacity, Granularity, PoolBlocking};

use super::play::{Failure, expect, failure};
use super::script::SettingsScript;

/// The settings that a scenario can ask for.
pub(super) const RESOLVED: [&str; 5] = ["max", "granularity", "block", "buffer", "default_limit"];

pub(super) fn check(script: &SettingsScript) -> Result<(), Failure> {
    let read = InstanceConfig::read("dagster.yaml", script.yaml.as_bytes(), &|_| None);
    match (&script.expected, read) {
        (None, Err(_)) => Ok(()),
        (None, Ok(_)) => Err(failure("an error", "a configuration without one")),
        (Some(_), Err(problems)) => {
            Err(failure("a configuration without error", problems.to_string()))
        }
        (Some(expected), Ok((config, _))) => expected.iter().try_for_each(|(key, wanted)| {
            expect(&format!("`{key}`"), wanted, &resolved(&config, key))
        }),
    }
}

/// Returns a setting as a scenario writes it.
fn resolved(config: &InstanceConfig, key: &str) -> String {
    let or_null = |text: Option<String>| text.unwrap_or_else(|| "null".to_owned());
    match key {
        "max" => match config.runs.max_concurrent_runs.value {
            Capacity::AtMost(number) => number.to_string(),
            Capacity::Unlimited => "-1".to_owned(),
        },
        "granularity" => or_null(config.pools.granularity.value.map(|granularity| {
            let name = match granularity {
                Granularity::Op => "op",
                Granularity::Run => "run",
            };
            name.to_owned()
        })),
        "block" => (config.pools.blocking.value == PoolBlocking::HoldsRunsBack).to_string(),
        "buffer" => config.pools.run_buffer.value.to_string(),
        "default_limit" => or_null(config.pools.default_limit.value.map(|limit| limit.to_string())),
        unknown => format!("no setting is called {unknown}"),
    }
}
