//! From the submission hooks of a configuration to those that the daemon asks.

use std::ffi::OsString;
use std::sync::Arc;

use ::config::{Coordinator, HookAction, HookCondition, InstanceConfig, TagSource};
use coordinator::hooks::{
    Chain, CommandHook, CommandSpec, Condition, Conditional, Existing, Pattern, RejectRule, Source,
    SubmissionHook, TagRule,
};
use process::dialogue::Program;
use process::environment::base;
use wire::shim::CoordinatorBase;

use super::class::{self, ClassError, Place};

/// The tag that `CLTQueuedRunCoordinator` sets.
const CODE_LOCATION_TAG: &str = "code_location";

/// How much of a command stands in the name of its hook, in characters.
const LONGEST_COMMAND: usize = 60;

/// Returns the hooks: the one that the coordinator is, if it is one, then those of the list. Those that
/// are Python classes are opened, and with the base of the coordinator's own.
///
/// # Errors
/// [`ClassError`]: a class cannot be used.
pub(super) async fn hooks(
    config: &InstanceConfig,
    place: &Place,
) -> Result<(Chain, Option<CoordinatorBase>), ClassError> {
    let mut base = None;
    let mut hooks: Vec<Arc<dyn SubmissionHook>> = of_coordinator(config).into_iter().collect();
    if let Some(class) = &config.coordinator_class {
        let (hook, found) = class::start("run_coordinator", class, config, place).await?;
        base = Some(found);
        hooks.push(hook);
    }
    for (index, hook) in config.submission_hooks.value.iter().enumerate() {
        let action = asked(index, &hook.action, config, place).await?;
        let when = condition(&hook.when);
        let is_always = when == Condition::default();
        hooks.push(if is_always { action } else { Arc::new(Conditional { when, hook: action }) });
    }
    Ok((Chain::new(hooks), base))
}

/// The CLT coordinator queues like the others, and has one rule more.
fn of_coordinator(config: &InstanceConfig) -> Option<Arc<dyn SubmissionHook>> {
    let coordinator = config.coordinator.value;
    match coordinator {
        Coordinator::Queued | Coordinator::Immediate | Coordinator::Custom => None,
        Coordinator::CodeLocationTagging => Some(Arc::new(TagRule {
            name: coordinator.class().to_owned(),
            key: CODE_LOCATION_TAG.to_owned(),
            source: Source::CodeLocation,
            existing: Existing::Overwritten,
        })),
    }
}

/// Returns what an item of the list does.
async fn asked(
    index: usize,
    action: &HookAction,
    config: &InstanceConfig,
    place: &Place,
) -> Result<Arc<dyn SubmissionHook>, ClassError> {
    let name = |what: &str| format!("submission_hooks[{index}]: {what}");
    Ok(match action {
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
                folder: place.folder.clone(),
                environment: base(&std::env::vars_os().collect()),
            };
            let spec = CommandSpec { name: name(&text), program, timeout: *timeout, opening: None };
            Arc::new(CommandHook::new(spec))
        }
        HookAction::Class(class) => {
            let key = format!("submission_hooks[{index}]");
            class::start(&key, class, config, place).await?.0
        }
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
