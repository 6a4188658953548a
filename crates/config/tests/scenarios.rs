//! What the published configuration scenarios say comes out.

use model::{Capacity, Granularity, PoolBlocking};
use pointsman_config::InstanceConfig;

fn read(yaml: &str) -> Option<InstanceConfig> {
    let read = InstanceConfig::read("dagster.yaml", yaml.as_bytes(), &|_| None);
    read.ok().map(|(config, _)| config)
}

#[test]
fn concurrency_runs_settles_the_run_limit() {
    let config = read("concurrency: {runs: {max_concurrent_runs: 15}}").unwrap();
    assert_eq!(config.settings().max_concurrent_runs, Capacity::AtMost(15));
}

#[test]
fn runs_and_pools_stand_beside_each_other() {
    let config =
        read("concurrency: {runs: {max_concurrent_runs: 10}, pools: {default_limit: 3}}").unwrap();
    let settings = config.settings();
    assert_eq!(settings.max_concurrent_runs, Capacity::AtMost(10));
    let default_limit = settings.pools.default_limit.map(model::PoolLimit::get);
    assert_eq!(default_limit, Some(3));
}

#[test]
fn blocking_switched_off_leaves_the_granularity_unsaid() {
    let config = read("run_queue: {block_op_concurrency_limited_runs: {enabled: false}}").unwrap();
    assert_eq!(config.pools.granularity.value, None);
    let pools = config.settings().pools;
    assert_eq!(pools.granularity, Granularity::Op);
    assert_eq!(pools.blocking, PoolBlocking::StepsOnly);
    assert_eq!(pools.run_buffer, 0);
}

#[test]
fn what_cannot_stand_together_or_is_out_of_bounds_is_refused() {
    for yaml in [
        "{run_queue: {max_concurrent_runs: 3}, concurrency: {runs: {max_concurrent_runs: 15}}}",
        "{run_queue: {max_concurrent_runs: 3}, concurrency: {pools: {granularity: run}}}",
        "{run_queue: {}, run_coordinator: {module: dagster._core.run_coordinator, class: \
         QueuedRunCoordinator, config: {}}}",
        "concurrency: {default_op_concurrency_limit: 4, pools: {default_limit: 1}}",
        "concurrency: {pools: {default_limit: 1001}}",
        "concurrency: {pools: {granularity: RUN}}",
        "run_queue: {block_op_concurrency_limited_runs: {enabled: false, \
         op_concurrency_slot_buffer: 1}}",
        "run_queue: {tag_concurrency_limits: [{key: backfill}]}",
        "concurrency:",
    ] {
        assert!(read(yaml).is_none(), "{yaml}");
    }
}
