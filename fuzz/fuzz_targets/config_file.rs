//! Any bytes are a configuration or are explained: never a panic, a hang or more than 64 MiB.
//!
//! `cargo +nightly fuzz run -s none config_file -- -max_len=1048577 -timeout=5`

#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use config::{InstanceConfig, Reader, yaml};
use libfuzzer_sys::fuzz_target;

/// What reading one file may take at most, the file itself not counted.
const MOST_BYTES: usize = 64 * 1024 * 1024;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Counts the bytes that are allocated, and the most there were.
struct Counting;

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fuzz_target!(|bytes: &[u8]| {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    read(bytes);
    let most = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    assert!(most <= MOST_BYTES, "{most} bytes for {}", bytes.len());
});

fn read(bytes: &[u8]) {
    let env = |name: &str| (name == "N").then(|| "7".to_owned());
    match InstanceConfig::read("dagster.yaml", bytes, &env) {
        Ok((config, warnings)) => {
            let _ = config.settings();
            let _ = config.rows();
            for warning in warnings {
                let _ = warning.to_string();
            }
        }
        Err(problems) => {
            assert!(problems.iter().next().is_some());
            let _ = problems.to_string();
        }
    }
    let Ok(document) = yaml::parse("blocks", bytes) else {
        return;
    };
    let run_queue = document.root.get("run_queue");
    let concurrency = document.root.get("concurrency");
    let _ = config::read_blocks(&document.source, run_queue, concurrency, &env);
    let mut reader = Reader::new(&document.source);
    let _ = reader.map_of(&document.root, "the file", &["run_queue"]);
    let _ = reader.finish();
}
