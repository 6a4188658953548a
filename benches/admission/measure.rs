//! Times and prints: mean microseconds for each unit of work.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The time that each kind of work took, and how many units of it were done.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    spent: BTreeMap<&'static str, (u64, Duration)>,
}

impl Sample {
    /// Does `units` of work and adds the time it takes.
    pub(crate) fn time<T>(
        &mut self,
        what: &'static str,
        units: u64,
        work: impl FnOnce() -> T,
    ) -> T {
        let begun = Instant::now();
        let done = work();
        self.add(what, units, begun.elapsed());
        done
    }

    pub(crate) fn mean_nanos(&self, what: &str) -> u128 {
        let (units, spent) = self.spent.get(what).copied().unwrap_or_default();
        spent.as_nanos() / u128::from(units).max(1)
    }

    pub(crate) fn add(&mut self, what: &'static str, units: u64, time: Duration) {
        let (done, spent) = self.spent.entry(what).or_default();
        *done += units;
        *spent += time;
    }
}

pub(crate) fn heading(title: &str, unit: &str) {
    println!("\n{title} ({unit})");
}

pub(crate) fn line(label: &str, sample: &Sample) {
    print!("{label:>34}");
    for what in sample.spent.keys() {
        let nanos = sample.mean_nanos(what);
        print!("  {what} {:>8}.{:02}", nanos / 1000, nanos % 1000 / 10);
    }
    println!();
}

/// Returns the resident memory of this process.
pub(crate) fn resident_bytes() -> u64 {
    const PAGE: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * PAGE
}
