//! Hand-made worlds, each small enough to be decided in the head.

use std::time::Duration;

use admission::Event;
use model::{
    Capacity, CodeLocation, Demand, Deployment, DeploymentKind, DeploymentName, Granularity,
    JobName, LimitKey, PoolBlocking, PoolLimit, PoolName, PoolSettings, Priority, Run, RunId,
    RunPools, RunStatus, Seq, Settings, Slots, Step, StepId, StepKey, TagLimit, TagLimits,
    TagMatch, Tags, Timestamp, Usage,
};

use crate::{Naive, Refusal};

/// A model whose runs and steps are written as short texts.
struct World {
    naive: Naive,
    submitted: u64,
}

impl World {
    fn new(settings: Settings) -> Self {
        let naive = Naive::new(settings);
        Self { naive, submitted: 0 }
    }

    fn with_pools(granularity: Granularity, limits: &[(&str, i64)]) -> Self {
        let mut world = Self::new(with_granularity(granularity));
        for (pool, limit) in limits {
            world.limit(pool, *limit);
        }
        world
    }

    /// Submits runs, one a line: `A p=3 team=docs @loc branch STARTED | db gpu:2+db - ~late`, after
    /// the bar its root demands (`-` needs no pool) and the pools of later steps.
    fn submit(&mut self, lines: &[&str]) {
        for line in lines {
            self.submitted += 1;
            let run = parse_run(line, self.submitted);
            self.tell(&Event::Submit(run));
        }
    }

    /// Asks for slots as `A.load p=2 db:2+gpu`; returns the steps that were granted by it.
    fn ask(&mut self, line: &str) -> String {
        let mut words = line.split(' ');
        let id = step_id(words.next().unwrap());
        let (mut priority, mut demand) = (Priority::DEFAULT, Demand::default());
        for word in words {
            match word.split_once('=') {
                Some((_, number)) => priority = Priority::parse(number).unwrap(),
                None => demand = parse_demand(word),
            }
        }
        let step = Step { key: id.step, priority, demand };
        self.tell(&Event::Ask { run: id.run, step })
    }

    fn free(&mut self, step: &str) -> String {
        let StepId { run, step } = step_id(step);
        let step = Some(step);
        self.tell(&Event::Free { run, step })
    }

    fn limit(&mut self, pool: &str, limit: i64) -> String {
        let limit = PoolLimit::new(limit).unwrap();
        let pool = PoolName::new(pool).unwrap();
        self.tell(&Event::PoolLimitSet { pool, limit })
    }

    fn unlimit(&mut self, pool: &str) -> String {
        let pool = PoolName::new(pool).unwrap();
        self.tell(&Event::PoolLimitDeleted { pool })
    }

    fn wait_until(&mut self, seconds: i64) -> String {
        let now = at(seconds);
        self.tell(&Event::TimePassed { now })
    }

    fn tell(&mut self, event: &Event) -> String {
        let granted = self.naive.apply(event).unwrap();
        let names: Vec<String> = granted.iter().map(step_name).collect();
        names.join(" ")
    }

    fn refuses(&mut self, event: &Event) {
        let before = self.naive.clone();
        assert_eq!(self.naive.apply(event), Err(Refusal), "{event:?}");
        assert_eq!(self.naive, before, "{event:?}");
    }

    fn admit(&mut self) -> String {
        let names: Vec<String> = self.naive.admit().into_iter().map(run_name).collect();
        names.join(" ")
    }

    fn blocking(&self, run: &str) -> String {
        let limits = self.naive.blocking(run_id(run)).unwrap();
        let names: Vec<String> = limits.iter().map(ToString::to_string).collect();
        names.join(", ")
    }

    fn blocking_step(&self, step: &str) -> String {
        let limits = self.naive.blocking_step(&step_id(step)).unwrap();
        let names: Vec<String> = limits.iter().map(ToString::to_string).collect();
        names.join(", ")
    }

    fn pool_usage(&self, pool: &str) -> Usage {
        let pool = PoolName::new(pool).unwrap();
        self.naive.usage(&LimitKey::Pool(pool)).1
    }
}

fn parse_run(line: &str, seq: u64) -> Run {
    let (head, pools) = line.split_once(" | ").unwrap_or((line, ""));
    let mut words = head.split(' ');
    let id = run_id(words.next().unwrap());
    let mut run = Run {
        id,
        seq: Seq::new(seq),
        job: JobName::new("job").unwrap(),
        location: CodeLocation::new("loc").unwrap(),
        deployment: Deployment {
            name: DeploymentName::new("prod").unwrap(),
            kind: DeploymentKind::Full,
        },
        tags: Tags::default(),
        pools: parse_pools(pools),
        status: RunStatus::Queued,
        attempt: None,
    };
    for word in words {
        if let Some((key, value)) = word.split_once('=') {
            let key = if key == "p" { model::PRIORITY_TAG } else { key };
            run.tags = run.tags.with(key, value);
        } else if let Some(location) = word.strip_prefix('@') {
            run.location = CodeLocation::new(location).unwrap();
        } else if word == "branch" {
            run.deployment.kind = DeploymentKind::Branch;
        } else {
            run.status = RunStatus::from_name(word).unwrap();
        }
    }
    run
}

fn parse_pools(text: &str) -> RunPools {
    let words = || text.split(' ').filter(|word| !word.is_empty());
    let later = words().filter_map(|word| word.strip_prefix('~'));
    let roots = words().filter(|word| !word.starts_with('~'));
    let later = later.map(|pool| PoolName::new(pool).unwrap());
    RunPools::new(roots.map(parse_demand), later)
}

fn parse_demand(text: &str) -> Demand {
    let parts = text.split('+').filter(|part| *part != "-");
    let parts = parts.map(|part| part.split_once(':').unwrap_or((part, "1")));
    parts
        .map(|(pool, slots)| {
            let slots: Slots = slots.parse().unwrap();
            (PoolName::new(pool).unwrap(), slots)
        })
        .collect()
}

fn run_id(name: &str) -> RunId {
    let bits = name.bytes().fold(0, |bits, byte| bits << 8 | u128::from(byte));
    RunId::from_u128(bits)
}

fn run_name(run: RunId) -> String {
    let bytes = run.as_u128().to_be_bytes().into_iter();
    bytes.filter(|byte| *byte != 0).map(char::from).collect()
}

fn step_id(text: &str) -> StepId {
    let (run, step) = text.split_once('.').unwrap();
    StepId { run: run_id(run), step: StepKey::new(step).unwrap() }
}

fn step_name(step: &StepId) -> String {
    format!("{}.{}", run_name(step.run), step.step)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn with_granularity(granularity: Granularity) -> Settings {
    let pools = PoolSettings { granularity, ..PoolSettings::default() };
    Settings { pools, ..Settings::default() }
}

fn with_tag_limits(limits: &[(&str, TagMatch, u32)]) -> Settings {
    let limits = limits.iter().map(|(key, matches, limit)| TagLimit {
        key: (*key).to_owned(),
        matches: matches.clone(),
        limit: *limit,
    });
    Settings { tag_limits: TagLimits::new(limits.collect()).unwrap(), ..Settings::default() }
}

#[test]
fn the_queue_is_ordered_by_priority_then_sequence() {
    let mut world = World::new(Settings::default());
    world.submit(&["A", "B p=-1", "C p=3", "D p=junk", "E p=99999999999", "F p=3"]);
    assert_eq!(world.admit(), "C F A D E B");
}

#[test]
fn a_blocked_run_does_not_block_those_behind_it() {
    let mut world = World::new(with_tag_limits(&[("team", TagMatch::Key, 1)]));
    world.submit(&["A team=docs", "B team=docs", "C"]);
    assert_eq!(world.blocking("B"), "");
    assert_eq!(world.admit(), "A C");
    assert_eq!(world.blocking("B"), "tag team");
    assert_eq!(world.admit(), "");
    world.tell(&Event::End { run: run_id("A") });
    assert_eq!(world.admit(), "B");
}

#[test]
fn every_form_of_tag_limit_counts_and_the_strictest_wins() {
    let mut world = World::new(with_tag_limits(&[
        ("foo", TagMatch::EachValue, 1),
        ("foo", TagMatch::Key, 2),
        ("db", TagMatch::Value("tiny".to_owned()), 1),
    ]));
    world.submit(&[
        "A foo=x",
        "B foo=x",
        "C foo=y",
        "D foo=z",
        "E db=tiny",
        "F db=tiny",
        "G db=big",
    ]);
    assert_eq!(world.admit(), "A C E G");
    assert_eq!(world.blocking("B"), "tag foo, tag foo=x (each value apart)");
    assert_eq!(world.blocking("D"), "tag foo");
    assert_eq!(world.blocking("F"), "tag db=tiny");
}

#[test]
fn starting_started_and_canceling_runs_count_alike() {
    let settings = Settings { max_concurrent_runs: Capacity::AtMost(4), ..Settings::default() };
    let mut world = World::new(settings);
    world.submit(&["X STARTING", "Y STARTED", "Z CANCELING", "A", "B"]);
    assert_eq!(world.admit(), "A");
    assert_eq!(world.blocking("B"), "max_concurrent_runs");
}

#[test]
fn branch_deployments_share_one_cap() {
    let settings =
        Settings { max_branch_deployment_runs: Capacity::AtMost(1), ..Settings::default() };
    let mut world = World::new(settings);
    world.submit(&["A branch", "B branch", "C"]);
    assert_eq!(world.admit(), "A C");
}

#[test]
fn a_held_run_waits_until_it_is_released() {
    let mut world = World::new(Settings::default());
    world.submit(&["A", "B", "S STARTING"]);
    world.tell(&Event::Hold { run: run_id("A") });
    assert_eq!(world.admit(), "B");
    assert_eq!(world.blocking("A"), "hold");
    world.refuses(&Event::Hold { run: run_id("S") });
    world.tell(&Event::Release { run: run_id("A") });
    assert_eq!(world.admit(), "A");
}

#[test]
fn a_paused_location_resumes_at_its_instant() {
    let mut world = World::new(Settings::default());
    world.submit(&["A", "B @other"]);
    let location = CodeLocation::new("loc").unwrap();
    let until = at(5);
    world.tell(&Event::LocationPaused { location, until });
    assert_eq!(world.admit(), "B");
    world.wait_until(4);
    assert_eq!(world.blocking("A"), "code location loc");
    world.wait_until(5);
    world.wait_until(3);
    assert_eq!(world.naive.now(), at(5));
    assert_eq!(world.admit(), "A");
}

#[test]
fn oddity_3_a_blocked_run_consumes_nothing() {
    let mut settings = with_tag_limits(&[("k", TagMatch::Key, 1)]);
    settings.pools.granularity = Granularity::Run;
    let mut world = World::new(settings);
    world.limit("p", 0);
    world.submit(&["A k=v | p", "B k=v", "C"]);
    assert_eq!(world.admit(), "B C");
}

#[test]
fn oddity_4_a_default_limit_is_in_force_from_the_first_decision() {
    let mut settings = with_granularity(Granularity::Run);
    settings.pools.default_limit = Some(PoolLimit::new(1).unwrap());
    let mut world = World::new(settings);
    world.submit(&["A | p", "B | p", "C | p"]);
    assert_eq!(world.admit(), "A");
}

#[test]
fn oddity_5_a_default_limit_of_0_means_0() {
    for granularity in [Granularity::Run, Granularity::Op] {
        let mut settings = with_granularity(granularity);
        settings.pools.default_limit = Some(PoolLimit::new(0).unwrap());
        let mut world = World::new(settings);
        world.submit(&["A | p", "B | p"]);
        assert_eq!(world.admit(), "");
        world.limit("p", 2);
        assert_eq!(world.admit(), "A B");
    }
}

#[test]
fn oddity_6_the_run_buffer_loosens_op_granularity_only() {
    for (granularity, admitted) in [(Granularity::Run, "A"), (Granularity::Op, "A B")] {
        let mut settings = with_granularity(granularity);
        settings.pools.run_buffer = 1;
        let mut world = World::new(settings);
        world.limit("p", 1);
        world.submit(&["A | p", "B | p", "C | p"]);
        assert_eq!(world.admit(), admitted);
    }
}

#[test]
fn the_run_buffer_lets_no_demand_in_that_is_larger_than_its_limit() {
    let mut settings = with_granularity(Granularity::Op);
    settings.pools.run_buffer = 5;
    let mut world = World::new(settings);
    world.limit("p", 2);
    world.submit(&["A | p:3", "B | p:2"]);
    assert_eq!(world.admit(), "B");
    assert_eq!(world.blocking("A"), "pool p");
}

#[test]
fn oddity_7_a_grant_is_checked_against_all_holders() {
    let mut world = World::with_pools(Granularity::Op, &[("p", 2)]);
    world.submit(&["A STARTED"]);
    assert_eq!(world.ask("A.a p"), "A.a");
    assert_eq!(world.ask("A.b p"), "A.b");
    assert_eq!(world.ask("A.c p"), "");
    assert_eq!(world.limit("p", 1), "");
    assert_eq!(world.limit("p", 2), "");
    assert_eq!(world.unlimit("p"), "A.c");
    assert_eq!(world.limit("p", 1), "");
    assert_eq!(world.ask("A.d p"), "");
    assert_eq!(world.free("A.a"), "");
    assert_eq!(world.free("A.b"), "");
    assert_eq!(world.free("A.c"), "A.d");
}

#[test]
fn oddity_26_root_demands_count_until_the_first_pass_is_done_then_only_claims() {
    for status in ["STARTING", "STARTED", "CANCELING"] {
        let mut world = World::with_pools(Granularity::Op, &[("p", 2)]);
        world.submit(&[&format!("S {status} | p p"), "A | p"]);
        assert_eq!(world.blocking("A"), "pool p", "{status}");
    }
    let mut world = World::with_pools(Granularity::Op, &[("p", 2)]);
    world.submit(&["S STARTED | p p", "A | p"]);
    assert_eq!(world.ask("S.a p"), "S.a");
    let asked_in_first_pass = Usage { runs: 1, granted: 1, pending: 0, roots: 2 };
    assert_eq!(world.pool_usage("p"), asked_in_first_pass);
    world.tell(&Event::FirstPassDone { run: run_id("S") });
    assert_eq!(world.pool_usage("p").roots, 0);
    assert_eq!(world.admit(), "A");
}

#[test]
fn at_op_granularity_a_run_starts_if_any_root_can() {
    let mut world = World::with_pools(Granularity::Op, &[("p", 1), ("q", 0)]);
    world.submit(&["A | p", "B | p+r q", "C | p r", "D | p -", "E | ~q"]);
    assert_eq!(world.admit(), "A C D E");
    assert_eq!(world.blocking("B"), "pool p, pool q");
}

#[test]
fn at_run_granularity_a_run_takes_one_slot_in_each_pool_of_any_step() {
    let mut world = World::with_pools(Granularity::Run, &[("p", 2), ("s", 1)]);
    world.submit(&["A | p:2 ~s", "B | - ~s", "C | p"]);
    assert_eq!(world.admit(), "A C");
    assert_eq!(world.blocking("B"), "pool s");
    world.tell(&Event::Begin { run: run_id("A") });
    assert_eq!(world.ask("A.a p:2"), "A.a");
    assert_eq!(world.ask("A.b s:9"), "A.b");
}

#[test]
fn runs_do_not_wait_for_pools_if_only_steps_do() {
    for granularity in [Granularity::Op, Granularity::Run] {
        let mut settings = with_granularity(granularity);
        settings.pools.blocking = PoolBlocking::StepsOnly;
        let mut world = World::new(settings);
        world.limit("p", 0);
        world.submit(&["A | p"]);
        assert_eq!(world.admit(), "A");
    }
}

#[test]
fn waiting_claims_are_granted_in_order_when_runs_come_to_hold_the_slots() {
    let mut world = World::with_pools(Granularity::Op, &[("p", 0)]);
    world.submit(&["A STARTED"]);
    for ask in ["A.a p", "A.b p=1 p", "A.c p"] {
        assert_eq!(world.ask(ask), "");
    }
    let settings = with_granularity(Granularity::Run);
    assert_eq!(world.tell(&Event::Configure(settings)), "A.b A.a A.c");
}

#[test]
fn claims_go_by_both_priorities_then_age_fixed_when_first_asked() {
    let mut world = World::with_pools(Granularity::Op, &[("p", 0)]);
    world.submit(&["L STARTED p=-1000", "R STARTED", "H STARTED p=5"]);
    for ask in ["L.low p=-1001 p", "L.high p", "R.low p=-1 p", "R.high p=1000 p", "H.a p"] {
        assert_eq!(world.ask(ask), "");
    }
    let priority = Priority::new(9999);
    let run = run_id("L");
    world.tell(&Event::Reprioritize { run, priority });
    assert_eq!(world.ask("L.low p=5000 p:3"), "");
    assert_eq!(world.limit("p", 1), "R.high");
    assert_eq!(world.free("R.high"), "H.a");
    assert_eq!(world.free("H.a"), "R.low");
    assert_eq!(world.free("R.low"), "L.high");
    assert_eq!(world.free("L.high"), "L.low");
}

#[test]
fn a_granted_claim_is_kept_against_newcomers() {
    let mut world = World::with_pools(Granularity::Op, &[("p", 1)]);
    world.submit(&["A STARTED", "B STARTED p=100"]);
    assert_eq!(world.ask("A.a p"), "A.a");
    assert_eq!(world.ask("A.b p"), "");
    assert_eq!(world.free("A.a"), "A.b");
    assert_eq!(world.ask("B.hi p"), "");
    assert_eq!(world.ask("A.b p"), "");
    assert_eq!(world.blocking_step("B.hi"), "pool p");
    assert_eq!(world.naive.blocking_step(&step_id("A.b")), None);
}

#[test]
fn a_claim_gets_all_its_pools_or_none() {
    let mut world = World::with_pools(Granularity::Op, &[("p", 2), ("q", 1)]);
    world.submit(&["A STARTED", "B STARTED"]);
    assert_eq!(world.ask("A.a q"), "A.a");
    assert_eq!(world.ask("A.both p:2+q"), "");
    assert_eq!(world.blocking_step("A.both"), "pool q");
    assert_eq!(world.ask("B.p p"), "B.p");
    assert_eq!(world.free("A.a"), "");
    assert_eq!(world.blocking_step("A.both"), "pool p");
    assert_eq!(world.ask("B.none -"), "B.none");
    assert_eq!(world.free("B.p"), "A.both");
}

fn world_with_a_passed_over_claim() -> World {
    let mut settings = with_granularity(Granularity::Op);
    settings.reserve_after = Some(Duration::from_secs(10));
    let mut world = World::new(settings);
    world.limit("p", 2);
    world.submit(&["A STARTED"]);
    assert_eq!(world.ask("A.a p"), "A.a");
    assert_eq!(world.ask("A.wide p:2"), "");
    assert_eq!(world.wait_until(1), "");
    assert_eq!(world.ask("A.b p"), "A.b");
    world
}

#[test]
fn a_wide_claim_passed_over_long_enough_reserves_its_pools() {
    let mut world = world_with_a_passed_over_claim();
    assert_eq!(world.wait_until(10), "");
    assert_eq!(world.free("A.a"), "");
    assert_eq!(world.ask("A.c p"), "A.c");
    assert_eq!(world.wait_until(11), "");
    assert_eq!(world.free("A.c"), "");
    assert_eq!(world.ask("A.d p=9 p"), "");
    assert_eq!(world.blocking_step("A.d"), "pool p");
    assert_eq!(world.free("A.b"), "A.wide");
    assert_eq!(world.free("A.wide"), "A.d");
}

#[test]
fn a_claim_that_its_limit_can_never_let_in_reserves_nothing() {
    let mut world = world_with_a_passed_over_claim();
    world.limit("p", 1);
    world.wait_until(20);
    world.free("A.a");
    assert_eq!(world.ask("A.c p"), "");
    assert_eq!(world.free("A.b"), "A.c");
    assert_eq!(world.free("A.c"), "");
    assert_eq!(world.limit("p", 2), "A.wide");
}

#[test]
fn a_pool_has_one_reserver_and_who_does_not_get_all_its_pools_reserves_none() {
    let mut settings = with_granularity(Granularity::Op);
    settings.reserve_after = Some(Duration::ZERO);
    let mut world = World::new(settings);
    for pool in ["p", "q", "r"] {
        world.limit(pool, 1);
    }
    world.submit(&["A STARTED"]);
    world.ask("A.p p");
    assert_eq!(world.ask("A.first p=5 p+q"), "");
    assert_eq!(world.ask("A.q q"), "A.q");
    assert_eq!(world.ask("A.second p=4 q+r"), "");
    assert_eq!(world.ask("A.r p=3 r"), "A.r");
    assert_eq!(world.free("A.r"), "");
    assert_eq!(world.ask("A.r r"), "A.r");
    assert_eq!(world.free("A.q"), "");
    assert_eq!(world.blocking_step("A.second"), "pool q, pool r");
    assert_eq!(world.free("A.p"), "A.first");
    assert_eq!(world.free("A.r"), "");
    assert_eq!(world.ask("A.r p=9 r"), "");
    assert_eq!(world.free("A.first"), "A.second");
}

#[test]
fn a_pool_without_a_limit_is_never_reserved() {
    let mut settings = with_granularity(Granularity::Op);
    settings.reserve_after = Some(Duration::ZERO);
    let mut world = World::new(settings);
    world.limit("p", 1);
    world.submit(&["A STARTED"]);
    world.limit("q", 5);
    assert_eq!(world.ask("A.p p"), "A.p");
    assert_eq!(world.ask("A.both p+q"), "");
    assert_eq!(world.ask("A.q q"), "A.q");
    assert_eq!(world.ask("A.late q"), "");
    assert_eq!(world.blocking_step("A.late"), "pool q");
    assert_eq!(world.unlimit("q"), "A.late");
    assert_eq!(world.ask("A.later q"), "A.later");
    assert_eq!(world.free("A.p"), "A.both");
}

#[test]
fn a_claim_is_passed_over_by_those_who_asked_later_and_only_in_limited_pools() {
    let mut settings = with_granularity(Granularity::Op);
    settings.reserve_after = Some(Duration::ZERO);
    let mut world = World::new(settings);
    world.limit("p", 3);
    world.submit(&["A STARTED"]);
    assert_eq!(world.ask("A.p p:2"), "A.p");
    assert_eq!(world.ask("A.older p+r"), "A.older");
    assert_eq!(world.ask("A.wide p:2+q"), "");
    assert_eq!(world.ask("A.q q"), "A.q");
    assert_eq!(world.free("A.older"), "");
    assert_eq!(world.ask("A.first p=9 p"), "A.first");
    assert_eq!(world.ask("A.second p=9 p"), "");
    assert_eq!(world.free("A.first"), "");
    assert_eq!(world.free("A.p"), "A.wide A.second");
}

#[test]
fn what_is_not_possible_is_refused_and_changes_nothing() {
    let mut world = World::new(Settings::default());
    world.submit(&["Q", "S STARTING", "T STARTED", "C CANCELING"]);
    for name in ["S", "T", "C", "nobody"] {
        world.refuses(&Event::Hold { run: run_id(name) });
    }
    for name in ["Q", "T", "C", "nobody"] {
        world.refuses(&Event::Begin { run: run_id(name) });
        world.refuses(&Event::Requeue { run: run_id(name) });
    }
    for name in ["Q", "S", "nobody"] {
        world.refuses(&Event::FirstPassDone { run: run_id(name) });
    }
    for name in ["C", "nobody"] {
        world.refuses(&Event::Cancel { run: run_id(name) });
    }
    for line in ["Q", "N SUCCESS", "N NOT_STARTED"] {
        world.refuses(&Event::Submit(parse_run(line, 99)));
    }
    world.refuses(&Event::Submit(parse_run("N", 1)));
    world.refuses(&Event::End { run: run_id("N") });
}

#[test]
fn a_requeued_run_keeps_its_place_and_counts_its_attempts() {
    let settings = Settings { max_concurrent_runs: Capacity::AtMost(1), ..Settings::default() };
    let mut world = World::new(settings);
    world.submit(&["A", "B"]);
    assert_eq!(world.admit(), "A");
    let run = run_id("A");
    world.tell(&Event::Requeue { run });
    assert_eq!(world.admit(), "A");
    let attempt = world.naive.run(run).and_then(|facts| facts.run.attempt);
    assert_eq!(attempt.map(model::Attempt::get), Some(2));
}

#[test]
fn what_leaves_frees_what_it_held() {
    let mut world = World::with_pools(Granularity::Op, &[("p", 1)]);
    world.submit(&["A STARTED", "B STARTED", "Q"]);
    assert_eq!(world.ask("A.a p"), "A.a");
    assert_eq!(world.ask("B.b p"), "");
    assert_eq!(world.tell(&Event::Cancel { run: run_id("A") }), "");
    assert_eq!(world.tell(&Event::End { run: run_id("A") }), "B.b");
    world.tell(&Event::Cancel { run: run_id("Q") });
    assert_eq!(world.naive.run(run_id("Q")), None);
    world.tell(&Event::Delete { run: run_id("B") });
    assert_eq!(world.pool_usage("p"), Usage::default());
}
