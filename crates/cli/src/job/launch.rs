//! `pointsman job launch`: submits a run, and waits for its end if asked to.

use std::collections::BTreeMap;

use clap::Args;
use model::{RunStatus, is_withheld_header};
use wire::api::{SubmitRun, USER};

use super::config::ConfigArgs;
use crate::answer::{Answer, WRONG};
use crate::failure::Failure;
use crate::remote::{Remote, Session, run as run_remote, say, tell_json};
use crate::run::filter::tag;
use crate::run::watch::{Told, follow};

/// Launches a run of a job: it goes to the queue and starts when the limits allow. Prints the run's
/// id.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 launched (with --wait: it succeeded), 1 refused (with --wait: it did not succeed),
2 the arguments or the config cannot be read, 3 no server.

Example:
  pointsman job launch nightly --tag team=docs --priority 3
  pointsman job launch -j nightly --config nightly.yaml --config tonight.yaml --wait
  pointsman job launch -j etl --op-selection '*load'")]
pub(crate) struct LaunchArgs {
    /// The job
    #[arg(value_name = "JOB", required_unless_present = "named")]
    job: Option<String>,
    /// The same as JOB
    #[arg(short = 'j', long = "job", value_name = "JOB", conflicts_with = "job")]
    named: Option<String>,
    /// Its code location, if several have a job of this name
    #[arg(short, long, value_name = "LOCATION")]
    location: Option<String>,
    /// A tag of the run; may be repeated
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tag: Vec<(String, String)>,
    /// Tags of the run as a JSON object; --tag wins over it
    #[arg(long, value_name = "JSON", value_parser = json_tags)]
    tags: Option<BTreeMap<String, String>>,
    #[command(flatten)]
    config: ConfigArgs,
    /// The ops to execute in place of all, in Dagster's syntax; several are parted by commas
    #[arg(short, long, value_name = "OPS", value_delimiter = ',')]
    op_selection: Option<Vec<String>>,
    /// The priority of the run: larger goes first, 0 unless given
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = priority)]
    priority: Option<i32>,
    /// The id of the run, a UUID; a fresh one unless given
    #[arg(long, value_name = "ID")]
    run_id: Option<String>,
    /// A header of the request, which submission hooks are told; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// A key of your own: launched again with the same key, it is the same run
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Show how the run goes on until it ends
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    remote: Remote,
}

/// The headers that the request has anyway, or that would change how it is sent.
const OWN_HEADERS: [&str; 8] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "transfer-encoding",
    "user-agent",
];

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a header must have the form NAME=VALUE")?;
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || !name.bytes().all(is_of_name) {
        return Err("the name of a header has letters, digits, `-` and `_`".to_owned());
    }
    if is_withheld_header(name) {
        return Err(format!("the header {name} is for secrets, and no hook is told it"));
    }
    if OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err(format!("the header {name} is set by the command itself"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// Returns what the submission hooks are told about who launches the run: the user of this system,
/// unless a header says otherwise, and the headers.
fn told_to_hooks(headers: &[(String, String)], user: Option<String>) -> Vec<(String, String)> {
    let is_said = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(USER));
    // A name that no header can hold is not told.
    let user = user.filter(|user| !is_said && user.bytes().all(|byte| byte.is_ascii_graphic()));
    let user = user.map(|user| (USER.to_owned(), user));
    user.into_iter().chain(headers.iter().cloned()).collect()
}

/// Returns the name of the user, as a login sets it.
fn user() -> Option<String> {
    let of = |name| std::env::var(name).ok().filter(|user: &String| !user.is_empty());
    of("USER").or_else(|| of("LOGNAME"))
}

fn priority(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| "a priority is a whole number of 32 bits, such as 5 or -1".to_owned())
}

/// Reads tags as Dagster does: a value that is no text is kept as its JSON.
pub(crate) fn json_tags(text: &str) -> Result<BTreeMap<String, String>, String> {
    let tags: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|error| {
            format!("it must be a JSON object such as {{\"team\": \"docs\"}}: {error}")
        })?;
    let as_text = |value: serde_json::Value| match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    };
    Ok(tags.into_iter().map(|(key, value)| (key, as_text(value))).collect())
}

pub(crate) fn run(args: &LaunchArgs) -> Answer {
    run_remote(&args.remote, async |session| launch(session, args).await)
}

/// Launches a run as a request says, and waits for its end if asked to.
pub(crate) async fn launch_part(
    session: &Session,
    request: &SubmitRun,
    is_awaited: bool,
) -> Result<u8, Failure> {
    submit(session, request, None, &told_to_hooks(&[], user()), is_awaited).await
}

async fn launch(session: &Session, args: &LaunchArgs) -> Result<u8, Failure> {
    let request = request(args)?;
    let headers = told_to_hooks(&args.header, user());
    submit(session, &request, args.idempotency_key.as_deref(), &headers, args.wait).await
}

async fn submit(
    session: &Session,
    request: &SubmitRun,
    idempotency_key: Option<&str>,
    headers: &[(String, String)],
    is_awaited: bool,
) -> Result<u8, Failure> {
    // Opened first: if nothing can be followed, nothing is launched either.
    let changes = if is_awaited { Some(session.client.changes(None).await?) } else { None };
    let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let submitted = session.client.submit_with_headers(request, idempotency_key, &headers).await?;
    let run = &submitted.run;
    let Some(changes) = changes else {
        session.tell(run, |run| {
            if submitted.is_new {
                format!("Launched run {}.\n", run.id)
            } else {
                format!("Run {} was launched before under this key.\n", run.id)
            }
        })?;
        return Ok(0);
    };
    let told = if session.is_json { Told::Nothing } else { Told::Lines };
    if told == Told::Lines {
        say(&format!("Launched run {}.\n", run.id))?;
    }
    let ended = follow(session, changes, &run.id, told).await?;
    if session.is_json {
        tell_json(&ended)?;
    }
    Ok(if ended.run.status == RunStatus::Success { 0 } else { WRONG })
}

fn request(args: &LaunchArgs) -> Result<SubmitRun, Failure> {
    let mut tags = args.tags.clone().unwrap_or_default();
    tags.extend(args.tag.iter().cloned());
    let job = args.job.clone().or_else(|| args.named.clone()).unwrap_or_default();
    Ok(SubmitRun {
        job,
        location: args.location.clone(),
        tags,
        config: args.config.read()?,
        priority: args.priority,
        deployment: None,
        run_id: args.run_id.clone(),
        asset_selection: None,
        op_selection: args.op_selection.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_those_that_mean_something_else_are_refused() {
        assert_eq!(header("X-Team=a=b"), Ok(("X-Team".to_owned(), "a=b".to_owned())));
        for text in [
            "X-Team",
            "=x",
            "X Team=x",
            "Authorization=x",
            "cookie=x",
            "Host=x",
            "idempotency-key=x",
        ] {
            assert!(header(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_priority_is_a_whole_number_of_32_bits() {
        assert_eq!((priority("-1"), priority("2147483647")), (Ok(-1), Ok(i32::MAX)));
        for text in ["high", "1.5", "", "2147483648"] {
            assert!(priority(text).is_err_and(|told| told.contains("whole number")), "{text}");
        }
    }

    #[test]
    fn tags_are_read_as_json() {
        let tags = json_tags(r#"{"a": "b", "c": 1}"#).unwrap();
        assert_eq!(tags["a"], "b");
        assert_eq!(tags["c"], "1");
        assert!(json_tags("[]").is_err() && json_tags("a=b").is_err());
    }
}
