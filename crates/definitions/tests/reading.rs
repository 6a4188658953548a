//! What good files mean.
#![expect(clippy::unwrap_used, reason = "a helper that fails has failed the test")]

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Demand, Priority, RunPools, Tags};
use pointsman_definitions::{Definitions, FilePath, Job, SubmissionError, template};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use wire::plan::{
    Backoff, EnvValue, Executor, Plan, PlanStep, RetryPolicy, StepMatch, StepTagLimit,
};

#[expect(clippy::panic, reason = "fails the test with what is told")]
fn read(text: &str) -> Definitions {
    let file = FilePath { shown: "jobs.yaml", absolute: Path::new("/srv/team/jobs.yaml") };
    match Definitions::read(file, text.as_bytes()) {
        Ok(definitions) => definitions,
        Err(problems) => panic!("{problems}"),
    }
}

/// Returns the only job of a file.
fn job(text: &str) -> Arc<Job> {
    let [job] = read(text).jobs.try_into().unwrap();
    job
}

/// Returns the ops of a job, written below `ops:`.
fn steps(ops: &str) -> Vec<PlanStep> {
    job(&format!("jobs:\n  a:\n    ops:\n{ops}")).plan.steps.clone()
}

fn pool(name: &str) -> model::PoolName {
    model::PoolName::new(name).unwrap()
}

#[test]
fn every_key_has_its_meaning() {
    let job = job("
location: reports
jobs:
  nightly:
    description: Joins.
    tags: {team: docs, dagster/priority: '3'}
    config: {day: 1, tables: [a, b], none: ~, half: 0.5, nested: {x: yes}}
    ops:
      extract:
        command: [python, extract.py, --day, \"1\"]
        env: {MODE: fast, TOKEN: {env: SECRET}}
        cwd: sub/dir
        pool: db
        tags: {k: v, dagster/priority: '2'}
        retries: {max_retries: 2, delay_seconds: 1.5, backoff: exponential}
        timeout_seconds: 60
      load:
        shell: cat a | wc -l
        after: extract
        pools: {db: 2, api: 1}
        retries: 3
");
    assert_eq!((job.name.as_str(), job.location.as_str()), ("nightly", "reports"));
    assert_eq!(job.description.as_deref(), Some("Joins."));
    assert_eq!(job.tags, Tags::from_iter([("dagster/priority", "3"), ("team", "docs")]));
    let config =
        json!({"day": 1, "tables": ["a", "b"], "none": null, "half": 0.5, "nested": {"x": true}});
    assert_eq!(job.config, config);
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let extract = PlanStep {
        key: "extract".to_owned(),
        command: texts(&["python", "extract.py", "--day", "1"]),
        env: BTreeMap::from([
            ("MODE".to_owned(), EnvValue::Text("fast".to_owned())),
            ("TOKEN".to_owned(), EnvValue::From("SECRET".to_owned())),
        ]),
        cwd: PathBuf::from("/srv/team/sub/dir"),
        after: Vec::new(),
        pools: BTreeMap::from([("db".to_owned(), 1)]),
        priority: 2,
        tags: BTreeMap::from(
            [("k", "v"), ("dagster/priority", "2")].map(|(k, v)| (k.to_owned(), v.to_owned())),
        ),
        retries: Some(RetryPolicy {
            max_retries: 2,
            delay_ms: 1500,
            backoff: Backoff::Exponential,
        }),
        timeout_ms: Some(60_000),
    };
    let load = PlanStep {
        key: "load".to_owned(),
        command: texts(&["/bin/sh", "-c", "cat a | wc -l"]),
        env: BTreeMap::new(),
        cwd: PathBuf::from("/srv/team"),
        after: texts(&["extract"]),
        pools: BTreeMap::from([("api".to_owned(), 1), ("db".to_owned(), 2)]),
        priority: 0,
        tags: BTreeMap::new(),
        retries: Some(RetryPolicy { max_retries: 3, delay_ms: 0, backoff: Backoff::Constant }),
        timeout_ms: None,
    };
    let steps = vec![extract, load];
    let plan = Plan {
        job: "nightly".to_owned(),
        location: "reports".to_owned(),
        steps,
        executor: Executor::default(),
        dagster: None,
    };
    assert_eq!(job.plan, plan);
    assert_eq!(job.pools, RunPools::new([Demand::one(pool("db"))], [pool("api"), pool("db")]));
}

#[test]
fn a_location_is_called_as_its_file_is_unless_it_says_otherwise() {
    assert_eq!(read("jobs: {a: {ops: {b: {shell: x}}}}").location.as_str(), "jobs");
    let named = read("location: other\njobs: {a: {ops: {b: {shell: x}}}}");
    assert_eq!(named.location.as_str(), "other");
}

#[test]
fn jobs_and_ops_keep_the_order_of_the_file() {
    let ops = "{z: {shell: x}, b: {shell: x, after: z}, m: {shell: x}, a: {shell: x}}";
    let text = format!("jobs:\n  y: {{ops: {ops}}}\n  b: {{ops: {ops}}}\n  x: {{ops: {ops}}}\n");
    let definitions = read(&text);
    let names: Vec<&str> = definitions.jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(names, ["y", "b", "x"]);
    for job in &definitions.jobs {
        let keys: Vec<&str> = job.plan.steps.iter().map(|step| step.key.as_str()).collect();
        assert_eq!(keys, ["z", "b", "m", "a"]);
    }
}

#[test]
fn single_values_are_taken_as_they_are_written() {
    let steps = steps(
        "
      b:
        command: [echo, 1, 1.0, 0x10, 010, yes, 2026-01-31, &x 1_0, *x, !!int \"5\", '', \"a b\"]
        env: {A: 1.50, B: off, C: ''}
        tags: {n: 007, f: 1e3, t: true}
",
    );
    let texts =
        ["echo", "1", "1.0", "0x10", "010", "yes", "2026-01-31", "1_0", "1_0", "5", "", "a b"];
    assert_eq!(steps[0].command, texts);
    let env: Vec<EnvValue> = steps[0].env.values().cloned().collect();
    assert_eq!(env, ["1.50", "off", ""].map(|text| EnvValue::Text(text.to_owned())));
    let tags: Vec<&str> = steps[0].tags.values().map(String::as_str).collect();
    assert_eq!(tags, ["1e3", "007", "true"]);
}

#[test]
fn an_absolute_folder_stays_as_it_is() {
    assert_eq!(steps("      b: {shell: x, cwd: /data}")[0].cwd, Path::new("/data"));
}

#[test]
fn a_priority_that_is_none_counts_as_zero_and_is_warned_of() {
    for (written, number, warnings) in
        [("' +5 '", 5, 0), ("-2", -2, 0), ("high", 0, 1), ("2147483648", 0, 1), ("1.5", 0, 1)]
    {
        let tag = format!("tags: {{dagster/priority: {written}}}");
        let read = read(&format!("jobs: {{a: {{{tag}, ops: {{b: {{shell: x, {tag}}}}}}}}}"));
        let job = &read.jobs[0];
        assert_eq!(job.plan.steps[0].priority, number, "{written}");
        assert_eq!(job.tags.priority().unwrap_or_default(), Priority::new(number), "{written}");
        assert_eq!(read.warnings.len(), 2 * warnings, "{written}");
    }
}

#[test]
fn the_tag_of_older_files_names_the_pool() {
    let pools = |op: &str| steps(&format!("      b: {{shell: x, {op}}}"))[0].pools.clone();
    let tag = "tags: {dagster/concurrency_key: db}";
    let db = |slots| BTreeMap::from([("db".to_owned(), slots)]);
    assert_eq!(pools(tag), db(1));
    assert_eq!(pools(&format!("pool: db, {tag}")), db(1));
    assert_eq!(pools(&format!("pools: {{db: 3}}, {tag}")), db(3));
    assert_eq!(pools(&format!("pools: {{}}, {tag}")), db(1));
}

#[test]
fn no_retries_are_no_policy() {
    let steps =
        steps("      b: {shell: x, retries: 0}\n      c: {shell: x, retries: {max_retries: 0}}");
    assert!(steps.iter().all(|step| step.retries.is_none()));
}

#[test]
fn a_run_uses_what_its_roots_want_and_the_pools_of_the_others() {
    let pools = &job("
jobs:
  a:
    ops:
      first: {shell: x, pool: db}
      second: {shell: x, pool: db}
      free: {shell: x}
      last: {shell: x, pools: {api: 3}, after: [first, free]}
")
    .pools;
    let roots: Vec<(Demand, u32)> = pools.roots().map(|(demand, n)| (demand.clone(), n)).collect();
    assert_eq!(roots, [(Demand::one(pool("db")), 2)]);
    assert!(pools.has_pool_free_root());
    assert_eq!(pools.all().cloned().collect::<Vec<_>>(), [pool("api"), pool("db")]);
}

fn given(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_submitter_s_tags_and_config_win_over_those_of_the_job() {
    let job = job("
jobs:
  a:
    tags: {team: docs, kind: x}
    config: {day: 1, nested: {a: 1, b: 2}}
    ops: {b: {shell: x}}
");
    let config = json!({"nested": {"c": 3}, "more": true});
    let submission =
        job.submission(&given(&[("team", "data"), ("new", "1")]), Some(&config)).unwrap();
    assert_eq!(submission.tags, Tags::from_iter([("kind", "x"), ("new", "1"), ("team", "data")]));
    let merged: Json = serde_json::from_str(&submission.config).unwrap();
    assert_eq!(merged, json!({"day": 1, "nested": {"c": 3}, "more": true}));
    let error = job.submission(&given(&[]), Some(&json!([1]))).unwrap_err();
    assert_eq!(error, SubmissionError::ConfigIsNoMap("a list"));
}

#[test]
fn what_all_runs_of_a_job_share_is_made_once() {
    let job = job("jobs: {a: {ops: {b: {shell: x}}}}");
    let first = job.submission(&given(&[]), None).unwrap();
    let second = job.submission(&given(&[("a", "b")]), Some(&Json::Null)).unwrap();
    assert!(Arc::ptr_eq(&first.plan, &second.plan));
    assert!(Arc::ptr_eq(&first.config, &second.config));
    assert_eq!(&*first.config, "null");
    let plan: Plan = serde_json::from_str(&first.plan).unwrap();
    assert_eq!(plan, job.plan);
    let hash: [u8; 32] = Sha256::digest(first.plan.as_bytes()).into();
    assert_eq!(first.plan_hash.0, hash);
}

#[test]
fn a_text_means_the_same_whenever_it_is_read() {
    let (first, second) = (read(template()), read(template()));
    for (one, other) in first.jobs.iter().zip(&second.jobs) {
        let plan = |job: &Job| job.submission(&BTreeMap::new(), None).unwrap();
        assert_eq!(plan(one), plan(other));
    }
}

#[test]
fn the_template_has_nothing_wrong_and_shows_what_there_is() {
    let definitions = read(template());
    assert_eq!(definitions.warnings, []);
    let names: Vec<&str> = definitions.jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(names, ["hello", "nightly"]);
    for key in [
        "location",
        "description",
        "tags",
        "config",
        "command",
        "shell",
        "env",
        "cwd",
        "after",
        "pool",
        "pools",
        "retries",
        "timeout_seconds",
    ] {
        assert!(template().contains(&format!("{key}:")), "{key}");
    }
}

#[test]
fn every_command_of_the_template_runs_as_it_is() {
    let definitions = read(template());
    let steps = definitions.jobs.iter().flat_map(|job| &job.plan.steps);
    let children = steps.map(|step| {
        // The folder of the file is not there; no command of the template needs it.
        let mut command = std::process::Command::new(&step.command[0]);
        command.args(&step.command[1..]).env("POINTSMAN_TRY", "2");
        (step.key.clone(), command.output().unwrap())
    });
    for (key, output) in children {
        assert!(output.status.success() && output.stderr.is_empty(), "{key}: {output:?}");
        assert!(!output.stdout.is_empty(), "{key} says nothing");
    }
}

/// Reads what stands under `executor` of a job with tagged ops.
fn executor(text: &str) -> Executor {
    let ops = "{a: {shell: x, tags: {database: big}}, b: {shell: x, tags: {user: ada}}}";
    let file = read(&format!("jobs: {{a: {{executor: {text}, ops: {ops}}}}}"));
    assert_eq!(file.warnings, []);
    file.jobs[0].plan.executor.clone()
}

#[test]
fn the_limits_inside_a_run_are_read_in_both_spellings() {
    let limits = "{max_concurrent: 4, tag_concurrency_limits: [\
                  {key: database, value: big, limit: 1}, {key: database, limit: 2}, \
                  {key: user, value: {applyLimitPerUniqueValue: true}, limit: 3}]}";
    let count = |number| NonZeroU32::new(number).unwrap();
    let limit =
        |key: &str, value, limit| StepTagLimit { key: key.to_owned(), value, limit: count(limit) };
    let expected = Executor {
        max_concurrent: Some(count(4)),
        tag_concurrency_limits: vec![
            limit("database", StepMatch::Value("big".to_owned()), 1),
            limit("database", StepMatch::Key, 2),
            limit("user", StepMatch::EachValue, 3),
        ],
        in_process: false,
    };
    assert_eq!(executor(limits), expected);
    assert_eq!(executor(&format!("{{multiprocess: {limits}}}")), expected);
}

#[test]
fn an_executor_in_process_runs_one_step_at_a_time_and_the_other_as_many_as_are_ready() {
    let one = NonZeroU32::new(1);
    let sequence = Executor { max_concurrent: one, in_process: true, ..Executor::default() };
    for text in ["in_process", "{in_process: {}}", "{in_process: }"] {
        assert_eq!(executor(text), sequence, "{text}");
    }
    for text in ["multiprocess", "{multiprocess: {}}", "{multiprocess: }", "{}"] {
        assert_eq!(executor(text), Executor::default(), "{text}");
    }
}

#[test]
fn an_executor_at_the_top_of_a_file_is_that_of_each_job_without_one() {
    let file = read(
        "executor: {max_concurrent: 2, tag_concurrency_limits: [{key: none, limit: 1}]}\n\
         jobs:\n  \
           a: {ops: {x: {shell: x}}}\n  \
           b: {executor: multiprocess, ops: {x: {shell: x}}}\n",
    );
    assert_eq!(file.warnings, []);
    assert_eq!(file.jobs[0].plan.executor.max_concurrent, NonZeroU32::new(2));
    assert_eq!(file.jobs[0].plan.executor.tag_concurrency_limits.len(), 1);
    assert_eq!(file.jobs[1].plan.executor, Executor::default());
}
