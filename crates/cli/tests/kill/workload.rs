//! The jobs and limits under which the daemon is killed: written once as data, from which the files
//! of the deployment are made and by which the oracle judges.

use std::collections::BTreeMap;
use std::path::Path;

/// A job and its ops.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) ops: Vec<Op>,
}

/// One op of a job.
#[derive(Debug, Clone)]
pub(crate) struct Op {
    pub(crate) key: &'static str,
    pub(crate) after: &'static [&'static str],
    /// Slots by pool.
    pub(crate) pools: &'static [(&'static str, u32)],
    /// How long its process takes, in seconds.
    pub(crate) seconds: &'static str,
    /// Whether its first try fails, so that there is a second one.
    pub(crate) is_tried_twice: bool,
}

/// A limit on the runs with a tag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TagLimit {
    pub(crate) key: &'static str,
    /// Counts only runs with this value; each value apart, if none is given.
    pub(crate) value: Option<&'static str>,
    pub(crate) limit: u32,
}

/// The tag of the runs that never start: they wait in the queue until they are canceled.
pub(crate) const PARKED: (&str, &str) = ("parked", "there");

/// Everything that is promised about the runs of a test.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    pub(crate) jobs: Vec<Job>,
    pub(crate) pools: BTreeMap<&'static str, u32>,
    pub(crate) tag_limits: Vec<TagLimit>,
    pub(crate) max_concurrent_runs: u32,
}

const OP: Op = Op { key: "", after: &[], pools: &[], seconds: "0.1", is_tried_twice: false };

impl Workload {
    /// Returns jobs that contend for everything: each pool is filled by a single run of some job.
    pub(crate) fn contended() -> Self {
        let single = vec![Op { key: "only", pools: &[("db", 1)], seconds: "0.3", ..OP }];
        let chain = vec![
            Op { key: "first", ..OP },
            Op { key: "second", after: &["first"], pools: &[("db", 1)], seconds: "0.2", ..OP },
            Op { key: "third", after: &["second"], pools: &[("db", 2), ("disk", 1)], ..OP },
        ];
        let wide = vec![
            Op { key: "a", pools: &[("gpu", 1)], seconds: "0.3", ..OP },
            Op { key: "b", pools: &[("gpu", 1)], seconds: "0.2", ..OP },
            Op { key: "c", pools: &[("gpu", 1), ("disk", 1)], ..OP },
            Op { key: "d", pools: &[("gpu", 2)], ..OP },
            Op { key: "join", after: &["a", "b", "c", "d"], is_tried_twice: true, ..OP },
        ];
        Self {
            jobs: vec![
                Job { name: "single", ops: single },
                Job { name: "chain", ops: chain },
                Job { name: "wide", ops: wide },
            ],
            pools: BTreeMap::from([("db", 2), ("disk", 1), ("gpu", 3)]),
            tag_limits: vec![
                TagLimit { key: "team", value: None, limit: 2 },
                TagLimit { key: "tier", value: Some("slow"), limit: 1 },
                TagLimit { key: PARKED.0, value: Some(PARKED.1), limit: 0 },
            ],
            max_concurrent_runs: 5,
        }
    }

    pub(crate) fn job(&self, name: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.name == name)
    }

    /// Writes the jobs as a code location whose ops all run the script.
    pub(crate) fn jobs_file(&self, script: &Path) -> String {
        let mut text = "location: work\njobs:\n".to_owned();
        for job in &self.jobs {
            text += &format!("  {}:\n    ops:\n", job.name);
            for op in &job.ops {
                let Op { key, after, pools, seconds, is_tried_twice } = op;
                let failing = if *is_tried_twice { "1" } else { "0" };
                let script = script.display();
                let pools: Vec<String> =
                    pools.iter().map(|(pool, slots)| format!("{pool}: {slots}")).collect();
                text += &format!(
                    "      {key}:\n        \
                       command: [/bin/sh, \"{script}\", \"{seconds}\", \"{failing}\"]\n        \
                       after: [{}]\n        pools: {{{}}}\n        retries: {failing}\n",
                    after.join(", "),
                    pools.join(", "),
                );
            }
        }
        text
    }

    /// Writes the limits on runs as a configuration; those of the pools are set by the API.
    pub(crate) fn config_file(&self) -> String {
        let mut text = format!(
            "concurrency:\n  runs:\n    max_concurrent_runs: {}\n    tag_concurrency_limits:\n",
            self.max_concurrent_runs
        );
        for TagLimit { key, value, limit } in &self.tag_limits {
            let value = value.unwrap_or("{applyLimitPerUniqueValue: true}");
            text += &format!("      - {{key: {key}, value: {value}, limit: {limit}}}\n");
        }
        text + "  pools:\n    granularity: op\nrun_queue:\n  dequeue_use_threads: true\n  \
                dequeue_num_workers: 4\n"
    }
}

impl TagLimit {
    /// Returns as what a run with these tags counts for the limit, if it counts.
    pub(crate) fn counted(self, tags: &BTreeMap<String, String>) -> Option<&str> {
        let value = tags.get(self.key)?;
        self.value.is_none_or(|wanted| wanted == value).then_some(value)
    }
}
