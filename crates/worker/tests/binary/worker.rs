//! The worker and the guard of the shape that the product has, for the tests: `step-guard ARGS` is
//! the guard, `worker HOME RUN ATTEMPT GRACE_MS MAX_OUTPUT` the worker, with `LOAD_TIMEOUT_MS` in the
//! environment for how long code may take to be loaded.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use model::Attempt;
use pointsman_worker::run::{Order, Settings, execute};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let name = args.next().unwrap_or_default();
    let code = match name.to_str() {
        Some("step-guard") => process::guard::main(args),
        Some("worker") => worker(&args.collect::<Vec<_>>()).unwrap_or(2),
        _ => 2,
    };
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}

fn worker(args: &[OsString]) -> Option<i32> {
    let [home, run, attempt, grace_ms, max_output] = args else {
        return None;
    };
    let number = |text: &OsString| text.to_str()?.parse::<u64>().ok();
    let order = Order {
        home: home.into(),
        run: run.to_str()?.parse().ok()?,
        attempt: Attempt::new(u32::try_from(number(attempt)?).ok()?)?,
    };
    let grace = Duration::from_millis(number(grace_ms)?);
    let defaults = Settings::default();
    let load_timeout = std::env::var_os("LOAD_TIMEOUT_MS").and_then(|text| number(&text));
    let load_timeout = load_timeout.map_or(defaults.load_timeout, Duration::from_millis);
    let settings = Settings { grace, max_output: number(max_output)?, load_timeout, ..defaults };
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    Some(match execute(&order, settings) {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!("{error}");
            1
        }
    })
}
