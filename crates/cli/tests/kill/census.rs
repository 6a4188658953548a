//! The processes of a deployment, and what part each plays.

use std::fs;
use std::path::Path;

use process::identity::{Identity, Signal};

/// The part that a process plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Daemon,
    Worker,
    Guard,
    /// The command of a step, or what it has started.
    Step,
}

/// A process of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) identity: Identity,
    pub(crate) part: Part,
    /// The run for which it is there; none for the daemon.
    pub(crate) run: Option<String>,
    arguments: Vec<String>,
}

impl Member {
    /// Sends SIGKILL to this very process.
    pub(crate) fn kill(&self) -> std::io::Result<()> {
        self.identity.signal(Signal::Kill).map(drop)
    }
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let run = self.run.as_deref().unwrap_or("-");
        let (part, pid) = (self.part, self.identity.pid);
        write!(f, "{part:?} {pid} of run {run}: {}", self.arguments.join(" "))
    }
}

/// Finds every process that names a home in its arguments or in its environment.
pub(crate) fn take(home: &Path) -> Vec<Member> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != std::process::id()).filter_map(|pid| look_at(pid, home)).collect()
}

fn look_at(pid: u32, home: &Path) -> Option<Member> {
    // First of all, so that whatever is read next is about this process or about none.
    let identity = Identity::of(pid).ok()??;
    let home = home.to_str()?;
    let arguments = words(pid, "cmdline")?;
    let environment = words(pid, "environ")?;
    let is_of_home = |words: &[String]| words.iter().any(|word| word.contains(home));
    if !is_of_home(&arguments) && !is_of_home(&environment) {
        return None;
    }
    let part = match arguments.get(1).map(String::as_str) {
        Some("serve") => Part::Daemon,
        Some("worker") => Part::Worker,
        Some("step-guard") => Part::Guard,
        Some(_) | None => Part::Step,
    };
    let mut behind_run = arguments.iter().skip_while(|word| *word != "--run").skip(1);
    let of_step = environment.iter().find_map(|word| word.strip_prefix("POINTSMAN_RUN_ID="));
    let run = match part {
        Part::Daemon => None,
        Part::Worker => behind_run.next().cloned(),
        Part::Guard | Part::Step => of_step.map(str::to_owned),
    };
    Some(Member { identity, part, run, arguments })
}

/// Reads a list that the kernel ends by NUL bytes; none if the process is gone.
fn words(pid: u32, file: &str) -> Option<Vec<String>> {
    let bytes = fs::read(format!("/proc/{pid}/{file}")).ok()?;
    let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    Some(words.map(|word| String::from_utf8_lossy(word).into_owned()).collect())
}
