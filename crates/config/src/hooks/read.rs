//! From the checked keys of an item to a hook. What is a mistake is left out here; that it is one has
//! been noted.

use std::time::Duration;

use crate::hooks::{HookAction, HookCondition, PythonClass, SubmissionHook, TagSource};
use crate::record::{Record, Setting};

/// How long a program may take over one run unless the file says it, in seconds.
const TIMEOUT: i64 = 5;

/// Returns the hooks of a file.
pub(crate) fn submission_hooks(root: &Record) -> Setting<Vec<SubmissionHook>> {
    let Some((found, items)) = root.blocks("submission_hooks") else {
        return Setting::default_of(Vec::new());
    };
    Setting { value: items.iter().filter_map(hook).collect(), origin: found.origin.clone() }
}

fn hook(item: &Record) -> Option<SubmissionHook> {
    let text = |key| item.text(key).map(|setting| setting.value);
    let action = if let Some(rule) = item.block("tag") {
        tag(rule)?
    } else if let Some(reason) = text("reject") {
        HookAction::Reject(reason)
    } else if let Some(command) = item.names("command") {
        let seconds = item.int("timeout_seconds").map_or(TIMEOUT, |seconds| seconds.value);
        let timeout = Duration::from_secs(seconds.unsigned_abs());
        HookAction::Command { command: command.value, timeout }
    } else {
        let config = item.anything("config").unwrap_or_else(|| serde_json::json!({}));
        HookAction::Class(PythonClass { module: text("module")?, class: text("class")?, config })
    };
    let when = item.block("when").map(condition).unwrap_or_default();
    Some(SubmissionHook { action, when })
}

fn tag(rule: &Record) -> Option<HookAction> {
    let text = |key| rule.text(key).map(|setting| setting.value);
    let default = text("default");
    let source = match text("from")?.as_str() {
        "header" => TagSource::Header { name: text("header")?, default },
        "code_location" => TagSource::CodeLocation,
        "job" => TagSource::Job,
        "user" => TagSource::User { default },
        _ => TagSource::Constant(text("value")?),
    };
    let overwrite = rule.bool("overwrite").is_some_and(|answer| answer.value);
    Some(HookAction::Tag { key: text("key")?, source, overwrite })
}

fn condition(block: &Record) -> HookCondition {
    let text = |key| block.text(key).map(|setting| setting.value);
    let names = |key| block.names(key).map(|setting| setting.value).unwrap_or_default();
    HookCondition {
        job: text("job"),
        location: text("location"),
        tags: block.texts("tags").unwrap_or_default(),
        headers: block.texts("headers").unwrap_or_default(),
        without_tags: names("without_tags"),
        without_headers: names("without_headers"),
    }
}
