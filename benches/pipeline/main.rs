//! What the whole way of a run costs: submission, decision, commit, launch, begin, reports, end;
//! beside bare commits of SQLite, and bare spawns, on the same disk in the same run.
//!
//! `benches/README.md` says what each line means. `cargo bench --bench pipeline -- slot` runs one
//! part alone.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot set up its world has nothing to measure"
)]
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod first_code;
mod launcher;
mod measure;
mod queued;
mod slot;
mod throughput;
mod world;

use std::path::Path;

fn main() {
    // Cargo itself passes `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let [first_code::STAMP, path] = words[..] {
        return first_code::stamp(Path::new(path));
    }
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        match words[..] {
            [queued::RESTARTED, folder] => queued::restarted(Path::new(folder)).await,
            [] => {
                throughput::measure().await;
                slot::measure().await;
                queued::measure().await;
                first_code::measure().await;
            }
            ["throughput"] => throughput::measure().await,
            ["slot"] => slot::measure().await,
            ["queued"] => queued::measure().await,
            ["first-code"] => first_code::measure().await,
            _ => println!("parts: throughput, slot, queued, first-code; without a word all"),
        }
    });
}
