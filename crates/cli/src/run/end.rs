//! `pointsman run cancel` and `pointsman run delete`: each run on its own, what fails is told at the
//! end.

use clap::Args;
use serde_json::json;
use wire::api::{CancelRun, RunState, short_id};

use crate::answer::{Answer, WRONG};
use crate::failure::Failure;
use crate::remote::{Remote, Session, complain, run as run_remote, say, tell_json};

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 all were told to end, 1 some were not, 3 no server.

Example:
  pointsman run cancel 1b4e28ba
  pointsman run cancel --force 1b4e28ba 9f3c77aa")]
pub(crate) struct CancelArgs {
    /// The runs' ids or the beginnings of them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Mark them as canceled at once, whatever their workers do
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A run in progress must be canceled first. What is deleted is gone.
Exit codes: 0 all were deleted, 1 some were not, 3 no server.

Example:
  pointsman run delete 1b4e28ba")]
pub(crate) struct DeleteArgs {
    /// The runs' ids or the beginnings of them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) fn cancel(args: &CancelArgs) -> Answer {
    let how = CancelRun { force: args.force };
    run_remote(&args.remote, async |session| {
        each(session, &args.ids, async |id| {
            let RunState { id, status } = session.client.cancel(id, how).await?;
            Ok((
                format!("Run {} is {status}.\n", short_id(&id)),
                json!({ "id": id, "status": status.as_str() }),
            ))
        })
        .await
    })
}

pub(crate) fn delete(args: &DeleteArgs) -> Answer {
    run_remote(&args.remote, async |session| {
        each(session, &args.ids, async |id| {
            session.client.delete(id).await?;
            Ok((
                format!("Deleted run {}.\n", short_id(id)),
                json!({ "id": id, "is_deleted": true }),
            ))
        })
        .await
    })
}

/// Does something to each run, whatever becomes of the others.
async fn each<F>(session: &Session, ids: &[String], act: F) -> Result<u8, Failure>
where
    F: AsyncFn(&str) -> Result<(String, serde_json::Value), Failure>,
{
    let (mut documents, mut code) = (Vec::new(), 0);
    for id in ids {
        let done = async { act(&session.find_run(id).await?.run.id).await };
        match done.await {
            Ok((line, document)) => {
                documents.push(document);
                if !session.is_json {
                    say(&line)?;
                }
            }
            // With one run alone its failure is the command's.
            Err(failure) if ids.len() == 1 || failure.is_of_the_server() => return Err(failure),
            Err(failure) => {
                code = WRONG;
                documents.push(json!({ "id": id, "error": failure.to_json() }));
                complain(&failure);
            }
        }
    }
    if session.is_json {
        tell_json(&documents)?;
    }
    Ok(code)
}
