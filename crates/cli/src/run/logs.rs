//! `pointsman run logs`: what the steps of a run have written, so far or until the run ends.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Serialize;
use wire::api::{LogFile, LogFilter, LogLine, LogStream, short_id};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::remote::{Remote, Session, remark, run as run_remote, say, tell_json};
use crate::show::plain;

/// How long to wait before a log that is followed is looked at again: what steps write is no event,
/// so nobody tells that there is more.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  pointsman run logs 1b4e28ba\n  \
    pointsman run logs 1b4e28ba --step load --stderr --follow")]
pub(crate) struct LogsArgs {
    /// The run's id or the beginning of it
    #[arg(value_name = "ID")]
    id: String,
    /// Only what this step has written; then nothing else is printed
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// Standard error instead of standard output
    #[arg(long)]
    stderr: bool,
    /// What was logged by code written for Dagster, each line with its time and level
    #[arg(long, conflicts_with = "stderr")]
    log: bool,
    /// Only log lines of this level and graver ones
    #[arg(long, value_enum, requires = "log", ignore_case = true, value_name = "LEVEL")]
    level: Option<Level>,
    /// Go on until the run has ended
    #[arg(long, conflicts_with = "json")]
    follow: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) fn run(args: &LogsArgs) -> Answer {
    run_remote(&args.remote, async |session| logs(session, args).await)
}

/// What one try of a step has written, as JSON.
#[derive(Debug, Serialize)]
struct Written {
    step: String,
    r#try: u32,
    stream: LogStream,
    text: String,
}

/// How grave a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Level {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

impl Level {
    /// Returns whether a line of this level is at least as grave. A level that is unknown is.
    fn lets_through(self, level: &str) -> bool {
        Self::from_str(level, true).map_or(true, |level| level >= self)
    }
}

/// Returns the log lines of a part of a log that are grave enough, as they are and read.
fn chosen(text: &str, level: Option<Level>) -> impl Iterator<Item = (&str, LogLine)> {
    let read = |line| Some((line, serde_json::from_str::<LogLine>(line).ok()?));
    let is_grave = move |(_, line): &(&str, LogLine)| {
        level.is_none_or(|level| level.lets_through(&line.level))
    };
    text.lines().filter_map(read).filter(is_grave)
}

/// Writes a log line as text; what was raised stands below it.
fn log_text(line: &LogLine) -> String {
    let step = line.step.as_ref().map(|step| format!("{}  ", plain(step))).unwrap_or_default();
    let message: Vec<String> = line.message.lines().map(plain).collect();
    let message = message.join("\n    ");
    let mut text = format!("{}  {:<8}  {step}{message}\n", line.at, plain(&line.level));
    if let Some(error) = &line.error {
        text += &format!("    {}\n", plain(&error.sentence()));
    }
    text
}

/// How far each log has been printed.
#[derive(Debug, Default)]
struct Printer {
    has_headings: bool,
    /// The least grave level of log lines that are printed; all, if none is named.
    level: Option<Level>,
    offsets: BTreeMap<(String, u32), u64>,
    latest: Option<(String, u32)>,
}

async fn logs(session: &Session, args: &LogsArgs) -> Result<u8, Failure> {
    let detail = session.client.all_steps(session.find_run(&args.id).await?).await?;
    let id = detail.run.id;
    let known: Vec<&str> = detail.steps.iter().map(|step| step.key.as_str()).collect();
    if let Some(step) =
        args.step.as_deref().filter(|step| !known.is_empty() && !known.contains(step))
    {
        let hint = format!("its steps: {}", known.join(", "));
        return Err(Failure::refused(format!("the run has no step `{step}`"), &hint));
    }
    if session.is_json {
        return as_json(session, &id, args).await;
    }
    let mut printer =
        Printer { has_headings: args.step.is_none(), level: args.level, ..Printer::default() };
    loop {
        // Asked first: what is written before the end is then read after it.
        let has_ended = !args.follow || session.client.run(&id).await?.run.status.is_terminal();
        for file in files(session, &id, args).await? {
            printer.print(session, &id, &file).await?;
        }
        if has_ended {
            if printer.latest.is_none() {
                tell_elsewhere(session, &id, args).await?;
            }
            return Ok(0);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

impl LogsArgs {
    fn stream(&self) -> LogStream {
        match self {
            Self { log: true, .. } => LogStream::Log,
            Self { stderr: true, .. } => LogStream::Stderr,
            Self { .. } => LogStream::Stdout,
        }
    }

    fn is_of_step(&self, file: &LogFile) -> bool {
        self.step.as_ref().is_none_or(|step| *step == file.step)
    }
}

/// Lists the logs that are asked for.
async fn files(session: &Session, id: &str, args: &LogsArgs) -> Result<Vec<LogFile>, Failure> {
    let mut files = session.client.log_files(id).await?.files;
    files.retain(|file| file.stream == args.stream() && args.is_of_step(file));
    Ok(files)
}

/// Tells where something was written, if there was nothing to print: code that has failed has often
/// written to standard error alone.
async fn tell_elsewhere(session: &Session, id: &str, args: &LogsArgs) -> Result<(), Failure> {
    let files = session.client.log_files(id).await?.files;
    let flags =
        [(LogStream::Stdout, ""), (LogStream::Stderr, " --stderr"), (LogStream::Log, " --log")];
    let elsewhere: Vec<String> = flags
        .into_iter()
        .filter(|(stream, _)| {
            let is_it = |file: &LogFile| file.stream == *stream && args.is_of_step(file);
            *stream != args.stream() && files.iter().any(|file| is_it(file) && file.bytes > 0)
        })
        .map(|(_, flag)| format!("`pointsman run logs {}{flag}`", short_id(id)))
        .collect();
    if !elsewhere.is_empty() {
        remark(&format!("nothing here; something is in {}", elsewhere.join(", ")));
    }
    Ok(())
}

async fn as_json(session: &Session, id: &str, args: &LogsArgs) -> Result<u8, Failure> {
    let mut all = Vec::new();
    for LogFile { step, r#try, stream, .. } in files(session, id, args).await? {
        let mut filter = LogFilter {
            step: Some(step.clone()),
            r#try: Some(r#try),
            stream,
            ..LogFilter::default()
        };
        let mut text = String::new();
        loop {
            let page = session.client.log(id, &filter).await?;
            text += &page.text;
            if page.next_offset <= filter.offset {
                break;
            }
            filter.offset = page.next_offset;
        }
        if stream == LogStream::Log {
            text =
                chosen(&text, args.level).fold(String::new(), |kept, (line, _)| kept + line + "\n");
        }
        all.push(Written { step, r#try, stream, text });
    }
    tell_json(&serde_json::json!({ "logs": all }))?;
    Ok(0)
}

impl Printer {
    /// Prints what is new of a log.
    async fn print(&mut self, session: &Session, id: &str, file: &LogFile) -> Result<(), Failure> {
        let key = (file.step.clone(), file.r#try);
        let mut offset = self.offsets.get(&key).copied().unwrap_or(0);
        while offset < file.bytes {
            let filter = LogFilter {
                step: Some(file.step.clone()),
                r#try: Some(file.r#try),
                stream: file.stream,
                offset,
                limit: None,
            };
            let page = session.client.log(id, &filter).await?;
            if page.next_offset <= offset {
                break;
            }
            let text = if file.stream == LogStream::Log {
                chosen(&page.text, self.level).map(|(_, line)| log_text(&line)).collect()
            } else {
                page.text
            };
            if text.is_empty() {
                offset = page.next_offset;
                continue;
            }
            if self.has_headings && self.latest.as_ref() != Some(&key) {
                say(&format!("==> {} (try {}) <==\n", plain(&file.step), file.r#try))?;
            }
            self.latest = Some(key.clone());
            say(&text)?;
            offset = page.next_offset;
        }
        self.offsets.insert(key, offset);
        Ok(())
    }
}
