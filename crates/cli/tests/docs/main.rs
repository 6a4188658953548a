//! What the docs show is what happens: every YAML and shell block of the README and of `docs/` is
//! carried out, against a real server where it speaks to one, and what is shown below a command is
//! what the command prints.
//!
//! How a block is carried out stands in `page.rs` (what there is in a page), `session.rs` (what is
//! done with it) and `compare.rs` (what counts as the same output).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]
#![expect(clippy::print_stdout, reason = "whoever writes a page looks at what its commands print")]
#![expect(clippy::panic, reason = "a block that does not do what it says fails the test")]

mod compare;
mod page;
mod session;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use page::Page;
use session::Session;

/// Declares a test a page, and the list of all of them.
macro_rules! pages {
    ($($test:ident => $path:literal),+ $(,)?) => {
        const PAGES: &[&str] = &[$($path),+];

        $(#[test]
        fn $test() {
            play($path);
        })+
    };
}

pages! {
    the_readme => "README.md",
    the_page_on_the_command_line => "docs/cli.md",
    the_page_on_configuration => "docs/configuration.md",
    the_page_on_coordinators => "docs/coordinators.md",
    the_page_on_dagster => "docs/dagster.md",
    the_page_on_http => "docs/http-api.md",
    the_page_on_limits => "docs/limits.md",
    the_page_on_priority => "docs/priority.md",
    the_page_on_trouble => "docs/troubleshooting.md",
    the_page_on_yaml_jobs => "docs/yaml-jobs.md",
}

fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn play(path: &str) {
    let text = fs::read_to_string(project().join(path)).unwrap();
    let page = Page::parse(path, &text).unwrap_or_else(|problem| panic!("{problem}"));
    let mut session = Session::new(&project());
    for part in &page.parts {
        session.play(path, part);
    }
}

#[test]
fn no_page_is_left_out() {
    let listed: BTreeSet<String> = PAGES.iter().map(|page| (*page).to_owned()).collect();
    let mut found = BTreeSet::from(["README.md".to_owned()]);
    for entry in fs::read_dir(project().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            found.insert(format!("docs/{}", path.file_name().unwrap().to_str().unwrap()));
        }
    }
    assert_eq!(listed, found);
}
