//! Plays a world on an image and lets a check look at it after each move.

use admission::{Admission, Event, Facts, Image, Refused};
use model::{ClaimOrder, ClaimState, Priority, RunId, RunStatus, StepId};
use naive::Naive;
use proptest::prelude::{TestCaseError, prop_assert_eq};
use proptest::test_runner::TestCaseResult;

use crate::every::caught;
use crate::moves::{Move, World};

/// How often an image may ask to be called again before it is taken to be lost.
const PATIENCE: usize = 10_000;

/// One move, as it was played.
#[derive(Debug)]
pub(crate) struct Played {
    /// The facts before it.
    pub(crate) before: Facts,
    /// The facts after it.
    pub(crate) after: Facts,
    /// What was told or asked, and what the image said.
    pub(crate) what: What,
}

/// What was told or asked, and what the image said.
#[derive(Debug)]
pub(crate) enum What {
    /// An event, and the claims that it let through.
    Told(Event, Result<Vec<StepId>, Refused>),
    /// A decision, and whether the image wanted to be asked again.
    Admitted(Vec<Admission>, IsCut),
}

/// Whether a decision ran out of its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsCut {
    Yes,
    No,
}

impl World {
    /// Plays every move and calls the check after each; a failed check is told with the events
    /// that led to it.
    pub(crate) fn play(
        &self,
        mut check: impl FnMut(&Image, &Played) -> TestCaseResult,
    ) -> TestCaseResult {
        let (mut image, _) = Image::new(self.beginning()).unwrap();
        for (at, next) in self.moves.iter().enumerate() {
            caught(|| {
                let before = image.facts();
                let what = next.play(&before, &mut image);
                let after = image.facts();
                check(&image, &Played { before, after, what })
            })
            .map_err(|error| with_story(error, self, at))?;
        }
        Ok(())
    }
}

/// Adds to a failed check the events that led to it, the last of which stands at `last`.
fn with_story(error: TestCaseError, world: &World, last: usize) -> TestCaseError {
    let TestCaseError::Fail(reason) = error else {
        return error;
    };
    let beginning = world.beginning();
    let mut text = format!("{reason}\nfrom {beginning:?}\nafter\n");
    let (mut image, _) = Image::new(beginning).unwrap();
    for next in &world.moves[..=last] {
        let facts = image.facts();
        match next.event(&facts) {
            Some(event) => text += &format!("    {event:?}\n"),
            None => text += &format!("    {next:?}\n"),
        }
        // The last move may be one on which the image panics.
        let _ = caught(|| {
            next.play(&facts, &mut image);
            Ok(())
        });
    }
    TestCaseError::fail(text)
}

impl Move {
    fn play(&self, facts: &Facts, image: &mut Image) -> What {
        match (self, self.event(facts)) {
            (Self::Admit { budget, calls }, _) => {
                let (mut admitted, mut is_cut) = (Vec::new(), IsCut::Yes);
                for _ in 0..*calls {
                    let decided = image.admit(*budget);
                    admitted.extend(decided.admitted);
                    is_cut = if decided.is_cut { IsCut::Yes } else { IsCut::No };
                }
                What::Admitted(admitted, is_cut)
            }
            (_, event) => {
                let event = event.unwrap();
                What::Told(event.clone(), image.apply(event))
            }
        }
    }
}

impl Played {
    /// Returns the claims that were granted by this move, in order.
    pub(crate) fn granted(&self) -> &[StepId] {
        match &self.what {
            What::Told(_, Ok(granted)) => granted,
            What::Told(_, Err(_)) | What::Admitted(..) => &[],
        }
    }

    /// Returns the runs that were admitted by this move, in order.
    pub(crate) fn admitted(&self) -> Vec<RunId> {
        match &self.what {
            What::Admitted(admitted, _) => admitted.iter().map(|admission| admission.run).collect(),
            What::Told(..) => Vec::new(),
        }
    }
}

/// Asks for decisions of this budget until the image says that there are no more.
pub(crate) fn drain(image: &mut Image, budget: u32) -> Vec<Admission> {
    let mut admitted = Vec::new();
    for _ in 0..PATIENCE {
        let decided = image.admit(budget);
        admitted.extend(decided.admitted);
        if !decided.is_cut {
            return admitted;
        }
    }
    panic!("the image still wants to be asked again after {PATIENCE} decisions");
}

/// Returns a naive model at the beginning of a world.
pub(crate) fn naive_at_the_beginning(world: &World) -> Naive {
    let Facts { settings, pool_limits, .. } = world.beginning();
    let mut naive = Naive::new(settings);
    for (pool, limit) in pool_limits {
        naive.apply(&Event::PoolLimitSet { pool, limit }).unwrap();
    }
    naive
}

/// Lets the naive model go through the same move and compares what it says.
pub(crate) fn follow(naive: &mut Naive, played: &Played) -> TestCaseResult {
    match &played.what {
        What::Told(event, said) => {
            let expected = naive.apply(event);
            prop_assert_eq!(said.as_ref().ok(), expected.as_ref().ok());
        }
        What::Admitted(_, is_cut) => {
            let admitted = played.admitted();
            prop_assert_eq!(&admitted, &naive.admit_up_to(admitted.len()));
            if *is_cut == IsCut::No {
                prop_assert_eq!(naive.clone().admit(), vec![]);
            }
        }
    }
    Ok(())
}

/// Returns the ids of the runs in the queue.
pub(crate) fn queued(facts: &Facts) -> Vec<RunId> {
    let runs = facts.runs.iter().map(|facts| &facts.run);
    runs.filter(|run| run.status == RunStatus::Queued).map(|run| run.id).collect()
}

/// Returns the steps whose claims are in a state.
pub(crate) fn steps(facts: &Facts, state: ClaimState) -> Vec<StepId> {
    let claims = facts.claims.iter().map(|facts| &facts.claim);
    claims.filter(|claim| claim.state == state).map(|claim| claim.step.clone()).collect()
}

/// Numbers the askings anew from 0, so that facts can be compared that were asked equally but
/// counted differently.
pub(crate) fn renumbered(mut facts: Facts) -> Facts {
    let mut asked: Vec<u64> = facts.claims.iter().map(|facts| facts.claim.order.asked()).collect();
    asked.sort_unstable();
    for facts in &mut facts.claims {
        let order = facts.claim.order;
        let rank = asked.partition_point(|other| *other < order.asked());
        let half = order.priority() / 2;
        let [half, rest] =
            [half, order.priority() - half].map(|part| Priority::new(i32::try_from(part).unwrap()));
        facts.claim.order = ClaimOrder::new(half, rest, u64::try_from(rank).unwrap());
    }
    facts
}
