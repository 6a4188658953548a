//! However a file is damaged, it is read or explained.

use pointsman_config::{InstanceConfig, yaml};
use proptest::prelude::*;

/// Files with much in them, good and bad.
const FILES: [&str; 4] = [
    include_str!("broken/values.txt"),
    include_str!("broken/together.txt"),
    include_str!("broken/text.txt"),
    "
run_queue: &queue
  max_concurrent_runs: {env: SEVEN}
  tag_concurrency_limits:
    - {key: team, value: {applyLimitPerUniqueValue: true}, limit: 1}
    - key: 'dagster/backfill'
      limit: 0x10
concurrency: {default_op_concurrency_limit: 4}
storage: {<<: *queue, text: |
  several
  lines
  }
submission_hooks: [{module: a, class: B, config: {x: [1, 2.5, ~]}}, {command: [a, b], when: {tags: {t: '*'}}}, {tag: {key: k, from: header, header: H}}]
",
];

/// What an edit puts in: the characters that have a meaning, and some that have none.
const PIECES: [&str; 28] = [
    ":", ": ", "\n", "\n  ", "\t", "- ", "? ", "{", "}", "[", "]", ",", "&a ", "*a", "!!str ",
    "!x ", "'", "\"", "\\", "|\n", ">-\n", "#", "%", "---\n", "<<: ", "é", "\u{2028}", "\u{85}",
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
        (1_usize..40).prop_map(Edit::Delete),
        (1_usize..40).prop_map(Edit::Repeat),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), edit), 0..12)
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
    let env = |name: &str| (name == "SEVEN").then(|| "7".to_owned());
    let Err(problems) = InstanceConfig::read("dagster.yaml", bytes, &env) else {
        prop_assert!(yaml::parse("dagster.yaml", bytes).is_ok());
        return Ok(());
    };
    let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    prop_assert!(problems.iter().next().is_some());
    for problem in &problems {
        prop_assert!(!problem.message.is_empty());
        if let Some(place) = &problem.place {
            prop_assert!(place.line as usize <= lines, "{problem}");
            let shown = place.excerpt.text.chars().count();
            prop_assert!(place.excerpt.before as usize <= shown, "{problem}");
        }
    }
    let told = problems.to_string();
    prop_assert!(told.chars().all(|c| c == '\n' || !c.is_control()), "{told:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a_damaged_file_is_read_or_explained(
        file in prop::sample::select(&FILES[..]),
        window in any::<prop::sample::Index>(),
        edits in edits(),
    ) {
        // A window of some lines, so that not the first line alone is what matters.
        let lines: Vec<&str> = file.lines().collect();
        let start = window.index(lines.len());
        let text = lines[start..(start + 12).min(lines.len())].join("\n");
        check(&damaged(&text, &edits))?;
        check(&damaged(FILES[3], &edits))?;
    }

    #[test]
    fn any_bytes_are_read_or_explained(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes)?;
    }
}
