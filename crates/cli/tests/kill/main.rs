//! Nothing is lost and nothing happens twice, whatever is killed: a deployment of real processes
//! under SIGKILL at random times, judged by a ledger that its steps write themselves.
//!
//! The short form belongs to the ordinary tests. The long form is the same with more kills:
//! `POINTSMAN_KILLS=100 cargo nextest run -p pointsman-cli --test kill --no-capture`. What is done
//! comes from a seed, which is printed and can be given again as `POINTSMAN_KILL_SEED`; when it
//! happens between two lines of the daemon does not.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails where it stands, and says what it has done"
)]

mod census;
mod dice;
#[expect(dead_code, reason = "shared with tests that need the rest of it")]
#[path = "../daemon/harness.rs"]
mod harness;
mod killer;
mod ledger;
mod oracle;
mod submitter;
mod trial;
mod workload;

use trial::{Victims, trial};

#[test]
fn every_run_succeeds_once_whenever_the_daemon_is_killed() {
    trial(Victims::Daemon, 20);
}

#[test]
fn no_limit_and_no_record_breaks_whatever_is_killed() {
    trial(Victims::Anything, 24);
}
