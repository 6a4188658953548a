//! Submission: a run comes in, or is known already; and the limits of pools, which anybody may set.

use admission::Event;
use model::{Attempt, EventKind, PoolLimit, PoolName, Run, RunId, RunStatus};

use crate::command::{Refusal, Reply, Submit};
use crate::effects::Ids;
use crate::life::Life;
use crate::rules::Dispatch;
use crate::state::{Note, State};

impl State {
    pub(crate) fn submit(&mut self, submit: Submit, ids: &mut impl Ids) -> Result<Reply, Refusal> {
        if let Some(run) = self.submitted_before(&submit)? {
            return Ok(Reply::Submitted { run, is_new: false });
        }
        let id = self.free_id(&submit, ids)?;
        let status = match self.rules.dispatch {
            Dispatch::Queued => RunStatus::Queued,
            Dispatch::AtOnce => RunStatus::Starting,
        };
        let attempt = status.is_in_progress().then_some(Attempt::FIRST);
        let Submit { job, location, deployment, tags, pools, submission, .. } = submit;
        let seq = self.take_seq();
        let run = Run { id, seq, job, location, deployment, tags, pools, status, attempt };
        let priority = run.tags.priority();
        if !self.apply(Event::Submit(run)) {
            return Err(Refusal::RunExists(id));
        }
        self.lives.insert(id, Life::new(self.at()));
        if let Some(known) = &submission.idempotency {
            self.pending.keys.insert(known.key.clone(), (known.request_hash, id));
        }
        self.pending.new.push((id, submission));
        self.pending.new_ids.insert(id);
        self.note(id, Note::new(EventKind::RunSubmitted, ""));
        if let Err(error) = priority {
            self.note(id, Note::new(EventKind::EngineEvent, format!("{error}; it counts as 0")));
        }
        match attempt {
            None => self.note(id, Note::new(EventKind::RunEnqueued, "")),
            Some(attempt) => self.start_attempt(id, attempt, ids),
        }
        Ok(Reply::Submitted { run: id, is_new: true })
    }

    /// Returns the run that was submitted under the same idempotency key, if there is one.
    fn submitted_before(&self, submit: &Submit) -> Result<Option<RunId>, Refusal> {
        let Some(own) = &submit.submission.idempotency else { return Ok(None) };
        let earlier = self.pending.keys.get(&own.key).copied().or(submit.known.same_key);
        match earlier {
            None => Ok(None),
            Some((hash, run)) if hash == own.request_hash => Ok(Some(run)),
            Some((_, run)) => Err(Refusal::KeyReused(run)),
        }
    }

    fn free_id(&self, submit: &Submit, ids: &mut impl Ids) -> Result<RunId, Refusal> {
        let id = submit.id.unwrap_or_else(|| ids.run_id());
        let is_written = self.pending.new_ids.contains(&id) || self.pending.deleted.contains(&id);
        if submit.known.is_id_taken || is_written || self.lives.contains_key(&id) {
            return Err(Refusal::RunExists(id));
        }
        Ok(id)
    }

    pub(crate) fn set_pool_limit(&mut self, pool: PoolName, limit: Option<PoolLimit>) -> Reply {
        let note = match limit {
            Some(limit) => Note::new(EventKind::PoolLimitSet, format!("pool {pool}: {limit}")),
            None => Note::new(EventKind::PoolLimitDeleted, format!("pool {pool}")),
        };
        self.note_all(note);
        self.pending.pool_limits.insert(pool.clone(), limit);
        self.apply(match limit {
            Some(limit) => Event::PoolLimitSet { pool, limit },
            None => Event::PoolLimitDeleted { pool },
        });
        Reply::Done
    }
}
