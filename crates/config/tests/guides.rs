//! The configurations that Dagster's guides recommend, and what they mean here.

use model::{Capacity, Granularity, PoolLimit, Settings, TagLimit, TagMatch};
use pointsman_config::{Coordinator, InstanceConfig};

#[expect(clippy::panic, reason = "fails the test with what is told")]
fn read(yaml: &str) -> InstanceConfig {
    match InstanceConfig::read("dagster.yaml", yaml.as_bytes(), &|_| None) {
        Ok((config, warnings)) => {
            assert_eq!(warnings, [], "{yaml}");
            config
        }
        Err(problems) => panic!("{problems}"),
    }
}

fn settings(yaml: &str) -> Settings {
    read(yaml).settings()
}

fn tag_limits(yaml: &str) -> Vec<TagLimit> {
    settings(yaml).tag_limits.iter().cloned().collect()
}

fn tag_limit(key: &str, matches: TagMatch, limit: u32) -> TagLimit {
    let key = key.to_owned();
    TagLimit { key, matches, limit }
}

fn value(text: &str) -> TagMatch {
    TagMatch::Value(text.to_owned())
}

#[test]
fn the_number_of_runs_is_limited() {
    let settings = settings(
        "
concurrency:
  runs:
    max_concurrent_runs: 15
",
    );
    assert_eq!(settings.max_concurrent_runs, Capacity::AtMost(15));
    assert_eq!(settings.pools, Settings::default().pools);
}

#[test]
fn pools_are_held_by_runs() {
    let settings = settings(
        "
concurrency:
  pools:
    granularity: 'run'
",
    );
    assert_eq!(settings.pools.granularity, Granularity::Run);
    assert_eq!(settings.max_concurrent_runs, Capacity::AtMost(10));
}

#[test]
fn pools_have_a_default_limit() {
    let settings = settings(
        "
concurrency:
  pools:
    default_limit: 1
",
    );
    let default_limit = settings.pools.default_limit.map(PoolLimit::get);
    assert_eq!(default_limit, Some(1));
    assert_eq!(settings.pools.granularity, Granularity::Op);
}

#[test]
fn runs_are_limited_by_tag() {
    let limits = tag_limits(
        r#"
concurrency:
  runs:
    tag_concurrency_limits:
      - key: "dagster/sensor_name"
        value: "my_cool_sensor"
        limit: 5
      - key: "dagster/backfill"
        limit: 10
"#,
    );
    let wanted = [
        tag_limit("dagster/backfill", TagMatch::Key, 10),
        tag_limit("dagster/sensor_name", value("my_cool_sensor"), 5),
    ];
    assert_eq!(limits, wanted);
}

#[test]
fn runs_are_limited_by_each_value_of_a_tag() {
    let limits = tag_limits(
        r#"
concurrency:
  runs:
    tag_concurrency_limits:
      - key: "dagster/backfill"
        value:
          applyLimitPerUniqueValue: true
        limit: 10
"#,
    );
    let wanted = [tag_limit("dagster/backfill", TagMatch::EachValue, 10)];
    assert_eq!(limits, wanted);
}

#[test]
fn a_tag_limit_beside_priorities() {
    let limits = tag_limits(
        "
concurrency:
  runs:
    tag_concurrency_limits:
      - key: 'team'
        limit: 1
",
    );
    assert_eq!(limits, [tag_limit("team", TagMatch::Key, 1)]);
}

#[test]
fn the_number_of_runs_and_the_pools_are_limited_together() {
    let settings = settings(
        "
concurrency:
  runs:
    max_concurrent_runs: 10
  pools:
    default_limit: 3
",
    );
    assert_eq!(settings.max_concurrent_runs, Capacity::AtMost(10));
    let default_limit = settings.pools.default_limit.map(PoolLimit::get);
    assert_eq!(default_limit, Some(3));
}

/// What stands under `customRunCoordinator` in the Helm values of the tagging coordinator.
const TAGGING_COORDINATOR: &str = r#"
run_coordinator:
  module: clt_queued_run_coordinator.coordinator
  class: CLTQueuedRunCoordinator
  config:
    dequeue_interval_seconds: 5
    dequeue_use_threads: true
    dequeue_num_workers: 4
    tag_concurrency_limits:
      - key: "code_location"
        value: "code-location-a"
        limit: 10
      - key: "code_location"
        value: "code-location-b"
        limit: 20
"#;

#[test]
fn the_tagging_coordinator_is_one_of_ours() {
    let config = read(TAGGING_COORDINATOR);
    assert_eq!(config.coordinator.value, Coordinator::CodeLocationTagging);
    assert_eq!(config.queue.dequeue_interval.value.as_secs(), 5);
    assert!(config.queue.dequeue_use_threads.value);
    assert_eq!(config.queue.dequeue_num_workers.value, Some(4));
    let wanted = [
        tag_limit("code_location", value("code-location-a"), 10),
        tag_limit("code_location", value("code-location-b"), 20),
    ];
    assert_eq!(tag_limits(TAGGING_COORDINATOR), wanted);
}

#[test]
fn a_helm_values_file_is_told_where_its_keys_belong() {
    let values = "
dagsterDaemon:
  runCoordinator:
    enabled: true
    type: CustomRunCoordinator
dagsterWebServer:
  enabled: true
";
    let read = InstanceConfig::read("values.yaml", values.as_bytes(), &|_| None);
    let problems = read.map(|_| ()).map_err(|problems| problems.to_string());
    let told = problems.err().unwrap_or_default();
    assert!(told.contains("values.yaml:2:1"), "{told}");
    assert!(told.contains("values.yaml:6:1"), "{told}");
    let where_to = "under `customRunCoordinator` under `run_coordinator`";
    assert_eq!(told.matches(where_to).count(), 2, "{told}");
}
