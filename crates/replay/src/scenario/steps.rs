//! The steps of a scenario by their names.

use config::Fields;
use config::yaml::{Node, Value};
use model::{
    CodeLocation, Demand, Deployment, DeploymentKind, DeploymentName, PRIORITY_TAG, PoolName,
    RunPools, RunStatus, Tags,
};

use super::script::{
    Expectation, ExpectedClaim, ExpectedPool, ExpectedTick, LaunchError, NewRun, Order, Step,
};
use super::values::Values;

/// The steps that scenarios of both kinds have.
pub(super) const COMMON: [&str; 9] =
    ["at", "blocked_step", "claim", "delete", "free", "free_run", "info", "keys", "set_error"];

/// Takes a step that scenarios of both kinds have.
pub(super) fn common(values: &mut Values<'_, '_>, name: &str, node: &Node) -> Option<Step> {
    match name {
        "at" => values.instant(node).map(Step::At),
        "blocked_step" => blocked_step(values, node),
        "claim" => claim(values, node).map(Step::Claim),
        "delete" => values.pool(node).map(Step::DeletePoolLimit),
        "free" => {
            let [run, step] = values.items(node, "[run, step]")?;
            Some(Step::Free(values.run(run)?, values.step_key(step)?))
        }
        "free_run" => values.run(node).map(Step::FreeRun),
        "info" => info(values, node),
        "keys" => values
            .list(node, "`keys`", Values::pool)
            .map(|pools| Step::Expect(Expectation::LimitedPools(pools))),
        "set_error" => {
            let [pool, limit] = values.items(node, "[pool, number]")?;
            let pool = values.reader.text(pool, "a pool")?.to_owned();
            let limit = values.reader.int(limit, "a limit")?;
            Some(Step::Expect(Expectation::RefusedLimit(pool, limit)))
        }
        _ => None,
    }
}

/// The steps that only scenarios of kind pool have.
pub(super) const OF_POOL: [&str; 1] = ["set"];

pub(super) fn of_pool(values: &mut Values<'_, '_>, name: &str, node: &Node) -> Option<Step> {
    if name != "set" {
        return common(values, name, node);
    }
    let [pool, limit] = values.items(node, "[pool, number]")?;
    let number = values.reader.int(limit, "a limit")?;
    let limit = (values.pool(pool)?, values.pool_limit(limit, number)?);
    Some(Step::SetPoolLimit(vec![limit]))
}

/// The steps that only scenarios of kind queue have.
pub(super) const OF_QUEUE: [&str; 13] = [
    "add",
    "tick",
    "status",
    "set_status",
    "pool_limit",
    "heal",
    "hold",
    "release",
    "retag",
    "reprioritize",
    "first_pass_done",
    "configure",
    "blocked",
];

pub(super) fn of_queue(values: &mut Values<'_, '_>, name: &str, node: &Node) -> Option<Step> {
    match name {
        "add" => values.list(node, "`add`", new_run).map(Step::Add),
        "tick" => tick(values, node).map(Step::Tick),
        "status" => values
            .by_run(node, "`status`", Values::status)
            .map(|runs| Step::Expect(Expectation::Status(runs))),
        "set_status" => values.by_run(node, "`set_status`", Values::status).map(Step::SetStatus),
        "pool_limit" => values.pool_limits(node, "`pool_limit`").map(Step::SetPoolLimit),
        "heal" => values.runs(node, "`heal`").map(Step::Heal),
        "hold" => values.runs(node, "`hold`").map(Step::Hold),
        "release" => values.runs(node, "`release`").map(Step::Release),
        "retag" => values.by_run(node, "`retag`", Values::tags).map(Step::Retag),
        "reprioritize" => {
            values.by_run(node, "`reprioritize`", Values::priority).map(Step::Reprioritize)
        }
        "first_pass_done" => values.runs(node, "`first_pass_done`").map(Step::FirstPassDone),
        "configure" => {
            let fields = values.reader.map_of(node, "`configure`", &["config", "concurrency"])?;
            super::read::rules(values.reader, &fields).map(|rules| Step::Configure(Box::new(rules)))
        }
        "blocked" => values
            .by_run(node, "`blocked`", Values::limits)
            .map(|runs| Step::Expect(Expectation::Blocked(runs))),
        _ => common(values, name, node),
    }
}

fn blocked_step(values: &mut Values<'_, '_>, node: &Node) -> Option<Step> {
    let [run, step, limits] = values.items(node, "[run, step, [limit, ...]]")?;
    let (run, step) = (values.run(run)?, values.step_key(step)?);
    Some(Step::Expect(Expectation::StepBlocked(run, step, values.limits(limits)?)))
}

fn claim(values: &mut Values<'_, '_>, node: &Node) -> Option<ExpectedClaim> {
    let form = "[pool or {pool: slots, ...}, run, step, priority, claimed or blocked]";
    let [demand, run, step, priority, outcome] = values.items(node, form)?;
    Some(ExpectedClaim {
        demand: values.demand(demand)?,
        run: values.run(run)?,
        step: values.step_key(step)?,
        priority: values.priority(priority)?,
        is_granted: values.word(
            outcome,
            "the outcome",
            &[("claimed", true), ("blocked", false)],
        )?,
    })
}

fn info(values: &mut Values<'_, '_>, node: &Node) -> Option<Step> {
    let [pool, expected] = values.items(node, "[pool, {slots, active, ...}]")?;
    let pool = values.pool(pool)?;
    let numbers = ["slots", "active", "pending", "assigned"];
    let known = [numbers.as_slice(), &["assigned_steps"]].concat();
    let fields = values.reader.map_of(expected, "`info`", &known)?;
    let mut info = ExpectedPool::default();
    for what in numbers {
        if let Some(number) = fields.get(what) {
            info.numbers.insert(what, values.count(number, what)?);
        }
    }
    if let Some(steps) = fields.get("assigned_steps") {
        let steps = values.list(steps, "`assigned_steps`", Values::step_key)?;
        info.assigned_steps = Some(steps.iter().map(ToString::to_string).collect());
    }
    Some(Step::Expect(Expectation::Pool(pool, info)))
}

fn tick(values: &mut Values<'_, '_>, node: &Node) -> Option<ExpectedTick> {
    let fields = values.reader.map_of(node, "`tick`", &["launches", "ordered", "at"])?;
    let launches = values.reader.required(&fields, "launches", "`tick`")?;
    let is_ordered = values
        .optional(&fields, "ordered", true, |values, node| values.reader.bool(node, "`ordered`"))?;
    Some(ExpectedTick {
        at: values.optional(&fields, "at", None, |values, node| values.instant(node).map(Some))?,
        launches: values.runs(launches, "`launches`")?,
        order: if is_ordered { Order::Matters } else { Order::DoesNotMatter },
    })
}

/// How many root steps of one pool a scenario may give a run.
const MOST_ROOTS: usize = 100_000;

const KEYS_OF_RUN: [&str; 12] = [
    "id",
    "status",
    "tags",
    "priority",
    "location",
    "branch",
    "root_pools",
    "roots",
    "all_pools",
    "unconstrained_root",
    "launch_error",
    "enqueue_event",
];

fn new_run(values: &mut Values<'_, '_>, node: &Node) -> Option<NewRun> {
    let fields = values.reader.map_of(node, "a run", &KEYS_OF_RUN)?;
    let id = values.reader.required(&fields, "id", "a run")?;
    if let Some(node) = fields.get("enqueue_event") {
        values.reader.bool(node, "`enqueue_event`")?;
    }
    let plain = NewRun::plain(values.new_run(id)?, RunStatus::Queued)?;
    Some(NewRun {
        status: values.optional(&fields, "status", plain.status, Values::status)?,
        tags: run_tags(values, &fields)?,
        location: values.optional(&fields, "location", plain.location, location)?,
        deployment: values.optional(&fields, "branch", plain.deployment, branch)?,
        pools: run_pools(values, &fields)?,
        launch_error: values.optional(&fields, "launch_error", None, |values, node| {
            launch_error(values, node).map(Some)
        })?,
        ..plain
    })
}

fn run_tags(values: &mut Values<'_, '_>, fields: &Fields<'_>) -> Option<Tags> {
    let tags = values.optional(fields, "tags", Tags::default(), Values::tags)?;
    let Some(node) = fields.get("priority") else { return Some(tags) };
    let priority = match node.value {
        Value::Int(number) => number.to_string(),
        Value::Null
        | Value::Bool(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Map(_) => values.reader.text(node, "`priority`")?.to_owned(),
    };
    Some(tags.with(PRIORITY_TAG, &priority))
}

fn location(values: &mut Values<'_, '_>, node: &Node) -> Option<CodeLocation> {
    let text = values.reader.text(node, "`location`")?;
    values.name(node.span, CodeLocation::new(text))
}

fn branch(values: &mut Values<'_, '_>, node: &Node) -> Option<Deployment> {
    let text = values.reader.text(node, "`branch`")?;
    let name = values.name(node.span, DeploymentName::new(text))?;
    Some(Deployment { name, kind: DeploymentKind::Branch })
}

fn launch_error(values: &mut Values<'_, '_>, node: &Node) -> Option<LaunchError> {
    let kinds = [("generic", LaunchError::Generic), ("user_code", LaunchError::UserCode)];
    values.word(node, "`launch_error`", &kinds)
}

/// Takes the root steps of a run from `root_pools` (so many steps of one slot each) or `roots`
/// (what each step wants), and the pools of its later steps from `all_pools`.
fn run_pools(values: &mut Values<'_, '_>, fields: &Fields<'_>) -> Option<RunPools> {
    if let (Some(_), Some(roots)) = (fields.get("root_pools"), fields.get("roots")) {
        values.reader.refuse(roots.span, "a run has `root_pools` or `roots`, not both");
        return None;
    }
    let mut roots: Vec<Demand> = values.optional(fields, "roots", Vec::new(), |values, node| {
        values.list(node, "`roots`", Values::demand)
    })?;
    let root_pools = values.optional(fields, "root_pools", Vec::new(), root_pools)?;
    let named: Vec<PoolName> = root_pools.iter().map(|(pool, _)| pool.clone()).collect();
    for (pool, count) in root_pools {
        roots.extend(std::iter::repeat_n(Demand::one(pool), count));
    }
    let all_pools = values.optional(fields, "all_pools", named, |values, node| {
        values.list(node, "`all_pools`", Values::pool)
    })?;
    let has_pool_free_root =
        values.optional(fields, "unconstrained_root", false, |values, node| {
            values.reader.bool(node, "`unconstrained_root`")
        })?;
    roots.extend(has_pool_free_root.then(Demand::default));
    Some(RunPools::new(roots, all_pools))
}

fn root_pools(values: &mut Values<'_, '_>, node: &Node) -> Option<Vec<(PoolName, usize)>> {
    let mut pools = Vec::new();
    for (pool, count) in values.by_pool(node, "`root_pools`")? {
        let Some(count) = usize::try_from(count).ok().filter(|count| *count <= MOST_ROOTS) else {
            let message = format!("a run cannot have {count} root steps: 0 to {MOST_ROOTS}");
            values.reader.refuse(node.span, message);
            return None;
        };
        pools.push((pool, count));
    }
    Some(pools)
}
