//! Worlds on which a property failed once, as they were printed when they had been made small, and
//! worlds that chance seldom makes. Every property of worlds is tried on them before it is tried on
//! random ones.

use model::{DeploymentKind, Granularity, PoolBlocking, RunStatus};

use crate::moves::Move::{Admit, Ask, Cancel, Configure, Delete, Free, Requeue, Retag, Submit};
use crate::moves::Who::Number;
use crate::moves::{NewRun, Rules, Slots, Words, World};

pub(crate) fn worlds_found() -> Vec<World> {
    vec![
        a_queued_run_names_a_pool_that_another_leaves(),
        reasons_for_two_pools_first_named_in_another_order(),
        a_better_run_joins_a_line_whose_limit_has_just_opened(),
        an_older_claim_goes_before_one_that_a_reservation_stops(),
    ]
}

fn a_queued_run_names_a_pool_that_another_leaves() -> World {
    World {
        rules: Rules { blocking: PoolBlocking::StepsOnly, ..no_rules() },
        pool_limits: [None; 3],
        moves: vec![
            Submit(NewRun { roots: one_root(Slots(0, 0, 1)), ..run(1, 9) }),
            Submit(NewRun { roots: one_root(Slots(0, 0, 1)), ..run(2, 24) }),
            Delete(Number(1)),
            Admit { budget: 1, calls: 1 },
        ],
    }
}

fn reasons_for_two_pools_first_named_in_another_order() -> World {
    let two_roots = [Some(Slots(0, 0, 1)), Some(Slots(0, 1, 0)), None];
    World {
        rules: no_rules(),
        pool_limits: [None; 3],
        moves: vec![
            Configure(Rules { default_limit: Some(0), ..no_rules() }),
            Submit(NewRun { roots: two_roots, ..run(1, 72) }),
            Submit(NewRun { roots: one_root(Slots(0, 0, 1)), ..run(2, 60) }),
        ],
    }
}

fn a_better_run_joins_a_line_whose_limit_has_just_opened() -> World {
    let db = |db| Words { db: Some(db), ..Words::default() };
    World {
        rules: Rules { tag_limits: [None, None, None, Some(2), None, None], ..no_rules() },
        pool_limits: [None; 3],
        moves: vec![
            Submit(run(20, 13)),
            Submit(NewRun { tags: db("tiny"), ..run(18, 38) }),
            Submit(run(27, 6)),
            Admit { budget: 3, calls: 1 },
            Retag(Number(20), db("")),
            Submit(NewRun { tags: db(""), ..run(21, 67) }),
            Submit(run(1, 73)),
            Admit { budget: 2, calls: 1 },
            Cancel(Number(18)),
            Requeue(Number(20)),
            Admit { budget: 4, calls: 1 },
        ],
    }
}

/// The claim that is stopped (step `b` of run 2) wants one slot only, so it is not passed over.
fn an_older_claim_goes_before_one_that_a_reservation_stops() -> World {
    let begun = |number, seq| NewRun { status: RunStatus::Started, ..run(number, seq) };
    World {
        rules: Rules { reserve_after: Some(0), ..no_rules() },
        pool_limits: [Some(2), Some(1), None],
        moves: vec![
            Submit(begun(1, 1)),
            Submit(begun(2, 2)),
            Ask(Number(1), "a", 0, Slots(1, 0, 0)),
            Ask(Number(1), "b", 0, Slots(0, 1, 0)),
            Ask(Number(1), "c", -1, Slots(1, 1, 0)),
            Ask(Number(1), "d", 1, Slots(2, 0, 0)),
            Ask(Number(2), "a", 0, Slots(1, 0, 0)),
            Ask(Number(2), "b", 2, Slots(1, 0, 0)),
            Free(Number(2), Some("a")),
            Free(Number(1), Some("b")),
            Free(Number(1), Some("a")),
            Free(Number(1), Some("c")),
        ],
    }
}

/// Returns settings without any limit.
pub(crate) fn no_rules() -> Rules {
    Rules {
        max_runs: None,
        max_branch_runs: None,
        tag_limits: [None; 6],
        granularity: Granularity::Op,
        default_limit: None,
        run_buffer: 0,
        blocking: PoolBlocking::HoldsRunsBack,
        reserve_after: None,
    }
}

fn run(number: u8, seq: u64) -> NewRun {
    NewRun {
        number,
        seq,
        status: RunStatus::Queued,
        tags: Words::default(),
        location: "loc",
        deployment: DeploymentKind::Full,
        roots: [None; 3],
        later: Slots::default(),
    }
}

fn one_root(slots: Slots) -> [Option<Slots>; 3] {
    [Some(slots), None, None]
}
