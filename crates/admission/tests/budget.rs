//! A decision looks at no more runs and lines of runs than its budget allows, and forgets nothing
//! that it has not looked at.
#![expect(clippy::unwrap_used, reason = "a world that cannot be made is a mistake in the test")]

extern crate pointsman_admission as admission;

use admission::{Event, Facts, Image};
use model::{
    CodeLocation, Deployment, JobName, Run, RunId, RunPools, RunStatus, Seq, Settings, TagLimit,
    TagLimits, TagMatch, Tags, Timestamp,
};

#[test]
fn no_more_runs_are_admitted_than_the_budget_allows() {
    let mut image = image_with(Settings::default());
    submit(&mut image, &["a", "b", "c", "d", "e"]);
    assert_eq!(admit(&mut image, 0), (vec![], IsCut::Yes));
    assert_eq!(admit(&mut image, 2), (vec![1, 2], IsCut::Yes));
    assert_eq!(admit(&mut image, 2), (vec![3, 4], IsCut::Yes));
    assert_eq!(admit(&mut image, 2), (vec![5], IsCut::No));
}

#[test]
fn a_line_that_is_blocked_takes_its_part_of_the_budget() {
    let none_of_each_team = TagLimit { key: "team".into(), matches: TagMatch::EachValue, limit: 0 };
    let tag_limits = TagLimits::new(vec![none_of_each_team]).unwrap();
    let mut image = image_with(Settings { tag_limits, ..Settings::default() });
    submit(&mut image, &["team=a", "team=b", "team=c", "free"]);
    assert_eq!(admit(&mut image, 3), (vec![], IsCut::Yes));
    assert_eq!(admit(&mut image, 1), (vec![4], IsCut::No));
}

/// Whether a decision says that there is more to look at.
#[derive(Debug, PartialEq, Eq)]
enum IsCut {
    Yes,
    No,
}

fn image_with(settings: Settings) -> Image {
    let facts = Facts {
        now: Timestamp::from_micros(0),
        settings,
        pool_limits: vec![],
        paused: vec![],
        runs: vec![],
        claims: vec![],
    };
    Image::new(facts).unwrap().0
}

/// Submits runs, numbered from 1, each with one tag: `key` or `key=value`.
fn submit(image: &mut Image, tags: &[&str]) {
    for (number, tag) in (1..).zip(tags) {
        let tags: Tags = [tag.split_once('=').unwrap_or((tag, ""))].into_iter().collect();
        let run = Run {
            id: RunId::from_u128(number),
            seq: Seq::new(u64::try_from(number).unwrap()),
            job: JobName::new("job").unwrap(),
            location: CodeLocation::new("location").unwrap(),
            deployment: Deployment::default(),
            tags,
            pools: RunPools::none(),
            status: RunStatus::Queued,
            attempt: None,
        };
        image.apply(Event::Submit(run)).unwrap();
    }
}

fn admit(image: &mut Image, budget: u32) -> (Vec<u128>, IsCut) {
    let decided = image.admit(budget);
    let runs = decided.admitted.iter().map(|admission| admission.run.as_u128()).collect();
    (runs, if decided.is_cut { IsCut::Yes } else { IsCut::No })
}
