//! One job: its own keys, and its ops as steps.

use std::path::Path;

use config::yaml::{Node, Value};
use config::{Code, Reader, quoted};
use model::{CodeLocation, JobName, Tags};
use serde_json::Value as Json;
use wire::plan::{Executor, PlanStep};

use super::keys::{Known, known_map};
use super::op::{self, Op};
use super::{Common, MAX_OPS, config_value, executor, order, values};
use crate::job::JobText;

const JOB: Known = Known {
    keys: &["description", "tags", "config", "executor", "ops"],
    instead: &[
        ("max_concurrent", "write it below `executor:`"),
        ("tag_concurrency_limits", "write them below `executor:`"),
        ("execution", "did you mean `executor`?"),
        ("steps", "did you mean `ops`?"),
        ("tasks", "did you mean `ops`?"),
        (
            "command",
            "a command belongs to an op: write `ops:`, the name of an op, and it below that",
        ),
        ("shell", "a command belongs to an op: write `ops:`, the name of an op, and it below that"),
        ("priority", "write it as a tag: `tags: {dagster/priority: \"2\"}`"),
        ("schedule", "there are no schedules: let another program submit the job"),
        ("pool", "a pool belongs to an op: write it there"),
        ("pools", "pools belong to an op: write them there"),
        ("env", "variables belong to an op: write them there"),
        ("retries", "retries belong to an op: write them there"),
        ("timeout_seconds", "a timeout belongs to an op: write it there"),
    ],
    empty: "write `ops:` below it, below that the name of an op, and below that its `command`",
};

/// What stands below the name of a job.
pub(super) struct JobBody {
    description: Option<String>,
    tags: Tags,
    config: Json,
    steps: Vec<PlanStep>,
    executor: Executor,
}

impl JobBody {
    /// Gives it its name.
    pub(super) fn of(self, name: JobName, location: CodeLocation) -> JobText {
        let Self { description, tags, config, steps, executor } = self;
        let (dagster, python) = (None, None);
        JobText { name, location, description, tags, config, steps, executor, dagster, python }
    }
}

/// Reads what stands below the name of a job.
pub(super) fn read(
    reader: &mut Reader<'_>,
    name: &str,
    node: &Node,
    common: &Common<'_>,
) -> Option<JobBody> {
    let what = format!("the job {}", quoted(name));
    let fields = known_map(reader, node, &what, &JOB)?;
    let description = fields.get("description");
    let description = description.and_then(|node| values::text(reader, node, "`description`"));
    let tags = match fields.get("tags") {
        Some(node) => values::tags(reader, node, "a run of the job"),
        None => values::TagMap::new(),
    };
    let config = fields.get("config").map_or(Json::Null, |node| config_value::read(reader, node));
    let executor = fields.get("executor").map(|node| executor::read(reader, node));
    let Some(ops) = fields.get("ops") else {
        JOB.refuse_missing(reader, &fields, &["ops"], format!("{what} has no `ops`"), JOB.empty);
        return None;
    };
    let steps = read_ops(reader, &what, ops, common.folder)?;
    let executor = match executor {
        Some(own) => {
            let own = own?;
            own.warn_of_idle_limits(reader, &steps);
            own.executor
        }
        None => common.executor.executor.clone(),
    };
    Some(JobBody {
        description,
        tags: tags.into_iter().map(|(key, (_, value))| (key, value)).collect(),
        config,
        steps,
        executor,
    })
}

/// Reads the ops; none if any of them is wrong.
fn read_ops(
    reader: &mut Reader<'_>,
    job: &str,
    node: &Node,
    folder: &Path,
) -> Option<Vec<PlanStep>> {
    if node.value == Value::Null {
        refuse_no_ops(reader, job, node);
        return None;
    }
    let fields = reader.map(node, "`ops`")?;
    let mut ops: Vec<Op<'_>> = Vec::new();
    for (key, span, node) in fields.in_order() {
        if ops.len() == MAX_OPS {
            let message = format!("{job} has more than {MAX_OPS} ops");
            let hint = "split the job: each op is a process of its own";
            reader.refuse_as(Code::TooLarge, span, message, hint);
            break;
        }
        values::check_name(reader, key, span, "the name of an op");
        ops.push(op::read(reader, key, node, folder));
    }
    if ops.is_empty() {
        refuse_no_ops(reader, job, node);
    }
    order::check(reader, &ops);
    ops.into_iter().map(Op::into_step).collect()
}

fn refuse_no_ops(reader: &mut Reader<'_>, job: &str, node: &Node) {
    let hint = "write the name of an op below `ops:`, and its `command` below that";
    reader.refuse_as(Code::NoValue, node.span, format!("{job} has no ops"), hint);
}
