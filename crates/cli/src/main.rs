//! The one binary: reads its arguments, calls the rooms, prints what they answer.

mod answer;
mod api;
mod asset;
mod code_location;
mod config;
mod daemon;
mod doctor;
mod failure;
mod help;
mod home;
mod instance;
mod job;
mod pages;
mod partition;
mod pool;
mod progress;
mod queue;
mod remote;
mod run;
mod scenario;
mod show;
mod top;
mod worker;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use self::answer::{Answer, UNREADABLE};

/// Decides which run may start, when, and says why not yet.
#[derive(Debug, Parser)]
#[command(
    name = "pointsman",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "\
Exit codes:
  0  done
  1  refused, failed, or something is wrong with what was looked at
  2  the arguments or a file cannot be read, or the answer cannot be written
  3  no server answers

Example:
  pointsman job launch nightly --wait
  pointsman queue
  pointsman run why 1b4e28ba

`pointsman help limits` says which limit you need; `pointsman help help` lists all topics."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See the run queue at work: a daemon, real processes, under a minute
    #[command(after_help = "Example:\n  pointsman demo")]
    Demo,
    /// Serve jobs from files, loaded again when they are saved
    ///
    /// API, daemon and code locations run in this process until Ctrl-C. Runs in progress then go on,
    /// and are found again at the next start.
    #[command(after_help = "Example:\n  pointsman init && pointsman dev jobs.yaml")]
    Dev(daemon::DaemonArgs),
    /// Serve jobs from files; they are loaded again when somebody asks for it
    #[command(after_help = "Example:\n  pointsman serve /srv/jobs --home /var/lib/pointsman")]
    Serve(daemon::DaemonArgs),
    /// Write an example of jobs to begin with
    #[command(after_help = "Example:\n  pointsman init my-jobs")]
    Init(daemon::InitArgs),
    /// List, show and launch jobs
    #[command(subcommand, after_help = "Example:\n  pointsman job launch nightly --tag team=docs")]
    Job(job::JobCommand),
    /// List, show, explain, watch, change, cancel and delete runs
    #[command(subcommand, after_help = "Example:\n  pointsman run why 1b4e28ba")]
    Run(run::RunCommand),
    /// List the queued runs, and why each waits
    Queue(queue::QueueArgs),
    /// See what goes on, live: runs in progress, the queue with its reasons, pools
    Top(top::TopArgs),
    /// List and show pools
    #[command(subcommand, after_help = "Example:\n  pointsman pool show db")]
    Pool(pool::PoolCommand),
    /// Show this instance, and change its limits while it runs
    #[command(subcommand, after_help = "Example:\n  pointsman instance concurrency set db 2")]
    Instance(instance::InstanceCommand),
    /// List, show and materialize assets
    #[command(subcommand, after_help = "Example:\n  pointsman asset materialize orders --wait")]
    Asset(asset::AssetCommand),
    /// List, add and remove dynamic partitions
    #[command(subcommand, after_help = "Example:\n  pointsman partition add customers acme")]
    Partition(partition::PartitionCommand),
    /// List, show and reload code locations
    #[command(subcommand, after_help = "Example:\n  pointsman code-location reload")]
    CodeLocation(code_location::CodeLocationCommand),
    /// Describe the HTTP API
    #[command(subcommand, after_help = "Example:\n  pointsman api spec > openapi.json")]
    Api(api::ApiCommand),
    /// Check, show, describe and reload the configuration.
    #[command(subcommand, after_help = "Example:\n  pointsman config check dagster.yaml")]
    Config(config::ConfigCommand),
    /// Play scenarios of the run queue against the very core that decides.
    #[command(subcommand, after_help = "Example:\n  pointsman scenario run my-limits.yaml")]
    Scenario(scenario::ScenarioCommand),
    /// Find what is wrong, and how to mend it
    Doctor(doctor::DoctorArgs),
    /// Print a script that completes commands and flags in a shell
    Completions(pages::CompletionsArgs),
    /// Print the manual page, or write the pages of all commands
    Man(pages::ManArgs),
    /// Print the help of a command, or a topic: limits, priority, waiting, exit-codes
    Help(help::HelpArgs),
    /// Execute one attempt of a run; the launcher starts this
    #[command(hide = true)]
    Worker(worker::WorkerArgs),
}

fn main() -> ExitCode {
    if let Some(code) = worker::guard(std::env::args_os()) {
        return ExitCode::from(code);
    }
    let answer = match Cli::parse().command {
        Command::Demo => daemon::demo(),
        Command::Dev(args) => daemon::serve(&args, daemon::Reload::OnSave),
        Command::Serve(args) => daemon::serve(&args, daemon::Reload::WhenAsked),
        Command::Init(args) => daemon::init(&args),
        Command::Job(command) => job::run(&command),
        Command::Run(command) => run::run(&command),
        Command::Queue(args) => queue::run(&args),
        Command::Top(args) => top::run(&args),
        Command::Pool(command) => pool::run(&command),
        Command::Instance(command) => instance::run(&command),
        Command::Asset(command) => asset::run(&command),
        Command::Partition(command) => partition::run(&command),
        Command::CodeLocation(command) => code_location::run(&command),
        Command::Api(command) => api::run(&command),
        Command::Config(command) => config::run(&command),
        Command::Scenario(command) => scenario::run(&command),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions(args) => pages::completions(&args, Cli::command()),
        Command::Man(args) => pages::man(&args, Cli::command()),
        Command::Help(args) => help::run(&args, Cli::command()),
        Command::Worker(args) => worker::work(&args),
    };
    ExitCode::from(print(&answer))
}

/// Prints an answer; returns the code to exit with.
fn print(answer: &Answer) -> u8 {
    // Nobody can be told that standard error is closed; the code still says how it went.
    drop(std::io::stderr().write_all(answer.stderr.as_bytes()));
    let mut stdout = std::io::stdout();
    let written = stdout.write_all(answer.stdout.as_bytes()).and_then(|()| stdout.flush());
    match written {
        Ok(()) => answer.code,
        // Whoever reads has seen enough, as with `pointsman config show | head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => answer.code,
        Err(error) => {
            let told = format!("error: cannot write the answer: {error}\n");
            drop(std::io::stderr().write_all(told.as_bytes()));
            UNREADABLE
        }
    }
}
