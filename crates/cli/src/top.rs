//! `pointsman top`: what goes on now, in one view: runs in progress, the queue with its reasons, pools.

mod frame;
#[cfg(feature = "tui")]
mod live;
#[cfg(feature = "tui")]
mod reader;
#[cfg(feature = "tui")]
mod view;

use std::io::IsTerminal;

use clap::Args;
use serde_json::json;

use self::frame::{Snapshot, header, panes};
use crate::answer::Answer;
use crate::failure::Failure;
use crate::remote::{Remote, Session, now, run as run_remote, say, tell_json};
use crate::show::{Colour, lines};

/// Shows the runs in progress, the queue with its reasons and the pools, live, until q is pressed.
/// Where the answer does not go to a terminal, one frame is printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Keys: q, Esc or Ctrl-C quit; Tab goes to the next pane; arrows, j and k, PgUp and PgDn, g and G scroll.

Example:
  pointsman top
  pointsman top --once | head -20")]
pub(crate) struct TopArgs {
    /// Print one frame as text
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) fn run(args: &TopArgs) -> Answer {
    run_remote(&args.remote, async |session| {
        let is_terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
        if args.once || session.is_json || !is_terminal {
            return once(session).await;
        }
        #[cfg(feature = "tui")]
        return live::show(session).await;
        #[cfg(not(feature = "tui"))]
        return once(session).await;
    })
}

async fn once(session: &Session) -> Result<u8, Failure> {
    let snapshot = Snapshot::read(&session.client).await?;
    if session.is_json {
        tell_json(&json!({
            "instance": snapshot.instance,
            "in_progress": snapshot.in_progress,
            "queue": snapshot.queue,
            "pools": snapshot.pools.pools,
        }))?;
        return Ok(0);
    }
    let present = now();
    let mut text = header(session.client.url(), &snapshot, present) + "\n";
    for pane in panes(&snapshot, present) {
        text += &format!("\n{}\n", session.style.paint(Colour::Bold, &pane.title));
        if pane.rows.len() > 1 {
            text += &lines(session.style, pane.rows.iter());
        }
    }
    say(&text)?;
    Ok(0)
}
