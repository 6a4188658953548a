//! The guard and a worker of the shape that the product has, for the tests: `step-guard ARGS` is the
//! guard, `detach LOCK FILE` begins a session, takes the lock, says so in the file and waits for the
//! end of its input.

use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let name = args.next().unwrap_or_default();
    let code = match name.to_str() {
        Some("step-guard") => pointsman_process::guard::main(args),
        Some("detach") => detach(&args.collect::<Vec<_>>()),
        _ => 2,
    };
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}

fn detach(args: &[OsString]) -> i32 {
    let [lock, said] = args else {
        return 2;
    };
    let held = pointsman_process::session::detach(Path::new(lock));
    let word = match &held {
        Ok(Some(_)) => "held",
        Ok(None) => "refused",
        Err(_) => "failed",
    };
    let is_said = std::fs::write(said, word).is_ok();
    let is_ended = std::io::stdin().read_to_end(&mut Vec::new()).is_ok();
    i32::from(!(is_said && is_ended))
}
