//! However a file of jobs is damaged, it is read or explained.

use std::collections::BTreeSet;
use std::path::Path;

use pointsman_definitions::{Definitions, FilePath, template};
use proptest::prelude::*;

/// A file with every key in it.
const FULL: &str = "location: reports
executor: in_process
jobs:
  nightly: &nightly
    description: Joins.
    tags: {team: docs, dagster/priority: 3}
    config: {day: 1, list: [1, 2.5, ~, yes]}
    executor: {max_concurrent: 2, tag_concurrency_limits: [{key: k, value: v, limit: 1},
               {key: k, value: {applyLimitPerUniqueValue: true}, limit: 2}]}
    ops: &ops
      a: {command: [x, 1, '2'], env: {A: b, B: {env: C}}, pool: db, retries: 2, tags: {k: v}}
      b:
        shell: |
          several
          lines
        after: a
        pools: {db: 2, api: 1}
        tags: {dagster/concurrency_key: db}
      c: {shell: x, after: [a, b], cwd: sub, timeout_seconds: 1.5,
          retries: {max_retries: 1, delay_seconds: 2, backoff: linear}}
  weekly: {<<: *nightly, tags: {}}
";

/// What an edit puts in: the characters that have a meaning, keys, and values that fit nowhere.
const PIECES: [&str; 34] = [
    ":",
    ": ",
    "\n",
    "\n  ",
    "\t",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&a ",
    "*a",
    "!!str ",
    "'",
    "\"",
    "|\n",
    "#",
    "<<: ",
    "é",
    "~",
    "-1",
    "1.5",
    "99999999999999999999",
    ".nan",
    "after: [a, b, c]",
    "command: ",
    "shell: ",
    "pool: ",
    "retries: ",
    "\"\\0\"",
    "a",
    "b",
    "c",
];

#[derive(Debug, Clone)]
enum Edit {
    Insert(&'static str),
    Delete(usize),
    Repeat(usize),
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, Edit)>> {
    let edit = prop_oneof![
        prop::sample::select(&PIECES[..]).prop_map(Edit::Insert),
        (1_usize..20).prop_map(Edit::Delete),
        (1_usize..20).prop_map(Edit::Repeat),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), edit), 0..6)
}

fn damaged(file: &str, edits: &[(prop::sample::Index, Edit)]) -> Vec<u8> {
    let mut bytes = file.as_bytes().to_vec();
    for (index, edit) in edits {
        let at = index.index(bytes.len() + 1);
        let end = |length: usize| (at + length).min(bytes.len());
        match edit {
            Edit::Insert(piece) => drop(bytes.splice(at..at, piece.bytes())),
            Edit::Delete(length) => drop(bytes.drain(at..end(*length))),
            Edit::Repeat(length) => {
                let piece = bytes[at..end(*length)].to_vec();
                drop(bytes.splice(at..at, piece));
            }
        }
    }
    bytes
}

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let file = FilePath { shown: "jobs.yaml", absolute: Path::new("/srv/jobs.yaml") };
    let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    match Definitions::read(file, bytes) {
        Ok(definitions) => check_definitions(&definitions),
        Err(problems) => {
            for problem in problems.iter().chain(problems.warnings()) {
                let place = problem.place.as_ref();
                prop_assert!(place.is_some_and(|place| place.line as usize <= lines), "{problem}");
                prop_assert!(!problem.message.is_empty() && problem.hint.is_some(), "{problem}");
            }
            let told = problems.to_string();
            prop_assert!(told.chars().all(|c| c == '\n' || !c.is_control()), "{told:?}");
            Ok(())
        }
    }
}

/// What a plan promises to those who run it.
fn check_definitions(definitions: &Definitions) -> Result<(), TestCaseError> {
    prop_assert!(!definitions.jobs.is_empty());
    for job in &definitions.jobs {
        let steps = &job.plan.steps;
        let keys: BTreeSet<&str> = steps.iter().map(|step| step.key.as_str()).collect();
        prop_assert!(!steps.is_empty() && keys.len() == steps.len());
        for step in steps {
            prop_assert!(step.command.first().is_some_and(|program| !program.is_empty()));
            prop_assert!(step.command.iter().all(|part| !part.contains('\0')));
            prop_assert!(step.cwd.is_absolute());
            prop_assert!(step.pools.values().all(|slots| (1..=1000).contains(slots)));
            prop_assert!(step.after.iter().all(|before| keys.contains(before.as_str())));
        }
        // Whatever is left when all that can be done is done waits for itself.
        let mut done: BTreeSet<&str> = BTreeSet::new();
        for _ in steps {
            let ready = steps
                .iter()
                .filter(|step| step.after.iter().all(|before| done.contains(before.as_str())));
            let ready: Vec<&str> = ready.map(|step| step.key.as_str()).collect();
            done.extend(ready);
        }
        prop_assert_eq!(done, keys);
    }
    Ok(())
}

#[test]
fn the_files_that_are_damaged_are_good_before() {
    for text in [FULL, template()] {
        let file = FilePath { shown: "jobs.yaml", absolute: Path::new("/srv/jobs.yaml") };
        let told =
            Definitions::read(file, text.as_bytes()).map_err(|problems| problems.to_string());
        assert_eq!(told.map(|definitions| definitions.warnings), Ok(Vec::new()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_damaged_file_is_read_or_explained(edits in edits()) {
        check(&damaged(FULL, &edits))?;
        check(&damaged(template(), &edits))?;
    }

    #[test]
    fn any_bytes_are_read_or_explained(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes)?;
    }

    #[test]
    fn any_graph_is_taken_or_its_cycles_are_told(
        edges in prop::collection::vec((0_usize..8, 0_usize..8), 0..16),
    ) {
        let op = |index: usize| {
            let after: BTreeSet<String> = edges
                .iter()
                .filter(|(from, to)| *from == index && from != to)
                .map(|(_, to)| format!("o{to}"))
                .collect();
            let after: Vec<String> = after.into_iter().collect();
            format!("      o{index}: {{shell: x, after: [{}]}}\n", after.join(", "))
        };
        let ops: String = (0..8).map(op).collect();
        check(format!("jobs:\n  a:\n    ops:\n{ops}").as_bytes())?;
    }
}
