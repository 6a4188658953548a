//! What user code asks its instance: other runs, what was made before, dynamic partitions.

use crate::harness::Deployment;
use crate::python::{log_of, serve};

const ASKING: &str = r#"
import os, time
import dagster as dg

customers = dg.DynamicPartitionsDefinition(name="customers")

@dg.asset(partitions_def=customers)
def invoices(context):
    return dg.MaterializeResult(
        metadata={"rows": len(context.partition_key), "note": dg.MetadataValue.md("*good*")},
        data_version=dg.DataVersion(f"v-{context.partition_key}"),
    )

@dg.asset_check(asset=invoices)
def has_rows():
    return dg.AssetCheckResult(passed=True, metadata={"rows": 4})

@dg.op
def add_customers(context):
    context.instance.add_dynamic_partitions("customers", ["acme", "initech"])
    context.instance.delete_dynamic_partition("customers", "nobody")

@dg.job
def adding():
    add_customers()

@dg.op
def read(context):
    instance, key = context.instance, dg.AssetKey("invoices")
    keys = instance.get_dynamic_partitions("customers")
    made = sorted(instance.get_materialized_partitions(key))
    context.log.info(f"partitions {keys} made {made}")
    context.log.info(f"there: {instance.has_dynamic_partition('customers', 'umbrella')}")
    entry = instance.get_latest_materialization_event(key)
    said = entry.asset_materialization
    values = {label: (type(v).__name__, v.value) for label, v in said.metadata.items()}
    run = instance.get_run_by_id(entry.run_id)
    context.log.info(f"{said.partition} {values} {said.tags['dagster/data_version']} {run.job_name}")
    records = instance.fetch_materializations(key, limit=10, ascending=True).records
    context.log.info(f"all {[record.partition_key for record in records]}")
    check = dg.AssetCheckKey(key, "has_rows")
    latest = instance.get_latest_asset_check_evaluation_record(check)
    context.log.info(f"check {latest and latest.status.value}")

@dg.job
def reading():
    read()

@dg.op
def at_most_one(context):
    running = context.instance.get_run_records(
        dg.RunsFilter(job_name="guarded", statuses=[dg.DagsterRunStatus.STARTED])
    )
    if [record for record in running if record.dagster_run.run_id != context.run_id]:
        context.log.info("skipped")
        return
    open("guarded.began", "w").close()
    while not os.path.exists("guarded.go"):
        time.sleep(0.05)

@dg.job
def guarded():
    at_most_one()

defs = dg.Definitions(
    assets=[invoices], asset_checks=[has_rows], jobs=[adding, reading, guarded]
)
"#;

const YAML: &str = "jobs: {plain: {ops: {a: {command: ['true']}}}}\n";

fn daemon() -> Deployment {
    serve("serve", ASKING, YAML)
}

#[test]
fn partitions_that_code_adds_can_be_made_and_others_are_refused() {
    let daemon = daemon();
    let of = |key: &'static str| ["asset", "materialize", "invoices", "--partition", key, "--wait"];
    let refused = daemon.fails(1, &of("acme"));
    assert!(refused.contains("there is no partition 'acme'"), "{refused}");
    assert!(refused.contains("pointsman partition add customers acme"), "{refused}");
    let adding = daemon.launch("adding", &[]);
    daemon.wait_for(&adding, "SUCCESS");
    assert_eq!(daemon.ok(&["partition", "list", "customers"]), "acme\ninitech\n");
    assert!(daemon.ok(&of("acme")).contains("SUCCESS"));
    daemon.ok(&["partition", "remove", "customers", "acme"]);
    assert!(daemon.fails(1, &of("acme")).contains("there is no partition"));
}

#[test]
fn what_one_run_makes_another_reads() {
    let daemon = daemon();
    daemon.ok(&["partition", "add", "customers", "umbrella", "acme"]);
    for key in ["umbrella", "acme"] {
        let made = ["asset", "materialize", "invoices", "--partition", key, "--wait"];
        assert!(daemon.ok(&made).contains("SUCCESS"));
    }
    let reading = daemon.launch("reading", &[]);
    daemon.wait_for(&reading, "SUCCESS");
    let log = log_of(&daemon, &reading, "read");
    for line in [
        "partitions ['umbrella', 'acme'] made ['acme', 'umbrella']",
        "there: True",
        "acme {'rows': ('IntMetadataValue', 4), 'note': ('MarkdownMetadataValue', '*good*')} v-acme \
         __ASSET_JOB",
        "all ['umbrella', 'acme']",
        "check SUCCEEDED",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
}

#[test]
fn a_run_sees_that_another_of_its_job_is_in_progress() {
    let daemon = daemon();
    let first = daemon.launch("guarded", &[]);
    daemon.wait_for_file("guarded.began");
    let second = daemon.launch("guarded", &[]);
    daemon.wait_for(&second, "SUCCESS");
    assert!(log_of(&daemon, &second, "at_most_one").contains("skipped"));
    daemon.let_go("guarded.go");
    daemon.wait_for(&first, "SUCCESS");
}
