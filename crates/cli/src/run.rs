//! `pointsman run`: the runs, what they did, why they wait; changing, ending and deleting them.

mod bulk;
mod change;
mod end;
mod events;
pub(crate) mod filter;
mod list;
mod logs;
mod show;
pub(crate) mod watch;
mod why;

use clap::Subcommand;

use crate::answer::Answer;

#[derive(Debug, Subcommand)]
pub(crate) enum RunCommand {
    /// List runs, the newest first
    List(list::ListArgs),
    /// Show a run with its steps, and why it waits
    #[command(after_help = "Example:\n  pointsman run show 1b4e28ba")]
    Show(show::ShowArgs),
    /// Print what happened to a run, with what its code has told
    Events(events::EventsArgs),
    /// Print what the steps of a run have written
    Logs(logs::LogsArgs),
    /// Say why a run or its steps wait: every limit, its holders, the way out
    #[command(after_help = "Example:\n  pointsman run why 1b4e28ba")]
    Why(why::WhyArgs),
    /// Show what happens to a run, live, until it ends
    Watch(watch::WatchArgs),
    /// Change the priority of runs that have not ended
    SetPriority(change::PriorityArgs),
    /// Set and remove tags of runs that have not ended
    SetTags(change::TagsArgs),
    /// Keep queued runs in the queue until they are released
    Hold(change::HoldArgs),
    /// Let runs go on that are held
    Release(change::ReleaseArgs),
    /// Tell runs to end
    Cancel(end::CancelArgs),
    /// Delete the records of runs that have ended or are queued
    Delete(end::DeleteArgs),
}

/// Carries out a command.
pub(crate) fn run(command: &RunCommand) -> Answer {
    match command {
        RunCommand::List(args) => list::run(args),
        RunCommand::Show(args) => show::run(args),
        RunCommand::Events(args) => events::run(args),
        RunCommand::Logs(args) => logs::run(args),
        RunCommand::Why(args) => why::run(args),
        RunCommand::Watch(args) => watch::run(args),
        RunCommand::SetPriority(args) => change::set_priority(args),
        RunCommand::SetTags(args) => change::set_tags(args),
        RunCommand::Hold(args) => change::hold(args),
        RunCommand::Release(args) => change::release(args),
        RunCommand::Cancel(args) => end::cancel(args),
        RunCommand::Delete(args) => end::delete(args),
    }
}
