//! Rows back into the words of the model. Columns are taken in the order of the statement.

use model::{
    Attempt, CancelCause, Change, Claim, ClaimOrder, ClaimState, CodeLocation, Deployment,
    DeploymentKind, DeploymentName, EventKind, Failure, FailureReason, JobName, LifeEvent, Nonce,
    Priority, Run, RunId, RunLife, RunPools, RunStatus, Seq, StepId, StepKey, StepRow, StepStatus,
    Timestamp, TokenHash,
};
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

use crate::error::ReadError;
use crate::intern::Interner;
use crate::read::StoredRun;
use crate::rows::{PoolsText, TagsText};

/// Takes the columns of a row, one after the other.
pub(super) struct Columns<'r> {
    row: &'r SqliteRow,
    at: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r SqliteRow) -> Self {
        Self { row, at: 0 }
    }

    pub(super) fn next<T: Decode<'r, Sqlite> + Type<Sqlite>>(&mut self) -> Result<T, ReadError> {
        let value = self.row.try_get(self.at)?;
        self.at += 1;
        Ok(value)
    }

    pub(super) fn text(&mut self) -> Result<&'r str, ReadError> {
        self.next()
    }

    /// Takes a number that is not negative.
    pub(super) fn number(&mut self, what: &'static str) -> Result<u64, ReadError> {
        let number: i64 = self.next()?;
        u64::try_from(number).map_err(|_| ReadError::unreadable(what, number))
    }

    pub(super) fn small(&mut self, what: &'static str) -> Result<u32, ReadError> {
        let number: i64 = self.next()?;
        u32::try_from(number).map_err(|_| ReadError::unreadable(what, number))
    }

    pub(super) fn run_id(&mut self) -> Result<RunId, ReadError> {
        self.bytes("run id").map(|bytes| RunId::from_u128(u128::from_be_bytes(bytes)))
    }

    pub(super) fn bytes<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], ReadError> {
        let bytes: &[u8] = self.next()?;
        bytes.try_into().map_err(|_| ReadError::unreadable(what, "its length is wrong"))
    }

    fn optional_bytes<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<Option<[u8; N]>, ReadError> {
        let Some(bytes) = self.next::<Option<&[u8]>>()? else {
            return Ok(None);
        };
        let sized =
            bytes.try_into().map_err(|_| ReadError::unreadable(what, "its length is wrong"));
        sized.map(Some)
    }

    pub(super) fn instant(&mut self) -> Result<Timestamp, ReadError> {
        self.next().map(Timestamp::from_micros)
    }

    fn optional_instant(&mut self) -> Result<Option<Timestamp>, ReadError> {
        Ok(self.next::<Option<i64>>()?.map(Timestamp::from_micros))
    }

    fn attempt(&mut self) -> Result<Option<Attempt>, ReadError> {
        let Some(number) = self.next::<Option<i64>>()? else {
            return Ok(None);
        };
        let attempt = u32::try_from(number).ok().and_then(Attempt::new);
        attempt.map(Some).ok_or_else(|| ReadError::unreadable("attempt", number))
    }

    /// Takes a word of an enum.
    pub(super) fn word<T>(
        &mut self,
        what: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ReadError> {
        let text = self.text()?;
        read(text).ok_or_else(|| ReadError::unreadable(what, text))
    }

    fn optional_word<T>(
        &mut self,
        what: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ReadError> {
        let Some(text) = self.next::<Option<&str>>()? else {
            return Ok(None);
        };
        read(text).map(Some).ok_or_else(|| ReadError::unreadable(what, text))
    }
}

/// What the rows of runs have in common, kept once.
#[derive(Debug, Default)]
pub(super) struct RunReader {
    jobs: Interner<JobName>,
    locations: Interner<CodeLocation>,
    deployments: Interner<DeploymentName>,
    pools: Interner<RunPools>,
}

impl RunReader {
    pub(super) fn read(&mut self, row: &SqliteRow) -> Result<StoredRun, ReadError> {
        let columns = &mut Columns::of(row);
        let seq = Seq::new(columns.number("sequence number")?);
        let id = columns.run_id()?;
        let job = self.jobs.get(columns.text()?, |text| name("job name", JobName::new(text)))?;
        let location = self
            .locations
            .get(columns.text()?, |text| name("code location", CodeLocation::new(text)))?;
        let deployment = Deployment {
            name: self
                .deployments
                .get(columns.text()?, |text| name("deployment", DeploymentName::new(text)))?,
            kind: columns.word("kind of deployment", deployment_kind)?,
        };
        let tags = name("run's tags", TagsText::parse(columns.text()?))?;
        let pools = match columns.next::<Option<&str>>()? {
            None => RunPools::none(),
            Some(text) => {
                self.pools.get(text, |text| name("run's pools", PoolsText::parse(text)))?
            }
        };
        let life = life(columns)?;
        let (status, attempt) = (life.status, life.attempt);
        let run = Run { id, seq, job, location, deployment, tags, pools, status, attempt };
        Ok(StoredRun { run, life })
    }
}

pub(super) fn name<T, E: std::fmt::Display>(
    what: &'static str,
    read: Result<T, E>,
) -> Result<T, ReadError> {
    read.map_err(|error| ReadError::unreadable(what, error))
}

fn deployment_kind(word: &str) -> Option<DeploymentKind> {
    match word {
        "FULL" => Some(DeploymentKind::Full),
        "BRANCH" => Some(DeploymentKind::Branch),
        _ => None,
    }
}

fn life(columns: &mut Columns<'_>) -> Result<RunLife, ReadError> {
    Ok(RunLife {
        status: columns.word("status of a run", RunStatus::from_name)?,
        attempt: columns.attempt()?,
        is_held: columns.next()?,
        token: columns.optional_bytes("token's hash")?.map(TokenHash),
        nonce: columns.optional_bytes("nonce")?.map(|bytes| Nonce(u128::from_be_bytes(bytes))),
        is_first_pass_done: columns.next()?,
        is_suspect: columns.next()?,
        last_report: columns.number("number of a report")?,
        location_retries: columns.small("number of retries")?,
        lost_starts: columns.small("number of lost starts")?,
        cancel: columns.optional_word("cause of a cancel", CancelCause::from_name)?,
        failure: failure(columns)?,
        submitted_at: columns.instant()?,
        starting_at: columns.optional_instant()?,
        started_at: columns.optional_instant()?,
        canceling_at: columns.optional_instant()?,
        ended_at: columns.optional_instant()?,
        event_count: columns.number("number of events")?,
    })
}

fn failure(columns: &mut Columns<'_>) -> Result<Option<Failure>, ReadError> {
    let reason = columns.optional_word("reason of a failure", FailureReason::from_name)?;
    let message: Option<String> = columns.next()?;
    Ok(reason.zip(message).map(|(reason, message)| Failure { reason, message }))
}

pub(super) fn step(row: &SqliteRow) -> Result<StepRow, ReadError> {
    let columns = &mut Columns::of(row);
    Ok(StepRow {
        id: StepId { run: columns.run_id()?, step: step_key(columns.text()?)? },
        position: columns.small("position of a step")?,
        status: columns.word("status of a step", StepStatus::from_name)?,
        try_number: columns.small("number of a try")?,
        waiting_since: columns.optional_instant()?,
        started_at: columns.optional_instant()?,
        ended_at: columns.optional_instant()?,
        retry_at: columns.optional_instant()?,
        error: columns.next()?,
    })
}

fn step_key(text: &str) -> Result<StepKey, ReadError> {
    name("step key", StepKey::new(text))
}

pub(super) fn claim(row: &SqliteRow) -> Result<Claim, ReadError> {
    let columns = &mut Columns::of(row);
    let step = StepId { run: columns.run_id()?, step: step_key(columns.text()?)? };
    let demand = name("claim's demand", PoolsText::parse_demand(columns.text()?))?;
    let priority: i64 = columns.next()?;
    let order = claim_order(priority, columns.number("number of an asking")?)
        .ok_or_else(|| ReadError::unreadable("claim's priority", priority))?;
    let state = columns.word("state of a claim", |word| match word {
        "PENDING" => Some(ClaimState::Pending),
        "GRANTED" => Some(ClaimState::Granted),
        _ => None,
    })?;
    Ok(Claim { step, demand, order, state })
}

/// Returns the order whose two priorities have this sum; how it is shared between them is not told
/// apart any more.
fn claim_order(sum: i64, asked: u64) -> Option<ClaimOrder> {
    let run = i32::try_from(sum.clamp(i32::MIN.into(), i32::MAX.into())).ok()?;
    let step = i32::try_from(sum - i64::from(run)).ok()?;
    Some(ClaimOrder::new(Priority::new(run), Priority::new(step), asked))
}

pub(super) fn event(row: &SqliteRow) -> Result<LifeEvent, ReadError> {
    let columns = &mut Columns::of(row);
    let change = Change::new(columns.number("change number")?);
    let id = columns.optional_bytes("run id")?;
    let number: Option<i64> = columns.next()?;
    let number = number.and_then(|number| u64::try_from(number).ok());
    Ok(LifeEvent {
        change,
        run: id.map(|id| RunId::from_u128(u128::from_be_bytes(id))).zip(number),
        at: columns.instant()?,
        attempt: columns.attempt()?,
        step: columns.next::<Option<&str>>()?.map(step_key).transpose()?,
        kind: columns.word("kind of event", EventKind::from_name)?,
        message: columns.next()?,
    })
}
