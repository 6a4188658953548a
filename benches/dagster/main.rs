//! What code written for Dagster costs here, beside Dagster's own daemon and executor on the same
//! machine in the same run: wall time and processor time of runs, and the time to load a project.
//!
//! `benches/README.md` says what each line means. `cargo bench --bench dagster -- runs 10 2` measures
//! runs alone, ten of one step and two of ten.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot set up its world has nothing to measure"
)]
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

mod family;
mod load;
mod ours;
mod python;
mod report;
mod runs;
mod theirs;

/// How many runs there are of the job of one step, and of the job of ten.
const RUNS: (usize, usize) = (100, 10);

/// How often each way of loading is measured.
const LOADS: usize = 5;

fn main() {
    // Cargo itself passes `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some(python) = python::Python::find() else { return };
    family::adopt_orphans();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        match words[..] {
            [] => {
                runs::measure(&python, RUNS).await;
                load::measure(&python, LOADS).await;
            }
            ["runs"] => runs::measure(&python, RUNS).await,
            ["runs", one, ten] => {
                runs::measure(&python, (one.parse().unwrap(), ten.parse().unwrap())).await;
            }
            ["load"] => load::measure(&python, LOADS).await,
            ["load", times] => load::measure(&python, times.parse().unwrap()).await,
            _ => println!("parts: runs [ONE TEN], load [TIMES]; without a word all"),
        }
    });
}
