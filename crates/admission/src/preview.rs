//! Previews: what would start if some runs were changed, found out by doing so and undoing it.
//!
//! The very decision is asked, so a preview cannot differ from what happens. Everything that it
//! changes is undone in the opposite order by the same moves that change runs otherwise, after which
//! the image is as it was but for where lines are parked, which decides nothing. No claim is granted
//! meanwhile: no change of a run and no admission gives room to a claim.

use std::collections::BTreeSet;

use model::{Attempt, RunId, RunStatus, Tags};

use crate::event::{Event, Refused};
use crate::image::Image;

/// A change of one run that does not move it along in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// As [`Event::Retag`].
    Retag {
        /// Which run.
        run: RunId,
        /// All its tags from then on.
        tags: Tags,
    },
    /// As [`Event::Hold`].
    Hold {
        /// Which run.
        run: RunId,
    },
    /// As [`Event::Release`].
    Release {
        /// Which run.
        run: RunId,
    },
}

impl Edit {
    /// Returns which run is changed.
    pub fn run(&self) -> RunId {
        match self {
            Self::Retag { run, .. } | Self::Hold { run } | Self::Release { run } => *run,
        }
    }
}

impl From<Edit> for Event {
    fn from(edit: Edit) -> Self {
        match edit {
            Edit::Retag { run, tags } => Self::Retag { run, tags },
            Edit::Hold { run } => Self::Hold { run },
            Edit::Release { run } => Self::Release { run },
        }
    }
}

/// How far a preview looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// How many runs it names at most.
    pub runs: u32,
    /// How many runs and lines of runs it looks at at most.
    pub looks: u32,
}

/// What would start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preview {
    /// The runs, in the order of their admission.
    pub started: Vec<RunId>,
    /// Whether there may be more.
    pub is_cut: bool,
}

/// How a run was before it was edited.
struct Before {
    run: RunId,
    tags: Tags,
    is_held: bool,
}

/// A run that was admitted, with the attempt that it had before.
struct Admitted {
    run: RunId,
    attempt: Option<Attempt>,
}

impl Image {
    /// Returns which runs [`Image::admit`] would admit if these edits were made now, and leaves the
    /// image as it is. Costs as much as the edits and the admissions themselves, twice.
    ///
    /// # Errors
    /// [`Refused`] says which edit cannot be made.
    pub fn preview(&mut self, edits: &[Edit], reach: Reach) -> Result<Preview, Refused> {
        let mut before = Vec::with_capacity(edits.len());
        let edited = edits.iter().try_for_each(|edit| self.try_edit(edit, &mut before));
        let preview = edited.map(|()| self.try_admit(reach));
        for Before { run, tags, is_held } in before.into_iter().rev() {
            // The run was there a moment ago, and is where it was.
            let _ = self.move_run(run, |entry| {
                entry.priority = tags.priority().unwrap_or_default();
                entry.run.tags = tags;
                entry.is_held = is_held;
            });
        }
        preview
    }

    fn try_edit(&mut self, edit: &Edit, before: &mut Vec<Before>) -> Result<(), Refused> {
        let run = edit.run();
        let entry = self.entry(run)?;
        before.push(Before { run, tags: entry.run.tags.clone(), is_held: entry.is_held });
        match edit {
            Edit::Retag { tags, .. } => self.retag(run, tags.clone()),
            Edit::Hold { .. } => self.hold(run),
            Edit::Release { .. } => self.move_run(run, |entry| entry.is_held = false),
        }
    }

    /// Admits runs, one more than are to be named, and takes all of them back.
    fn try_admit(&mut self, reach: Reach) -> Preview {
        let mut admitted = Vec::new();
        let mut is_cut = true;
        for _ in 0..reach.looks {
            let decided = self.admit(1);
            admitted.extend(decided.admitted.into_iter().map(|admission| Admitted {
                run: admission.run,
                attempt: Attempt::new(admission.attempt.get() - 1),
            }));
            is_cut = decided.is_cut;
            if !is_cut || admitted.len() > reach.runs as usize {
                break;
            }
        }
        let named = admitted.iter().take(reach.runs as usize);
        let started = named.map(|admitted| admitted.run).collect::<Vec<_>>();
        is_cut |= admitted.len() > started.len();
        for Admitted { run, attempt } in admitted.into_iter().rev() {
            // It was admitted a moment ago, so it is there.
            let _ = self.move_run(run, |entry| {
                entry.run.status = RunStatus::Queued;
                entry.run.attempt = attempt;
            });
        }
        Preview { started, is_cut }
    }
}

impl Preview {
    /// Returns what starts here and does not start there.
    pub fn without(self, other: &Self) -> Self {
        let others: BTreeSet<RunId> = other.started.iter().copied().collect();
        let started = self.started.into_iter().filter(|run| !others.contains(run)).collect();
        Self { started, is_cut: self.is_cut }
    }
}
