//! Rows back into the words of the model. Columns are taken in the order of the statement.

use model::{
    AssetEvent, AssetEventKind, Attempt, CancelCause, Change, Claim, ClaimOrder, ClaimState,
    CodeLocation, Deployment, DeploymentKind, DeploymentName, EventKind, Failure, FailureReason,
    JobName, LifeEvent, Nonce, Priority, Run, RunId, RunLife, RunPools, RunStatus, Seq, StepId,
    StepKey, StepRow, StepStatus, Timestamp, TokenHash,
};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::cells::{Cell, cell, of_hex};
use crate::error::ReadError;
use crate::intern::Interner;
use crate::read::StoredRun;
use crate::rows::{PoolsText, TagsText};

/// Takes the columns of a row, one after the other. The types are not checked at every value, which
/// would cost as much as the reading itself: the tables are STRICT, and what may be NULL is taken as
/// an option.
pub(super) struct Columns<'r> {
    source: Source<'r>,
    at: usize,
}

/// Where columns are taken from.
enum Source<'r> {
    Row(&'r SqliteRow),
    Cells(&'r [Cell<'r>]),
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r SqliteRow) -> Self {
        Self { source: Source::Row(row), at: 0 }
    }

    /// Takes the columns of a row that was read as one of many in a text.
    pub(super) fn of_cells(cells: &'r [Cell<'r>]) -> Self {
        Self { source: Source::Cells(cells), at: 0 }
    }

    pub(super) fn optional_integer(&mut self) -> Result<Option<i64>, ReadError> {
        let at = self.advance();
        match self.source {
            Source::Row(row) => Ok(row.try_get_unchecked(at)?),
            Source::Cells(cells) => cell(cells, at)?.integer(),
        }
    }

    pub(super) fn optional_text(&mut self) -> Result<Option<&'r str>, ReadError> {
        let at = self.advance();
        match self.source {
            Source::Row(row) => Ok(row.try_get_unchecked(at)?),
            Source::Cells(cells) => cell(cells, at)?.text(),
        }
    }

    fn optional_bytes<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<Option<[u8; N]>, ReadError> {
        let at = self.advance();
        let bytes = match self.source {
            Source::Row(row) => {
                let bytes: Option<&[u8]> = row.try_get_unchecked(at)?;
                bytes.map(|bytes| bytes.try_into().ok())
            }
            Source::Cells(cells) => cell(cells, at)?.text()?.map(of_hex),
        };
        let Some(bytes) = bytes else { return Ok(None) };
        bytes.map(Some).ok_or_else(|| ReadError::unreadable(what, "its length is wrong"))
    }

    fn advance(&mut self) -> usize {
        self.at += 1;
        self.at - 1
    }

    pub(super) fn integer(&mut self) -> Result<i64, ReadError> {
        self.optional_integer()?.ok_or_else(absent)
    }

    pub(super) fn text(&mut self) -> Result<&'r str, ReadError> {
        self.optional_text()?.ok_or_else(absent)
    }

    fn flag(&mut self) -> Result<bool, ReadError> {
        self.integer().map(|number| number != 0)
    }

    /// Takes a number that is not negative.
    pub(super) fn number(&mut self, what: &'static str) -> Result<u64, ReadError> {
        let number = self.integer()?;
        u64::try_from(number).map_err(|_| ReadError::unreadable(what, number))
    }

    pub(super) fn small(&mut self, what: &'static str) -> Result<u32, ReadError> {
        let number = self.integer()?;
        u32::try_from(number).map_err(|_| ReadError::unreadable(what, number))
    }

    pub(super) fn run_id(&mut self) -> Result<RunId, ReadError> {
        self.bytes("run id").map(|bytes| RunId::from_u128(u128::from_be_bytes(bytes)))
    }

    pub(super) fn bytes<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], ReadError> {
        self.optional_bytes(what)?.ok_or_else(absent)
    }

    pub(super) fn instant(&mut self) -> Result<Timestamp, ReadError> {
        self.integer().map(Timestamp::from_micros)
    }

    fn optional_instant(&mut self) -> Result<Option<Timestamp>, ReadError> {
        Ok(self.optional_integer()?.map(Timestamp::from_micros))
    }

    fn attempt(&mut self) -> Result<Option<Attempt>, ReadError> {
        let Some(number) = self.optional_integer()? else {
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
        let Some(text) = self.optional_text()? else {
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
    pub(super) fn read(&mut self, columns: &mut Columns<'_>) -> Result<StoredRun, ReadError> {
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
        let pools = match columns.optional_text()? {
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

fn absent() -> ReadError {
    ReadError::unreadable("row", "a column that is never NULL is NULL")
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
        is_held: columns.flag()?,
        token: columns.optional_bytes("token's hash")?.map(TokenHash),
        nonce: columns.optional_bytes("nonce")?.map(|bytes| Nonce(u128::from_be_bytes(bytes))),
        is_first_pass_done: columns.flag()?,
        is_suspect: columns.flag()?,
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
    let message = columns.optional_text()?.map(str::to_owned);
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
        error: columns.optional_text()?.map(str::to_owned),
    })
}

fn step_key(text: &str) -> Result<StepKey, ReadError> {
    name("step key", StepKey::new(text))
}

pub(super) fn claim(row: &SqliteRow) -> Result<Claim, ReadError> {
    let columns = &mut Columns::of(row);
    let step = StepId { run: columns.run_id()?, step: step_key(columns.text()?)? };
    let demand = name("claim's demand", PoolsText::parse_demand(columns.text()?))?;
    let priority = columns.integer()?;
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
    let number = columns.optional_integer()?;
    let number = number.and_then(|number| u64::try_from(number).ok());
    Ok(LifeEvent {
        change,
        run: id.map(|id| RunId::from_u128(u128::from_be_bytes(id))).zip(number),
        at: columns.instant()?,
        attempt: columns.attempt()?,
        step: columns.optional_text()?.map(step_key).transpose()?,
        kind: columns.word("kind of event", EventKind::from_name)?,
        message: columns.text()?.to_owned(),
        data: columns.optional_text()?.map(Into::into),
    })
}

pub(super) fn asset_event(row: &SqliteRow) -> Result<AssetEvent, ReadError> {
    let columns = &mut Columns::of(row);
    Ok(AssetEvent {
        change: Change::new(columns.number("change number")?),
        kind: columns.word("kind of an event of an asset", AssetEventKind::from_name)?,
        asset: columns.text()?.to_owned(),
        partition: columns.optional_text()?.map(str::to_owned),
        check: columns.optional_text()?.map(str::to_owned),
        passed: columns.optional_integer()?.map(|number| number != 0),
        severity: columns.optional_text()?.map(str::to_owned),
        run: columns.run_id()?,
        job: name("job name", JobName::new(columns.text()?))?,
        location: name("code location", CodeLocation::new(columns.text()?))?,
        step: step_key(columns.text()?)?,
        at: columns.instant()?,
        data: columns.text()?.into(),
    })
}
