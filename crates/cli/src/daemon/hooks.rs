//! From the submission hooks of a configuration to those that the daemon asks.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use ::config::{Coordinator, HookAction, HookCondition, InstanceConfig, TagSource};
use coordinator::hooks::{
    Chain, CommandHook, CommandSpec, Condition, Conditional, Existing, Pattern, RejectRule, Source,
    SubmissionHook, TagRule,
};
use process::dialogue::Program;
use process::environment::base;

/// The tag that `CLTQueuedRunCoordinator` sets.
const CODE_LOCATION_TAG: &str = "code_location";

/// How much of a command stands in the name of its hook, in characters.
const LONGEST_COMMAND: usize = 60;

/// Returns the hooks: the one that the coordinator is, if it is one, then those of the list.
pub(super) fn hooks(config: &InstanceConfig, folder: &Path) -> Chain {
    let list = config.submission_hooks.value.iter().enumerate();
    let of_list = list.filter_map(|(index, hook)| {
        let action = asked(index, &hook.action, folder)?;
        let when = condition(&hook.when);
        let is_always = when == Condition::default();
        Some(if is_always { action } else { Arc::new(Conditional { when, hook: action }) })
    });
    Chain::new(of_coordinator(config.coordinator.value).into_iter().chain(of_list).collect())
}

/// The CLT coordinator queues like the others, and has one rule more.
fn of_coordinator(coordinator: Coordinator) -> Option<Arc<dyn SubmissionHook>> {
    match coordinator {
        Coordinator::Queued | Coordinator::Immediate => None,
        Coordinator::CodeLocationTagging => Some(Arc::new(TagRule {
            name: coordinator.class().to_owned(),
            key: CODE_LOCATION_TAG.to_owned(),
            source: Source::CodeLocation,
            existing: Existing::Overwritten,
        })),
    }
}

/// Returns what an item of the list does; a Python class does nothing.
fn asked(index: usize, action: &HookAction, folder: &Path) -> Option<Arc<dyn SubmissionHook>> {
    let name = |what: &str| format!("submission_hooks[{index}]: {what}");
    Some(match action {
        HookAction::Tag { key, source: from, overwrite } => Arc::new(TagRule {
            name: name(&format!("tag {key}")),
            key: key.clone(),
            source: source(from),
            existing: if *overwrite { Existing::Overwritten } else { Existing::Kept },
        }),
        HookAction::Reject(reason) => {
            Arc::new(RejectRule { name: name("reject"), reason: reason.clone() })
        }
        HookAction::Command { command, timeout } => {
            let text: String = command.join(" ").chars().take(LONGEST_COMMAND).collect();
            let program = Program {
                command: command.iter().map(OsString::from).collect(),
                folder: folder.to_owned(),
                environment: base(&std::env::vars_os().collect()),
            };
            let spec = CommandSpec { name: name(&text), program, timeout: *timeout };
            Arc::new(CommandHook::new(spec))
        }
        HookAction::Class { .. } => return None,
    })
}

fn source(from: &TagSource) -> Source {
    match from {
        TagSource::Header { name, default } => {
            Source::Header { name: name.clone(), default: default.clone() }
        }
        TagSource::CodeLocation => Source::CodeLocation,
        TagSource::Job => Source::Job,
        TagSource::User { default } => Source::User { default: default.clone() },
        TagSource::Constant(value) => Source::Constant(value.clone()),
    }
}

fn condition(when: &HookCondition) -> Condition {
    let HookCondition { job, location, tags, headers, without_tags, without_headers } = when;
    let pattern = |text: &String| Pattern::new(text);
    let patterns = |texts: &std::collections::BTreeMap<String, String>| {
        texts.iter().map(|(key, text)| (key.clone(), pattern(text))).collect()
    };
    Condition {
        job: job.as_ref().map(pattern),
        location: location.as_ref().map(pattern),
        tags: patterns(tags),
        headers: patterns(headers),
        without_tags: without_tags.clone(),
        without_headers: without_headers.clone(),
    }
}
