//! Percentiles, rates and the memory of this process.

use std::time::{Duration, Instant};

/// Times of one kind of thing.
#[derive(Debug)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// Returns the time that so many percent do not exceed, in milliseconds.
    pub(crate) fn at_percent(&self, percent: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let at = (self.0.len() * percent / 100).min(last);
        self.0.get(at).copied().unwrap_or_default().as_secs_f64() * 1000.0
    }
}

/// Returns how many things are done in a second, if so many were done since an instant.
#[expect(clippy::cast_precision_loss, reason = "there are millions of them, not more")]
pub(crate) fn per_second(done: usize, since: Instant) -> f64 {
    done as f64 / since.elapsed().as_secs_f64()
}

pub(crate) fn heading(title: &str) {
    println!("\n{title}");
}

pub(crate) fn line(label: &str, what: &str) {
    println!("{label:>34}  {what}");
}

/// Returns the resident memory of this process: now and at its highest, in MiB.
pub(crate) fn resident_mib() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
        kib.unwrap_or_default() / 1024
    };
    (field("VmRSS:"), field("VmHWM:"))
}
