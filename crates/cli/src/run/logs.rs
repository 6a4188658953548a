//! `pointsman run logs`: what the steps of a run have written, so far or until the run ends.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use wire::api::{LogFile, LogFilter, LogStream};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::remote::{Remote, Session, run as run_remote, say, tell_json};
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

/// How far each log has been printed.
#[derive(Debug, Default)]
struct Printer {
    has_headings: bool,
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
    let mut printer = Printer { has_headings: args.step.is_none(), ..Printer::default() };
    loop {
        // Asked first: what is written before the end is then read after it.
        let has_ended = !args.follow || session.client.run(&id).await?.run.status.is_terminal();
        for file in files(session, &id, args).await? {
            printer.print(session, &id, &file).await?;
        }
        if has_ended {
            return Ok(0);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Lists the logs that are asked for.
async fn files(session: &Session, id: &str, args: &LogsArgs) -> Result<Vec<LogFile>, Failure> {
    let stream = if args.stderr { LogStream::Stderr } else { LogStream::Stdout };
    let mut files = session.client.log_files(id).await?.files;
    let is_of_step = |file: &LogFile| args.step.as_ref().is_none_or(|step| *step == file.step);
    files.retain(|file| file.stream == stream && is_of_step(file));
    Ok(files)
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
            if page.text.is_empty() || page.next_offset <= filter.offset {
                break;
            }
            filter.offset = page.next_offset;
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
            if self.has_headings && self.latest.as_ref() != Some(&key) {
                say(&format!("==> {} (try {}) <==\n", plain(&file.step), file.r#try))?;
            }
            self.latest = Some(key.clone());
            say(&page.text)?;
            offset = page.next_offset;
        }
        self.offsets.insert(key, offset);
        Ok(())
    }
}
