//! One op: its command and everything that is said about its running.

use std::path::Path;

use config::yaml::{Node, Value};
use config::{Code, Fields, Reader, Span, quoted};
use model::{PRIORITY_TAG, Priority};
use wire::plan::PlanStep;

use super::keys::{Known, known_map, refuse_both};
use super::{pools, retries, values};

const OP: Known = Known {
    keys: &[
        "command",
        "shell",
        "env",
        "cwd",
        "after",
        "pool",
        "pools",
        "tags",
        "retries",
        "timeout_seconds",
    ],
    instead: &[
        ("run", "did you mean `shell`?"),
        ("script", "did you mean `shell`?"),
        ("cmd", "did you mean `command`?"),
        ("args", "the arguments follow the program in `command`"),
        ("depends_on", "did you mean `after`?"),
        ("needs", "did you mean `after`?"),
        ("ins", "did you mean `after`?"),
        ("environment", "did you mean `env`?"),
        ("working_dir", "did you mean `cwd`?"),
        ("working_directory", "did you mean `cwd`?"),
        ("retry_policy", "did you mean `retries`?"),
        ("max_retries", "write `retries: 2`"),
        ("priority", "write it as a tag: `tags: {dagster/priority: \"2\"}`"),
        ("executor", "it belongs to the job: write it beside `ops:`"),
        ("config", "config belongs to a job: its ops see it in POINTSMAN_CONFIG"),
    ],
    empty: "write its `command` below it",
};

/// The shell that takes the text under `shell`.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// An op as far as it can be read.
pub(super) struct Op<'n> {
    pub(super) key: &'n str,
    /// The ops before it, with the places where they are named.
    pub(super) after: Vec<(&'n str, Span)>,
    /// The step without those before it; none if something is wrong.
    step: Option<PlanStep>,
}

impl Op<'_> {
    /// Returns the step, if nothing is wrong with it.
    pub(super) fn into_step(self) -> Option<PlanStep> {
        let after = self.after.into_iter().map(|(key, _)| key.to_owned()).collect();
        Some(PlanStep { after, ..self.step? })
    }
}

/// Reads what stands below the name of an op.
pub(super) fn read<'n>(
    reader: &mut Reader<'_>,
    key: &'n str,
    node: &'n Node,
    folder: &Path,
) -> Op<'n> {
    let what = format!("the op {}", quoted(key));
    let Some(fields) = known_map(reader, node, &what, &OP) else {
        return Op { key, after: Vec::new(), step: None };
    };
    let after = fields.get("after").map(|node| after(reader, node)).unwrap_or_default();
    Op { key, after, step: step(reader, key, &what, &fields, folder) }
}

fn step(
    reader: &mut Reader<'_>,
    key: &str,
    what: &str,
    fields: &Fields<'_>,
    folder: &Path,
) -> Option<PlanStep> {
    let command = command(reader, what, fields);
    let tags = match fields.get("tags") {
        Some(node) => values::tags(reader, node, "the op"),
        None => values::TagMap::new(),
    };
    let pools = pools::read(reader, fields, &tags);
    let priority = tags.get(PRIORITY_TAG).and_then(|(_, text)| Priority::parse(text).ok());
    let cwd = fields.get("cwd").and_then(|node| values::filled_text(reader, node, "`cwd`"));
    let retries = fields.get("retries").and_then(|node| retries::retries(reader, node));
    let timeout = fields.get("timeout_seconds").and_then(|node| retries::timeout(reader, node));
    let env = fields.get("env").map(|node| values::env(reader, node)).unwrap_or_default();
    Some(PlanStep {
        key: key.to_owned(),
        command: command?,
        env,
        cwd: cwd.map_or_else(|| folder.to_owned(), |cwd| folder.join(cwd)),
        after: Vec::new(),
        pools,
        priority: priority.unwrap_or_default().get(),
        tags: tags.into_iter().map(|(key, (_, value))| (key.to_owned(), value)).collect(),
        retries,
        timeout_ms: timeout,
    })
}

/// Takes the ops before this one: a name, or a list of names.
fn after<'n>(reader: &mut Reader<'_>, node: &'n Node) -> Vec<(&'n str, Span)> {
    if let Some(name) = node.as_text() {
        return vec![(name, node.span)];
    }
    let Value::List(items) = &node.value else {
        let message = format!(
            "`after` must be the name of an op or a list of names; found {}",
            node.value.kind()
        );
        let hint = "write `after: extract`, or `after: [extract, check]`";
        reader.refuse_as(Code::WrongType, node.span, message, hint);
        return Vec::new();
    };
    let mut names = Vec::new();
    for item in items {
        names.extend(reader.text(item, "the name of an op").map(|name| (name, item.span)));
    }
    names
}

fn command(reader: &mut Reader<'_>, what: &str, fields: &Fields<'_>) -> Option<Vec<String>> {
    let hint = "keep one of the two: `command` is a program, `shell` is a line for /bin/sh";
    let is_both = refuse_both(reader, fields, ["command", "shell"], hint);
    match (fields.get("command"), fields.get("shell")) {
        (None, None) => {
            let (wanted, message) = (["command", "shell"], format!("{what} has no `command`"));
            let hint = "add `command: [program, argument]`, or `shell: \"a line for /bin/sh\"`";
            OP.refuse_missing(reader, fields, &wanted, message, hint);
            None
        }
        (Some(node), _) => program(reader, node).filter(|_| !is_both),
        (None, Some(node)) => {
            let line = values::filled_text(reader, node, "`shell`")?;
            Some(SHELL.into_iter().map(str::to_owned).chain([line]).collect())
        }
    }
}

/// Takes a program and its arguments, each as it is written.
fn program(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<String>> {
    if let Some(line) = node.as_text() {
        let message = "`command` must be a list; found text";
        reader.refuse_as(Code::WrongType, node.span, message, hint_for_line(line));
        return None;
    }
    let items = reader.list(node, "`command`")?;
    let parts: Vec<Option<String>> =
        items.iter().map(|item| values::written(reader, item, "a part of `command`")).collect();
    let parts: Vec<String> = parts.into_iter().collect::<Option<_>>()?;
    if parts.first().is_none_or(|program| program.trim().is_empty()) {
        let message = if parts.is_empty() { "`command` is empty" } else { "the program is empty" };
        let hint = "write the program and its arguments, as in `[python, extract.py]`";
        reader.refuse_as(Code::NoValue, node.span, message, hint);
        return None;
    }
    Some(parts)
}

/// What to write instead of a line: a list, where that means the same.
fn hint_for_line(line: &str) -> String {
    const SHOWN: usize = 60;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/=:+@ ".contains(c);
    let parts: Vec<&str> = line.split_whitespace().collect();
    if line.len() > SHOWN || parts.is_empty() || !line.chars().all(is_plain) {
        return "put a line for the shell under `shell`, or write a list: [program, argument]"
            .to_owned();
    }
    format!("write a list: [{}]; a line for the shell goes under `shell`", parts.join(", "))
}
