//! `pointsman job`: what can be launched, and launching it.

mod config;
mod launch;

pub(crate) use self::config::ConfigArgs;
pub(crate) use self::launch::{json_tags, launch_part};

use clap::{Args, Subcommand};
use wire::api::{JobDetail, Jobs};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::remote::{Remote, Session, run as run_remote};
use crate::show::{Style, fields, table, tags};

#[derive(Debug, Subcommand)]
pub(crate) enum JobCommand {
    /// List the jobs of all code locations
    #[command(after_help = "Example:\n  pointsman job list")]
    List(ListArgs),
    /// Show a job: its tags, config and steps
    #[command(
        alias = "print",
        after_help = "Example:\n  pointsman job show nightly\n  \
        pointsman job show nightly --location etl"
    )]
    Show(ShowArgs),
    /// Launch a run of a job
    Launch(Box<launch::LaunchArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The job
    #[arg(value_name = "JOB", required_unless_present = "named")]
    job: Option<String>,
    /// The same as JOB
    #[arg(short = 'j', long = "job", value_name = "JOB", conflicts_with = "job")]
    named: Option<String>,
    /// Its code location, if several have a job of this name
    #[arg(short, long, value_name = "LOCATION")]
    location: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Carries out a command.
pub(crate) fn run(command: &JobCommand) -> Answer {
    match command {
        JobCommand::List(args) => run_remote(&args.remote, list),
        JobCommand::Show(args) => {
            run_remote(&args.remote, async |session| show(session, args).await)
        }
        JobCommand::Launch(args) => launch::run(args),
    }
}

async fn list(session: &Session) -> Result<u8, Failure> {
    let jobs = session.client.jobs().await?;
    session.tell(&jobs, |jobs| list_text(session.style, jobs))?;
    Ok(0)
}

fn list_text(style: Style, jobs: &Jobs) -> String {
    if jobs.jobs.is_empty() {
        return "No jobs. `pointsman code-location list` shows where the server looks for them.\n"
            .to_owned();
    }
    let rows = jobs.jobs.iter().map(|job| {
        [
            (&job.name).into(),
            (&job.location).into(),
            step_count(job.step_count).into(),
            job.pools.join(", ").into(),
            first_line(job.description.as_deref()).into(),
        ]
    });
    table(style, ["JOB", "LOCATION", "STEPS", "POOLS", "DESCRIPTION"], rows.collect())
}

/// Writes how many steps a job has; those of one that needs run config are known when it is launched.
fn step_count(count: u64) -> String {
    if count == 0 { "?".to_owned() } else { count.to_string() }
}

fn first_line(text: Option<&str>) -> &str {
    text.and_then(|text| text.lines().next()).unwrap_or_default()
}

/// Returns a command in a line; what is longer is cut.
fn one_line(command: &str) -> String {
    let command = command.trim_end();
    command.split_once('\n').map_or(command.to_owned(), |(first, _)| format!("{first} ..."))
}

async fn show(session: &Session, args: &ShowArgs) -> Result<u8, Failure> {
    let name = args.job.as_deref().or(args.named.as_deref()).unwrap_or_default();
    let job = session.client.job(name, args.location.as_deref()).await?;
    session.tell(&job, |job| show_text(session.style, job))?;
    Ok(0)
}

fn show_text(style: Style, JobDetail { job, config, steps }: &JobDetail) -> String {
    let mut lines = vec![("job", job.name.clone()), ("location", job.location.clone())];
    lines.extend(job.description.clone().map(|text| ("description", text)));
    if !job.tags.is_empty() {
        lines.push(("tags", tags(&job.tags)));
    }
    if !config.is_null() {
        lines.push(("config", config.to_string()));
    }
    if steps.is_empty() {
        let unknown = "Its steps are not known yet: they depend on the config it is launched with.";
        return format!("{}\n{unknown}\n", fields(&lines));
    }
    let slots = |(pool, slots): (&String, &u32)| format!("{pool}: {slots}");
    let rows = steps.iter().map(|step| {
        let pools: Vec<String> = step.pools.iter().map(slots).collect();
        let retries = step.retries.as_ref().map_or(String::new(), |r| r.max_retries.to_string());
        let timeout = step.timeout_seconds.map_or(String::new(), |seconds| format!("{seconds}s"));
        [
            (&step.key).into(),
            step.after.join(", ").into(),
            pools.join(", ").into(),
            retries.into(),
            timeout.into(),
            one_line(&step.command.join(" ")).into(),
        ]
    });
    let header = ["STEP", "AFTER", "POOLS", "RETRIES", "TIMEOUT", "COMMAND"];
    format!("{}\n{}", fields(&lines), table(style, header, rows.collect()))
}
