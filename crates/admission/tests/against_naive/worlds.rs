//! Random worlds, made so that collisions and contention are the norm: few pools, tags, locations
//! and priorities, narrow limits, and picks that mostly meet a run in the status they want.

use model::{DeploymentKind, Granularity, PoolBlocking, RunStatus};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union};

use crate::moves::{Move, NewRun, POOLS, Rules, Slots, Who, Words, World};

const STEPS: [&str; 4] = ["a", "b", "c", "d"];

/// Worlds of about 60 moves.
pub(crate) fn worlds() -> impl Strategy<Value = World> {
    prop_oneof![
        2 => worlds_of_everything(),
        1 => worlds_of_claims(),
        1 => worlds_of_a_queue(),
    ]
}

fn worlds_with(
    first_rules: impl Strategy<Value = Rules>,
    moves: impl Strategy<Value = Vec<Move>>,
) -> impl Strategy<Value = World> {
    (first_rules, pool_limits(), moves).prop_map(|(rules, pool_limits, moves)| World {
        rules,
        pool_limits,
        moves,
    })
}

fn worlds_of_everything() -> impl Strategy<Value = World> {
    worlds_with(rules(), vec(moves(), 0..=120))
}

/// Worlds in which runs come and go behind limits that open and close in turn.
fn worlds_of_a_queue() -> impl Strategy<Value = World> {
    let few = || prop_oneof![1 => Just(None), 1 => (1..=2_u32).prop_map(Some)];
    let limits = (of(3..=6_u32), few(), proptest::array::uniform6(few()));
    let first_rules =
        (rules(), limits).prop_map(|(rules, (max_runs, max_branch_runs, tag_limits))| Rules {
            max_runs,
            max_branch_runs,
            tag_limits,
            blocking: PoolBlocking::StepsOnly,
            ..rules
        });
    let submit = new_run(Just(RunStatus::Queued).boxed()).prop_map(Move::Submit);
    let in_progress = || any::<u8>().prop_map(Who::InProgress);
    let moves = prop_oneof![
        8 => submit,
        6 => admit(),
        6 => in_progress().prop_map(Move::End),
        2 => live().prop_map(Move::Delete),
        2 => who(RunStatus::Starting).prop_map(Move::Requeue),
        3 => (live(), words()).prop_map(|(who, tags)| Move::Retag(who, tags)),
        2 => (live(), -1..=2).prop_map(|(who, number)| Move::Reprioritize(who, number)),
        1 => who(RunStatus::Queued).prop_map(Move::Hold),
        1 => any::<u8>().prop_map(|nth| Move::Release(Who::Held(nth))),
        1 => pause(),
        1 => load(),
        1 => wait(),
    ];
    worlds_with(first_rules, vec(moves, 0..=120))
}

/// Worlds in which steps ask for slots, and little else happens.
fn worlds_of_claims() -> impl Strategy<Value = World> {
    let first_rules = (rules(), of(0..=2_u64)).prop_map(|(rules, reserve_after)| Rules {
        max_runs: None,
        granularity: Granularity::Op,
        reserve_after,
        ..rules
    });
    let begun = || new_run(Just(RunStatus::Started).boxed()).prop_map(Move::Submit);
    let moves = prop_oneof![
        24 => ask(),
        9 => any::<u8>().prop_map(Move::FreeGranted),
        2 => free(),
        8 => wait(),
        5 => pool_limit(),
        2 => begun(),
        3 => who(RunStatus::Started).prop_map(Move::End),
        1 => rules().prop_map(Move::Configure),
    ];
    let moves = (vec(begun(), 3), vec(moves, 0..=100))
        .prop_map(|(first, then)| first.into_iter().chain(then).collect());
    worlds_with(first_rules, moves)
}

/// Worlds with numbers at the end of their range.
pub(crate) fn worlds_of_extremes() -> impl Strategy<Value = World> {
    let edge = || select(vec![0, 1, u32::MAX - 1, u32::MAX]);
    let slots = move || (edge(), edge(), edge()).prop_map(|(p, q, r)| Slots(p, q, r));
    let first_rules = (rules(), of(edge()), edge(), of(select(vec![0, u64::MAX])));
    let first_rules = first_rules.prop_map(|(rules, max_runs, run_buffer, reserve_after)| Rules {
        max_runs,
        run_buffer,
        reserve_after,
        ..rules
    });
    let submit = (new_run(live_status()), slots(), slots())
        .prop_map(|(run, a, b)| Move::Submit(NewRun { roots: [Some(a), Some(a), Some(b)], ..run }));
    let priority = || select(vec![i32::MIN, 0, i32::MAX]);
    let who = || who(RunStatus::Started);
    let asked = (who(), step_key(), priority(), slots());
    let moves = prop_oneof![
        6 => submit,
        6 => asked.prop_map(|(who, step, priority, slots)| Move::Ask(who, step, priority, slots)),
        2 => (who(), priority()).prop_map(|(who, priority)| Move::Reprioritize(who, priority)),
        1 => select(vec![i64::MAX / 1_000_000, 1]).prop_map(Move::Wait),
        10 => moves(),
    ];
    worlds_with(first_rules, vec(moves, 0..=60))
}

/// Runs that wait in the queue, in an order of arrival that is not that of their sequence.
pub(crate) fn queues() -> impl Strategy<Value = Vec<NewRun>> {
    let queued = new_run(Just(RunStatus::Queued).boxed());
    vec(queued, 1..=30).prop_map(|mut runs| {
        for (at, run) in (0..).zip(&mut runs) {
            run.number = at;
            run.seq = u64::from(at);
        }
        runs
    })
}

/// Any settings.
pub(crate) fn rules() -> impl Strategy<Value = Rules> {
    let tag_limits = || prop_oneof![4 => Just(None), 1 => narrow().prop_map(Some)];
    let granularity = select(vec![Granularity::Op, Granularity::Run]);
    let blocking = prop_oneof![
        8 => Just(PoolBlocking::HoldsRunsBack),
        1 => Just(PoolBlocking::StepsOnly)
    ];
    let max_runs = prop_oneof![
        2 => Just(None),
        8 => (2..=6_u32).prop_map(Some),
        1 => (0..=1_u32).prop_map(Some)
    ];
    let max_branch_runs = prop_oneof![1 => Just(None), 1 => narrow().prop_map(Some)];
    let totals = (max_runs, max_branch_runs);
    let tags = proptest::array::uniform6(tag_limits());
    let default_limit = prop_oneof![2 => Just(None), 1 => narrow().prop_map(Some)];
    let pools = (granularity, default_limit, 0..=2_u32, blocking);
    (totals, tags, pools, of(0..=3_u64)).prop_map(|(totals, tag_limits, pools, reserve_after)| {
        Rules {
            max_runs: totals.0,
            max_branch_runs: totals.1,
            tag_limits,
            granularity: pools.0,
            default_limit: pools.1,
            run_buffer: pools.2,
            blocking: pools.3,
            reserve_after,
        }
    })
}

/// Limits that are soon reached, seldom from the beginning.
fn narrow() -> impl Strategy<Value = u32> {
    prop_oneof![1 => Just(0), 4 => Just(1_u32), 4 => Just(2), 3 => Just(3)]
}

fn pool_limits() -> impl Strategy<Value = [Option<u32>; 3]> {
    proptest::array::uniform3(of(narrow()))
}

fn moves() -> impl Strategy<Value = Move> {
    use RunStatus::{Canceling, Queued, Started, Starting};
    let retag = (live(), words()).prop_map(|(who, tags)| Move::Retag(who, tags));
    let reprioritize = (live(), -1..=2).prop_map(|(who, number)| Move::Reprioritize(who, number));
    Union::new_weighted(vec![
        (13, new_run(mostly_queued()).prop_map(Move::Submit).boxed()),
        (12, admit().boxed()),
        (12, ask().boxed()),
        (9, who(Starting).prop_map(Move::Begin).boxed()),
        (4, who(Started).prop_map(Move::FirstPassDone).boxed()),
        (1, who(Canceling).prop_map(Move::FirstPassDone).boxed()),
        (3, free().boxed()),
        (6, any::<u8>().prop_map(Move::FreeGranted).boxed()),
        (7, who(Started).prop_map(Move::End).boxed()),
        (2, live().prop_map(Move::End).boxed()),
        (2, live().prop_map(Move::Cancel).boxed()),
        (1, live().prop_map(Move::Delete).boxed()),
        (2, who(Starting).prop_map(Move::Requeue).boxed()),
        (3, retag.boxed()),
        (2, reprioritize.boxed()),
        (2, who(Queued).prop_map(Move::Hold).boxed()),
        (3, any::<u8>().prop_map(|nth| Move::Release(Who::Held(nth))).boxed()),
        (1, live().prop_map(Move::Release).boxed()),
        (4, pool_limit().boxed()),
        (2, rules().prop_map(Move::Configure).boxed()),
        (1, pause().boxed()),
        (1, location_name().prop_map(Move::Resume).boxed()),
        (1, load().boxed()),
        (3, wait().boxed()),
    ])
}

fn admit() -> impl Strategy<Value = Move> {
    (1..=4_u32, 1..=4_u32).prop_map(|(budget, calls)| Move::Admit { budget, calls })
}

fn pause() -> impl Strategy<Value = Move> {
    let location = prop_oneof![1 => Just("loc"), 2 => Just("far")];
    (location, -1..=3_i64).prop_map(|(name, seconds)| Move::Pause(name, seconds))
}

fn load() -> impl Strategy<Value = Move> {
    let location = prop_oneof![1 => Just("loc"), 2 => Just("far")];
    prop_oneof![1 => location.prop_map(Some), 2 => Just(None)].prop_map(Move::Load)
}

fn ask() -> impl Strategy<Value = Move> {
    let asked = (who(RunStatus::Started), step_key(), -1..=2, slots());
    asked.prop_map(|(who, step, priority, slots)| Move::Ask(who, step, priority, slots))
}

fn free() -> impl Strategy<Value = Move> {
    let step = prop_oneof![4 => step_key().prop_map(Some), 1 => Just(None)];
    (who(RunStatus::Started), step).prop_map(|(who, step)| Move::Free(who, step))
}

fn pool_limit() -> impl Strategy<Value = Move> {
    let limit = prop_oneof![4 => narrow().prop_map(Some), 1 => Just(None)];
    (select(POOLS.to_vec()), limit).prop_map(|(pool, limit)| Move::PoolLimit(pool, limit))
}

fn wait() -> impl Strategy<Value = Move> {
    prop_oneof![1 => Just(-1_i64), 8 => 0..=3_i64].prop_map(Move::Wait)
}

fn who(status: RunStatus) -> impl Strategy<Value = Who> {
    prop_oneof![
        20 => any::<u8>().prop_map(move |nth| Who::Is(status, nth)),
        1 => live(),
        1 => (0..40_u8).prop_map(Who::Number),
    ]
}

fn live() -> impl Strategy<Value = Who> {
    prop_oneof![
        15 => any::<u8>().prop_map(Who::Live),
        1 => (0..40_u8).prop_map(Who::Number),
    ]
}

fn mostly_queued() -> BoxedStrategy<RunStatus> {
    prop_oneof![20 => Just(RunStatus::Queued), 4 => live_status(), 1 => select(RunStatus::ALL.to_vec())]
        .boxed()
}

fn live_status() -> BoxedStrategy<RunStatus> {
    use RunStatus::{Canceling, Queued, Started, Starting};
    select(vec![Queued, Starting, Started, Canceling]).boxed()
}

fn new_run(status: BoxedStrategy<RunStatus>) -> impl Strategy<Value = NewRun> {
    let deployment = prop_oneof![
        2 => Just(DeploymentKind::Full),
        1 => Just(DeploymentKind::Branch)
    ];
    let root = prop_oneof![3 => Just(None), 2 => slots().prop_map(Some)];
    let roots = proptest::array::uniform3(root);
    let later = prop_oneof![3 => Just(Slots::default()), 1 => slots()];
    let names = (0..40_u8, 0..80_u64);
    (names, status, words(), location_name(), deployment, roots, later).prop_map(
        |((number, seq), status, tags, location, deployment, roots, later)| NewRun {
            number,
            seq,
            status,
            tags,
            location,
            deployment,
            roots,
            later,
        },
    )
}

fn words() -> impl Strategy<Value = Words> {
    let priority = select(vec!["0", "1", " 2 ", "-1", "junk", "99999999999"]);
    let priority = prop_oneof![2 => Just(None), 1 => priority.prop_map(Some)];
    let team = of(select(vec!["docs", "core", "web"]));
    let db = of(select(vec!["", "tiny"]));
    (priority, team, db).prop_map(|(priority, team, db)| Words { priority, team, db })
}

fn slots() -> impl Strategy<Value = Slots> {
    let number = || prop_oneof![8 => Just(0), 5 => Just(1_u32), 2 => Just(2), 1 => Just(3)];
    (number(), number(), number()).prop_map(|(p, q, r)| Slots(p, q, r))
}

fn location_name() -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => Just("loc"), 1 => Just("far")]
}

fn step_key() -> impl Strategy<Value = &'static str> {
    select(STEPS.to_vec())
}
