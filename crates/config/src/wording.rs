//! The longer explanations of the key table.

pub(crate) const MAX_RUNS: &str = "How many runs may be in progress at one time, that is \
    starting, started or canceling; -1 is no limit, 0 starts nothing.";

pub(crate) const TAG_LIMITS: &str = "Limits on the runs in progress that carry a tag. A run takes \
    a place in each limit that counts it and starts when all of them have room; a run that waits \
    takes no place and holds up nobody. Two limits of one kind on the same key and value are an \
    error.";

pub(crate) const BRANCH_CAP: &str = "How many runs of all branch deployments together may be in \
    progress at one time; -1 is no limit. Every other limit is shared by all deployments.";

pub(crate) const DEFAULT_LIMIT: &str = "The limit of a pool that has none of its own; 0 lets \
    nothing through. Without it such a pool is unlimited.";

pub(crate) const BUFFER: &str = "How many root steps beyond the room of a pool a run may still \
    start with. Has a meaning at granularity `op` only.";

pub(crate) const RESERVE: &str = "How many seconds a step that wants several slots may be passed \
    over by others before slots are kept for it as they become free. Without it such a step waits \
    until all its slots are free at once.";

pub(crate) const MONITORING: &str = "The deadlines of a run.";

pub(crate) const RETRIES: &str = "Whether a run that failed is run again.";

pub(crate) const HOOKS: &str = "What every run is offered to when it is submitted, in this order. \
    Each item does one thing: it sets a tag, refuses the run, or asks a program or a Python class. A later item sees the \
    tags that earlier ones have set. `docs/coordinators.md` tells more, with examples.";

pub(crate) const TAG_RULE: &str = "Sets a tag of the run. Where the value that it comes from is \
    missing, and there is no default, the run stays without it.";

pub(crate) const WHEN: &str = "Which runs the item is about; without it all. Everything that is said \
    must be true. In the texts `*` stands for any text, also none.";

pub(crate) const COMMAND: &str = "A program with its arguments that is asked about every run, in \
    lines of JSON, and may set tags or refuse it. It is started with the first run that is submitted, \
    in the folder of this file, without a shell, and stays.";

pub(crate) const ENV: &str = "The environment of Python code: of code locations and their steps, \
    and of coordinator classes. Without it they get every variable that the server has, except its \
    own (`POINTSMAN_...`). Steps that are commands get what they name, see `docs/yaml-jobs.md`.";

pub(crate) const HISTORY: &str = "How long what has ended is kept. (Dagster's `retention`, which \
    is about ticks, is not used.)";

pub(crate) const STEPS: &str = "How the steps of code written for Dagster are started. With `cold` \
    each is a process that loads the code; with `forked` each is a fork of one process for each code \
    location, which has loaded it, and started cold where a fork would not be safe. `steps` of an entry \
    of `workspace.yaml` wins. Changes when the daemon is started again.";

pub(crate) const SERVER: &str = "Where the API is served.";
