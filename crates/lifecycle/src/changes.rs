//! Live changes of runs: their priority, their tags, holds; and what starts because of them.
//!
//! A change is judged for each run by itself; what is made of it is made for all of them in one
//! commit. A preview judges in the same way and makes nothing.

use std::collections::BTreeSet;

use admission::{Edit, Reach};
use model::{EventKind, PRIORITY_TAG, Priority, PriorityError, RunId, RunStatus, Tags};
use thiserror::Error;

use crate::command::Refusal;
use crate::state::{Note, State};
use crate::steps::shorten;

/// How far it is looked for runs that start because of a change: as many are named as people read,
/// and no more are looked at than one commit admits.
const REACH: Reach = Reach { runs: 100, looks: 2000 };

/// How much all tags of the runs that one change writes may come to, in bytes: 10,000 runs with 3 KiB
/// each. All are written in one commit, as one text, for which everybody waits.
pub const MAX_WRITTEN_TAGS: usize = 32 << 20;

/// What is changed of runs that have not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunChange {
    /// The priority, and the tag that says it.
    Priority(Priority),
    /// The tags.
    Tags {
        /// These are set, over values that a run may have.
        set: Tags,
        /// These are taken away, before the others are set.
        remove: BTreeSet<String>,
    },
    /// Queued runs stay in the queue until they are released.
    Hold,
    /// Queued runs are held no longer.
    Release,
}

/// What came of a change, or would come of it. Each run stands in one of the first three lists, in
/// the order in which they were named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changed {
    /// The runs that are changed.
    pub changed: Vec<RunId>,
    /// The runs that are so already.
    pub unchanged: Vec<RunId>,
    /// The runs that cannot be changed like this.
    pub refused: Vec<(RunId, CannotChange)>,
    /// The runs that start at once because of it, in their order: the first 100.
    pub started: Vec<RunId>,
    /// Whether there may be more of those.
    pub is_started_cut: bool,
}

/// Why a run cannot be changed; then it stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CannotChange {
    /// It has ended, or its record is gone.
    #[error("it has ended")]
    Ended,
    /// It has left the queue.
    #[error("it is {0}: only a run that is QUEUED can be held or released")]
    NotQueued(RunStatus),
    /// It would have more tags than a run may have.
    #[error("its tags would come to {0} bytes; at most {max} are allowed", max = Tags::MAX_SIZE)]
    TagsTooLarge(usize),
}

impl State {
    /// Returns what [`crate::Command::Change`] would come to now, and changes nothing.
    ///
    /// # Errors
    /// [`Refusal::TooManyTags`].
    pub fn preview(&mut self, runs: &[RunId], change: &RunChange) -> Result<Changed, Refusal> {
        self.consider(runs, change).map(|(told, _)| told)
    }

    pub(crate) fn change(
        &mut self,
        runs: &[RunId],
        change: &RunChange,
    ) -> Result<Changed, Refusal> {
        let (told, edits) = self.consider(runs, change)?;
        // Said once: it takes time in proportion to the request.
        let words = in_words(change);
        for edit in edits {
            self.make(edit, change, &words);
        }
        // A new bound of a run may have been reached long ago.
        self.tick();
        Ok(told)
    }

    fn consider(
        &mut self,
        runs: &[RunId],
        change: &RunChange,
    ) -> Result<(Changed, Vec<Edit>), Refusal> {
        let (mut told, mut edits) = (Changed::default(), Vec::new());
        let (mut seen, mut written) = (BTreeSet::new(), 0);
        for run in runs.iter().copied().filter(|run| seen.insert(*run)) {
            let judged = self.judge(run, change);
            if let Ok(Some(Edit::Retag { tags, .. })) = &judged {
                written += tags.size();
            }
            if written > MAX_WRITTEN_TAGS {
                return Err(Refusal::TooManyTags);
            }
            match judged {
                Ok(Some(edit)) => {
                    told.changed.push(run);
                    edits.push(edit);
                }
                Ok(None) => told.unchanged.push(run),
                Err(why) => told.refused.push((run, why)),
            }
        }
        if !self.is_recovering() && !edits.is_empty() {
            let before = self.image.preview(&[], REACH).unwrap_or_default();
            // What was judged is not refused.
            let after = self.image.preview(&edits, REACH).unwrap_or_default().without(&before);
            (told.started, told.is_started_cut) = (after.started, after.is_cut);
        }
        Ok((told, edits))
    }

    /// Returns what is to be done to one run; nothing, if it is so already.
    fn judge(&self, run: RunId, change: &RunChange) -> Result<Option<Edit>, CannotChange> {
        let now = self.image.run(run).ok_or(CannotChange::Ended)?;
        let is_held = self.image.is_held(run);
        match change {
            RunChange::Hold | RunChange::Release if now.status != RunStatus::Queued => {
                Err(CannotChange::NotQueued(now.status))
            }
            RunChange::Hold => Ok((!is_held).then_some(Edit::Hold { run })),
            RunChange::Release => Ok(is_held.then_some(Edit::Release { run })),
            RunChange::Priority(priority) if now.tags.priority() == Ok(*priority) => Ok(None),
            RunChange::Priority(priority) => {
                retag(run, &now.tags, now.tags.with_priority(*priority))
            }
            RunChange::Tags { set, remove } => {
                let kept = now.tags.iter().filter(|(key, _)| !remove.contains(*key));
                retag(run, &now.tags, kept.chain(set.iter()).collect())
            }
        }
    }

    fn make(&mut self, edit: Edit, change: &RunChange, words: &str) {
        let run = edit.run();
        let note = match change {
            RunChange::Hold => Note::new(EventKind::RunHeld, words),
            RunChange::Release => Note::new(EventKind::RunReleased, words),
            RunChange::Priority(_) => {
                let before = self.image.run(run).and_then(|run| run.tags.priority().ok());
                let message = format!("from {} {words}", before.unwrap_or_default());
                Note::new(EventKind::RunReprioritized, message)
            }
            RunChange::Tags { .. } => Note::new(EventKind::RunRetagged, words),
        };
        let runtime = self.max_runtime_of(run);
        let is_retag = matches!(edit, Edit::Retag { .. });
        if !self.apply(edit.into()) {
            return;
        }
        self.note(run, note);
        if is_retag {
            self.pending.retagged.insert(run);
            if self.max_runtime_of(run) != runtime {
                self.bound_again(run);
            }
        }
    }
}

fn retag(run: RunId, before: &Tags, tags: Tags) -> Result<Option<Edit>, CannotChange> {
    match tags.size() {
        size if size > Tags::MAX_SIZE => Err(CannotChange::TagsTooLarge(size)),
        _ if tags == *before => Ok(None),
        _ => Ok(Some(Edit::Retag { run, tags })),
    }
}

/// Says why a tag can be that of no run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WrongTag {
    /// Its key is empty.
    #[error("a tag has an empty key")]
    EmptyKey,
    /// It says the priority, and cannot be meant.
    #[error("tag {tag}: {0}", tag = PRIORITY_TAG)]
    Priority(PriorityError),
}

fn in_words(change: &RunChange) -> String {
    let (set, remove) = match change {
        RunChange::Hold | RunChange::Release => return String::new(),
        RunChange::Priority(priority) => return format!("to {priority}"),
        RunChange::Tags { set, remove } => (set, remove),
    };
    let stays: BTreeSet<&str> = set.iter().map(|(key, _)| key).collect();
    let gone = remove.iter().filter(|key| !stays.contains(key.as_str()));
    let gone = gone.map(|key| format!("{key} removed"));
    let set = set.iter().map(|(key, value)| format!("{key}={value}"));
    shorten(set.chain(gone).collect::<Vec<_>>().join(", "))
}

/// Says why a tag cannot be set on a run, whatever the run.
///
/// # Errors
/// [`WrongTag`].
pub fn check_new_tags(set: &Tags) -> Result<(), WrongTag> {
    if set.iter().any(|(key, _)| key.is_empty()) {
        return Err(WrongTag::EmptyKey);
    }
    set.priority().map(drop).map_err(WrongTag::Priority)
}
