//! The definitions that printed guides show, read from the folder `shared/guides` above the checkout
//! where there is one; what stands there runs unchanged, once the indentation is back that print has
//! lost.
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Deployment, wait_until};
use crate::python::begin;

const YAML: &str = "jobs: {plain: {ops: {a: {command: ['true']}}}}\n";

const OF_CONCURRENCY: &str = "managing-concurrency-of-assets-jobs-instances.txt";
const OF_PRIORITIES: &str = "customizing-run-queue-priority.txt";

/// Reads a guide; says so if there is none.
fn guide(name: &str) -> Option<Vec<String>> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found: Option<PathBuf> =
        above.map(|folder| folder.join("shared/guides").join(name)).find(|path| path.is_file());
    let Some(path) = found else {
        println!("skipped: there is no folder shared/guides with {name} above this checkout");
        return None;
    };
    let text = fs::read_to_string(path).unwrap();
    Some(text.lines().map(str::to_owned).collect())
}

/// Returns the code that follows a title, until the bracket that ends its `Definitions`.
fn snippet<'a>(guide: &'a [String], title: &str) -> &'a [String] {
    let begin = guide.iter().position(|line| line == title).unwrap() + 1;
    let rest = &guide[begin..];
    let ends = |at: &usize| rest[*at] == ")" && rest.get(at + 1).is_none_or(String::is_empty);
    let end = (0..rest.len()).find(ends).unwrap();
    &rest[..=end]
}

/// Puts the indentation back: a colon begins a block; two empty lines, or a decorator, end all of
/// them; `return`, or a bracket of its own, ends the innermost in a function.
fn indented(lines: &[String]) -> String {
    let mut depth = 0;
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let follows_two_empty = at > 1 && lines[at - 2..at].iter().all(String::is_empty);
        if !line.is_empty() && (line.starts_with('@') || follows_two_empty) {
            depth = 0;
        }
        let indent = if line.is_empty() { 0 } else { depth };
        text += &format!("{}{line}\n", "    ".repeat(indent));
        let opens = ["def ", "if ", "for ", "with ", "class "];
        if line.ends_with(':') && opens.iter().any(|word| line.starts_with(word)) {
            depth += 1;
        } else if depth > 1 && (line.starts_with("return") || line == ")") {
            depth -= 1;
        }
    }
    text
}

fn serve(code: &str) -> Deployment {
    let mut deployment = Deployment::new(YAML, "");
    fs::write(deployment.path("guide.py"), code).unwrap();
    begin(&mut deployment, "serve", &["-f", "guide.py"]);
    deployment
}

#[test]
fn the_assets_of_the_guide_are_made_in_their_pools() {
    let Some(guide) = guide(OF_CONCURRENCY) else { return };
    let daemon = serve(&indented(snippet(&guide, "Specifying pools on assets and ops")));
    daemon.ok(&["instance", "concurrency", "set", "bar", "0"]);
    let asked = ["asset", "materialize", "my_asset", "my_graph_asset"];
    let launched = daemon.json(&asked);
    let run = launched["id"].as_str().unwrap();
    daemon.wait_for_step(run, "my_asset", "SUCCEEDED");
    wait_until("the pool without slots holds the op back", || {
        daemon.ok(&["run", "why", run]).contains("pool bar")
    });
    daemon.ok(&["instance", "concurrency", "set", "bar", "1"]);
    daemon.wait_for(run, "SUCCESS");
    let last = daemon.step(run, "my_graph_asset.my_downstream_op");
    assert_eq!(last["status"], "SUCCEEDED", "{last}");
}

#[test]
fn the_job_of_the_guide_whose_asset_sleeps_is_executed_and_canceled() {
    let Some(guide) = guide(OF_CONCURRENCY) else { return };
    let daemon = serve(&indented(snippet(&guide, "No more than 1 running job from a schedule")));
    let run = daemon.launch("my_job", &[]);
    daemon.wait_for_step(&run, "first_asset", "RUNNING");
    daemon.ok(&["run", "cancel", &run]);
    daemon.wait_for(&run, "CANCELED");
}

#[test]
fn the_job_of_the_guide_with_a_priority_is_run_with_it() {
    let Some(guide) = guide(OF_PRIORITIES) else { return };
    let begin = guide.iter().position(|line| line.starts_with("@job(")).unwrap();
    let end = guide.iter().position(|line| line.starts_with("def less_important")).unwrap();
    // The page shows neither its imports nor where the definitions are put together.
    let code = format!(
        "from dagster import Definitions, job, schedule\n{}\n\
         defs = Definitions(jobs=[important_job], schedules=[less_important_schedule])\n",
        guide[begin..=end].join("\n")
    );
    let daemon = serve(&code);
    let run = daemon.launch("important_job", &[]);
    daemon.wait_for(&run, "SUCCESS");
    assert_eq!(daemon.json(&["run", "show", &run])["priority"], 3);
}
