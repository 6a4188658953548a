//! `pointsman instance show`: what the server is, what it does now, which rules are in force and
//! where they come from.

use clap::Args;
use model::Timestamp;
use wire::api::{Configuration, Instance, Rules, TagLimit};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::remote::{Remote, Session, now, run as run_remote};
use crate::show::{Style, ago, fields, interval, plain, table};

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    remote: Remote,
}

pub(crate) fn run(args: &ShowArgs) -> Answer {
    run_remote(&args.remote, async |session| show(session).await)
}

async fn show(session: &Session) -> Result<u8, Failure> {
    let instance = session.client.instance().await?;
    let url = session.client.url().to_owned();
    session.tell(&instance, |instance| text(session.style, &url, now(), instance))?;
    Ok(0)
}

fn text(style: Style, url: &str, now: Timestamp, instance: &Instance) -> String {
    let rules = &instance.rules;
    let state = if instance.is_recovering {
        "recovering: finds out what became of the runs in progress"
    } else {
        "running"
    };
    let up = interval(now.since(instance.started_at.0));
    let mut lines = vec![
        ("server", format!("{url} (version {}, epoch {})", instance.version, instance.epoch)),
        ("state", format!("{state}, up {up}")),
        ("in progress", of(instance.in_progress, rules.max_concurrent_runs)),
        ("queued", instance.queued.to_string()),
    ];
    if let Some(cap) = rules.max_concurrent_runs_all_branch_deployments {
        lines.push((
            "branch runs",
            format!("at most {cap} in progress over all branch deployments"),
        ));
    }
    lines.push(("pools", pools(rules)));
    lines.extend(instance.submission_hooks.iter().map(|hook| ("hook", plain(hook))));
    let mut text = match &instance.configuration {
        Some(configuration) => {
            lines.extend(configuration_fields(now, configuration));
            fields(&lines) + &configuration_state(now, configuration)
        }
        None => fields(&lines),
    };
    if !rules.tag_concurrency_limits.is_empty() {
        let rows = rules.tag_concurrency_limits.iter().map(|limit| {
            [(&limit.key).into(), counted(limit).into(), limit.limit.to_string().into()]
        });
        text += &format!("\n{}", table(style, ["TAG", "COUNTS", "LIMIT"], rows.collect()));
    }
    text
}

fn of(count: u64, limit: Option<u32>) -> String {
    limit.map_or(format!("{count}, unlimited"), |limit| format!("{count} of {limit}"))
}

fn pools(rules: &Rules) -> String {
    let pools = &rules.pools;
    let holders = if pools.granularity == "run" { "runs" } else { "steps" };
    let default = pools
        .default_limit
        .map_or("no default limit".to_owned(), |limit| format!("default limit {limit}"));
    format!("held by {holders}, {default}")
}

fn counted(limit: &TagLimit) -> String {
    match (&limit.value, limit.is_per_unique_value) {
        (Some(value), _) => format!("runs with the value {value}"),
        (None, true) => "runs of each value apart".to_owned(),
        (None, false) => "runs of all values together".to_owned(),
    }
}

/// Returns lines about the configuration in force.
pub(crate) fn configuration_text(now: Timestamp, configuration: &Configuration) -> String {
    fields(&configuration_fields(now, configuration)) + &configuration_state(now, configuration)
}

fn configuration_fields(
    now: Timestamp,
    Configuration { path, loaded_at, .. }: &Configuration,
) -> [(&'static str, String); 2] {
    let path = path.as_deref().unwrap_or("defaults (no file)");
    let since = format!("{loaded_at} ({})", ago(now, *loaded_at));
    [("configuration", path.to_owned()), ("in force since", since)]
}

/// Tells what of the file is not in force.
fn configuration_state(now: Timestamp, configuration: &Configuration) -> String {
    let mut text = String::new();
    if !configuration.needs_restart.is_empty() {
        let keys = plain(&configuration.needs_restart.join(", "));
        text += &format!("Changed in the file, in force after a restart of the server: {keys}\n");
    }
    if let Some(problem) = &configuration.problem {
        text += &format!("The file as it is now is not in force ({}):\n", ago(now, problem.at));
        for line in problem.message.lines() {
            text += &format!("  {}\n", plain(line));
        }
    }
    text
}
