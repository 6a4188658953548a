//! A hook as it would be written in the file.

use serde_json::{Map, Value, json};

use crate::hooks::{HookAction, HookCondition, PythonClass, SubmissionHook, TagSource};

/// Returns an item of `submission_hooks`.
pub(crate) fn as_written(hook: &SubmissionHook) -> Value {
    let mut item = match &hook.action {
        HookAction::Tag { key, source, overwrite } => {
            json!({ "tag": tag(key, source, *overwrite) })
        }
        HookAction::Reject(reason) => json!({ "reject": reason }),
        HookAction::Command { command, timeout } => {
            json!({ "command": command, "timeout_seconds": timeout.as_secs() })
        }
        HookAction::Class(PythonClass { module, class, config }) if is_empty(config) => {
            json!({ "module": module, "class": class })
        }
        HookAction::Class(PythonClass { module, class, config }) => {
            json!({ "module": module, "class": class, "config": config })
        }
    };
    if let (true, Some(item)) = (hook.when != HookCondition::default(), item.as_object_mut()) {
        item.insert("when".to_owned(), condition(&hook.when));
    }
    item
}

fn is_empty(config: &Value) -> bool {
    config.as_object().is_some_and(Map::is_empty)
}

fn tag(key: &str, source: &TagSource, overwrite: bool) -> Value {
    let mut rule = Map::from_iter([("key".to_owned(), json!(key))]);
    let mut say = |key: &str, value: Option<&String>| {
        rule.extend(value.map(|value| (key.to_owned(), json!(value))));
    };
    let from = match source {
        TagSource::Header { name, default } => {
            say("header", Some(name));
            say("default", default.as_ref());
            "header"
        }
        TagSource::CodeLocation => "code_location",
        TagSource::Job => "job",
        TagSource::User { default } => {
            say("default", default.as_ref());
            "user"
        }
        TagSource::Constant(value) => {
            say("value", Some(value));
            "constant"
        }
    };
    rule.insert("from".to_owned(), json!(from));
    rule.insert("overwrite".to_owned(), json!(overwrite));
    Value::Object(rule)
}

fn condition(when: &HookCondition) -> Value {
    let HookCondition { job, location, tags, headers, without_tags, without_headers } = when;
    let all = [
        ("job", json!(job)),
        ("location", json!(location)),
        ("tags", json!(tags)),
        ("headers", json!(headers)),
        ("without_tags", json!(without_tags)),
        ("without_headers", json!(without_headers)),
    ];
    let is_said = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    let said = all.into_iter().filter(|(_, value)| is_said(value));
    Value::Object(said.map(|(key, value)| (key.to_owned(), value)).collect())
}
