//! What a scenario says, once it has been read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{
    CodeLocation, Demand, Deployment, JobName, PoolLimit, PoolName, Priority, RunPools, RunStatus,
    Settings, StepKey, Tags,
};

/// One scenario of a file.
#[derive(Debug)]
pub struct Scenario {
    /// Names it; unique among all that are read together.
    pub id: String,
    pub(super) script: Script,
}

#[derive(Debug)]
pub(super) enum Script {
    /// Things happen, decisions are taken, slots are claimed.
    Play(PlayScript),
    /// A configuration is read.
    Settings(SettingsScript),
}

#[derive(Debug)]
pub(super) struct PlayScript {
    pub(super) rules: Rules,
    pub(super) steps: Vec<Step>,
}

/// What is configured, as far as the outcome of a scenario depends on it.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) settings: Settings,
    pub(super) max_user_code_failure_retries: u32,
    pub(super) user_code_failure_retry_delay: Duration,
}

pub(super) type RunName = String;

/// One line of a scenario: something that happens, or something that must be true.
#[derive(Debug)]
pub(super) enum Step {
    Add(Vec<NewRun>),
    Tick(ExpectedTick),
    SetStatus(Vec<(RunName, RunStatus)>),
    Hold(Vec<RunName>),
    Release(Vec<RunName>),
    Retag(Vec<(RunName, Tags)>),
    Reprioritize(Vec<(RunName, Priority)>),
    FirstPassDone(Vec<RunName>),
    Configure(Box<Rules>),
    /// The launches of these runs no longer fail.
    Heal(Vec<RunName>),
    /// So many seconds have passed since the scenario began.
    At(i64),
    SetPoolLimit(Vec<(PoolName, PoolLimit)>),
    DeletePoolLimit(PoolName),
    Claim(ExpectedClaim),
    Free(RunName, StepKey),
    FreeRun(RunName),
    Expect(Expectation),
}

/// Something that must be true.
#[derive(Debug)]
pub(super) enum Expectation {
    Status(Vec<(RunName, RunStatus)>),
    /// Exactly these limits block the run.
    Blocked(Vec<(RunName, BTreeSet<String>)>),
    /// Exactly these limits block the step.
    StepBlocked(RunName, StepKey, BTreeSet<String>),
    /// Exactly these pools have a limit of their own.
    LimitedPools(Vec<PoolName>),
    Pool(PoolName, ExpectedPool),
    /// No pool of this name can have this limit.
    RefusedLimit(String, i64),
}

/// A run as a scenario adds it.
#[derive(Debug, Clone)]
pub(super) struct NewRun {
    pub(super) name: RunName,
    pub(super) status: RunStatus,
    pub(super) job: JobName,
    pub(super) tags: Tags,
    pub(super) location: CodeLocation,
    pub(super) deployment: Deployment,
    pub(super) pools: RunPools,
    pub(super) launch_error: Option<LaunchError>,
}

impl NewRun {
    /// Returns a run with nothing special about it.
    pub(super) fn plain(name: RunName, status: RunStatus) -> Option<Self> {
        Some(Self {
            name,
            status,
            job: JobName::new("job").ok()?,
            tags: Tags::default(),
            location: CodeLocation::new("loc").ok()?,
            deployment: Deployment::default(),
            pools: RunPools::none(),
            launch_error: None,
        })
    }
}

/// How the launch of a run fails, until it is healed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LaunchError {
    /// For good.
    Generic,
    /// Because the code location cannot be reached.
    UserCode,
}

/// What one decision must come to.
#[derive(Debug)]
pub(super) struct ExpectedTick {
    /// Seconds since the scenario began; none if no time passes.
    pub(super) at: Option<i64>,
    pub(super) launches: Vec<RunName>,
    pub(super) order: Order,
}

/// Whether the order of the launches is part of what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Matters,
    DoesNotMatter,
}

/// A step asks for slots.
#[derive(Debug)]
pub(super) struct ExpectedClaim {
    pub(super) run: RunName,
    pub(super) step: StepKey,
    pub(super) demand: Demand,
    pub(super) priority: Priority,
    /// Whether it must have them then.
    pub(super) is_granted: bool,
}

/// What must be true of a pool; what is not named is not asked.
#[derive(Debug, Default)]
pub(super) struct ExpectedPool {
    pub(super) numbers: BTreeMap<&'static str, usize>,
    pub(super) assigned_steps: Option<BTreeSet<String>>,
}

/// A whole `dagster.yaml`, and what must come of it: an error, or these settings as text.
#[derive(Debug)]
pub(super) struct SettingsScript {
    pub(super) yaml: String,
    pub(super) expected: Option<BTreeMap<String, String>>,
}
