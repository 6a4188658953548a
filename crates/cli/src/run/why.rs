//! `pointsman run why`: every limit that blocks, with numbers, holders, how many are ahead, and the
//! way out. The sentences are the server's; the commands that take the way out are added here.

use clap::Args;
use wire::api::{Explanation, ExplanationState, Limit, Reason, Remedy, RunWhy, short_id};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::remote::{Remote, Session, run as run_remote};
use crate::show::plain;

#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// The run's id or the beginning of it
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) fn run(args: &WhyArgs) -> Answer {
    run_remote(&args.remote, async |session| why(session, &args.id).await)
}

async fn why(session: &Session, id: &str) -> Result<u8, Failure> {
    let run = session.find_run(id).await?.run;
    let why = session.client.why(&run.id).await?;
    session.tell(&why, text)?;
    Ok(0)
}

fn text(why: &RunWhy) -> String {
    let run = format!("Run {}", short_id(&why.run));
    let status = why.status;
    let Some(explanation) = &why.explanation else {
        return format!("{run} waits for nothing: it is {status}.\n");
    };
    match explanation.state {
        ExplanationState::Blocked => {
            let count = explanation.reasons.len();
            let limits = if count == 1 { "one limit" } else { "each of these limits" };
            format!("{run} is {status}, blocked by {limits}:\n")
                + &blocked(explanation, &why.sentences)
        }
        ExplanationState::Eligible => format!(
            "{run} is {status} and no limit blocks it: it starts when its turn comes, unless those \
             ahead of it take the room.\n"
        ),
        ExplanationState::Holding if why.steps.is_empty() && why.held_back.is_empty() => {
            format!("{run} is {status}; none of its steps waits for slots.\n")
        }
        ExplanationState::Holding => format!("{run} is {status}; {}", waiting_steps(why)),
    }
}

/// Returns the steps that wait for slots, then those that limits inside the run hold back.
fn waiting_steps(why: &RunWhy) -> String {
    let mut parts = Vec::new();
    if !why.steps.is_empty() {
        let lines = why.steps.iter().map(|step| {
            format!("{}\n{}", plain(&step.step), waits(&step.explanation, &step.sentences))
        });
        parts.push(format!("these steps wait for slots:\n{}", lines.collect::<String>()));
    }
    if !why.held_back.is_empty() {
        let lines = why.held_back.iter().map(|step| {
            let sentences = step.sentences.iter().map(|one| format!("  - {}\n", plain(one)));
            format!("{}\n{}", plain(&step.step), sentences.collect::<String>())
        });
        let lines = lines.collect::<String>();
        parts.push(format!("these steps wait for limits inside the run:\n{lines}"));
    }
    parts.join("and ")
}

fn waits(explanation: &Explanation, sentences: &[String]) -> String {
    match explanation.state {
        ExplanationState::Blocked => blocked(explanation, sentences),
        ExplanationState::Eligible => "  no limit blocks it now\n".to_owned(),
        ExplanationState::Holding => "  it has its slots now\n".to_owned(),
    }
}

/// Returns a line for each reason, and below it the command that takes its way out, if there is one.
pub(super) fn blocked(explanation: &Explanation, sentences: &[String]) -> String {
    let mut text = String::new();
    for (reason, sentence) in explanation.reasons.iter().zip(sentences) {
        text += &format!("  - {}\n", plain(sentence));
        if let Some(command) = command(reason) {
            text += &format!("    $ {command}\n");
        }
    }
    text
}

fn command(reason: &Reason) -> Option<String> {
    match (&reason.limit, &reason.remedy) {
        (Limit::Pool { pool }, Remedy::RaiseTo { number }) => {
            Some(format!("pointsman instance concurrency set {} {number}", quoted(pool)))
        }
        _ => None,
    }
}

/// Returns a name as a shell takes it.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,".contains(c);
    if !name.starts_with('-') && name.chars().all(is_plain) {
        return name.to_owned();
    }
    let dashes = if name.starts_with('-') { "-- " } else { "" };
    format!("{dashes}'{}'", plain(name).replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_named_as_a_shell_takes_it() {
        for (name, shell) in [
            ("team/db", "team/db"),
            ("it's", r"'it'\''s'"),
            ("$(boom)", "'$(boom)'"),
            ("-x", "-- '-x'"),
            ("é", "'é'"),
        ] {
            assert_eq!(quoted(name), shell);
        }
    }
}
