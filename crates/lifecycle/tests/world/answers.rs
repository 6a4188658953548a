//! What the answers promise: checked when they are decided, when they are heard, and ever after.

use std::sync::Arc;

use lifecycle::{Outcome, Refusal, Reply};
use model::{RunId, RunStatus};

use crate::outside::Body;
use crate::play::{Asker, Played, World};
use crate::store::must;

impl World {
    /// What is decided with this commit, whether or not anybody hears of it.
    pub(crate) fn judge(&mut self, asker: &Asker, reply: &Result<Reply, Refusal>) -> Played {
        match (asker, reply) {
            (Asker::Stranger, Ok(_)) => Err("a stranger is listened to".to_owned()),
            (Asker::Process(nth), Ok(Reply::Done)) => {
                let process = &self.processes[*nth];
                let (attempt, nonce) = ((process.run, process.attempt), process.nonce);
                let first = *self.let_through.entry(attempt).or_insert(nonce);
                must(first == nonce, || format!("two processes of {attempt:?} pass the gate"))?;
                let is_canceled = self.never_to_begin.contains(&attempt.0);
                must(!is_canceled, || format!("{attempt:?} was canceled, and begins"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn answer(&mut self, asker: &Asker, reply: Result<Reply, Refusal>) -> Played {
        match (asker, reply) {
            (Asker::Submitter(key), reply) => self.answer_submitter(key.as_ref(), &reply),
            (Asker::Canceler(run), Ok(_)) => {
                let row = self.store.runs.get(run);
                if row.is_some_and(|row| row.life.nonce.is_none()) {
                    self.never_to_begin.insert(*run);
                }
                Ok(())
            }
            (Asker::Process(nth), reply) => {
                if self.fault(6) {
                    return Ok(());
                }
                self.answer_process(*nth, reply)
            }
            (Asker::Canceler(_) | Asker::Stranger | Asker::Nobody, _) => Ok(()),
        }
    }

    /// One key and request is one run, whoever asks how often; another request is refused.
    pub(crate) fn answer_submitter(
        &mut self,
        key: Option<&(Arc<str>, [u8; 32])>,
        reply: &Result<Reply, Refusal>,
    ) -> Played {
        let earlier = key.and_then(|(key, _)| self.keys.get(key).copied());
        if let (Some((_, hash)), Some((known_hash, run))) = (key, earlier) {
            let same = Ok(Reply::Submitted { run, is_new: false });
            let is_right = if *hash == known_hash {
                *reply == same
            } else {
                *reply == Err(Refusal::KeyReused(run))
            };
            return must(is_right, || format!("key of {run}: {reply:?}"));
        }
        if let Ok(Reply::Submitted { run, is_new }) = reply {
            must(*is_new || key.is_some(), || format!("{run} is said to be known"))?;
            if !self.deleted.contains(run) {
                self.submitted.insert(*run);
            }
            if let Some((key, hash)) = key {
                self.keys.insert(key.clone(), (*hash, *run));
            }
        }
        Ok(())
    }

    pub(crate) fn answer_process(&mut self, nth: usize, reply: Result<Reply, Refusal>) -> Played {
        let process = &mut self.processes[nth];
        if process.body != Body::Alive {
            return Ok(());
        }
        match reply {
            Ok(Reply::Done) => process.has_begun = true,
            Ok(Reply::Directions(directions)) => process.hear(&directions),
            Ok(Reply::Received { last }) => {
                let most = u64::try_from(process.reports.len()).unwrap();
                must((process.acked..=most).contains(&last), || {
                    format!("process {nth} knows of {}, is told {last}", process.acked)
                })?;
                process.acked = last;
                if process.has_ended && last == most {
                    let outcome = process.last_outcome.clone();
                    let run = process.run;
                    return self.has_ended_so(run, outcome.as_ref());
                }
            }
            Ok(
                Reply::Submitted { .. } | Reply::Status(_) | Reply::Changed(_) | Reply::Freed(_),
            ) => {
                return Err(format!("process {nth} is told {reply:?}"));
            }
            Err(_) => process.body = Body::Gone,
        }
        Ok(())
    }

    /// A worker whose last report was taken has ended its run, as it said.
    pub(crate) fn has_ended_so(&self, run: RunId, outcome: Option<&Outcome>) -> Played {
        let status = self.store.runs.get(&run).map(|row| row.life.status);
        let is_so = match outcome {
            Some(Outcome::Succeeded) => status == Some(RunStatus::Success),
            Some(Outcome::Failed { .. } | Outcome::Canceled) | None => {
                matches!(status, Some(RunStatus::Failure | RunStatus::Canceled))
            }
        };
        must(is_so, || format!("{run} is {status:?}, its worker said {outcome:?}"))
    }

    /// Whatever was acknowledged is in the store.
    pub(crate) fn what_was_told_is_so(&self) -> Played {
        for run in &self.submitted {
            must(self.store.runs.contains_key(run), || format!("{run} is lost"))?;
        }
        for process in &self.processes {
            let Some(row) = self.store.runs.get(&process.run) else { continue };
            if row.life.attempt == Some(process.attempt) && process.has_begun {
                let known = row.life.last_report;
                must(process.acked <= known, || format!("reports of {} are lost", process.run))?;
            }
        }
        Ok(())
    }
}
