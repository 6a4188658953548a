//! The key table as a JSON schema, for editors that check YAML while it is written.

use serde_json::{Map, Value, json};

use crate::instance::Coordinator;
use crate::keys::{Bounds, Emptiness, Key, Kind, NOT_USED, Presence, ROOT, RUN_QUEUE};

/// Returns the schema of the configuration file, in the draft that editors know best (7).
///
/// It checks each key by itself; what cannot stand together is told by reading the file.
pub fn schema() -> Value {
    let mut schema = block(ROOT);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        if let Some(coordinator) = properties.get_mut("run_coordinator") {
            describe_classes(coordinator);
        }
        for name in NOT_USED {
            let about = "Accepted for the sake of existing files; not used by Pointsman.";
            properties.insert((*name).to_owned(), json!({ "description": about }));
        }
    }
    if let Some(object) = schema.as_object_mut() {
        // An empty file says nothing, and is read.
        object.insert("type".to_owned(), json!(["object", "null"]));
        object.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        object.insert("title".to_owned(), json!("Pointsman configuration"));
        object.insert("definitions".to_owned(), json!({ "env": env_reference() }));
    }
    schema
}

/// Offers the classes that are known, leaves those without a queue nothing to set, those with one the
/// keys of the queue, and any other what it likes beside these.
fn describe_classes(coordinator: &mut Value) {
    let names = Coordinator::CLASSES.map(|(name, _)| name);
    let (with_queue, without_queue): (Vec<_>, Vec<_>) =
        Coordinator::CLASSES.into_iter().partition(|(_, coordinator)| coordinator.has_queue());
    let is_one_of = |classes: &[(&str, Coordinator)]| {
        let names: Vec<&str> = classes.iter().map(|(name, _)| *name).collect();
        json!({ "properties": { "class": { "enum": names } }, "required": ["class"] })
    };
    let with_config = |keys| json!({ "properties": { "config": block(keys) } });
    if let Some(Value::Object(config)) = coordinator.pointer_mut("/properties/config") {
        config.remove("additionalProperties");
    }
    if let Some(Value::Array(choices)) = coordinator.pointer_mut("/properties/class/anyOf") {
        choices.insert(0, json!({ "enum": names }));
    }
    if let Some(object) = coordinator.as_object_mut() {
        let queued = json!({ "if": is_one_of(&with_queue), "then": with_config(RUN_QUEUE) });
        object.insert("if".to_owned(), is_one_of(&without_queue));
        object.insert("then".to_owned(), with_config(&[]));
        object.insert("else".to_owned(), queued);
    }
}

/// `{env: NAME}`
fn env_reference() -> Value {
    json!({
        "type": "object",
        "description": "The value of an environment variable.",
        "properties": { "env": { "type": "string", "minLength": 1 } },
        "required": ["env"],
        "additionalProperties": false,
    })
}

fn block(keys: &[Key]) -> Value {
    let properties: Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> =
        keys.iter().filter(|key| key.presence == Presence::Required).map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if let (false, Some(object)) = (required.is_empty(), schema.as_object_mut()) {
        object.insert("required".to_owned(), json!(required));
    }
    schema
}

fn property(key: &Key) -> Value {
    let mut schema = match (key.presence, of_kind(key.kind)) {
        (Presence::Nullable, kind) => json!({ "anyOf": [kind, { "type": "null" }] }),
        (Presence::Optional | Presence::Required, kind) => kind,
    };
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".to_owned(), json!(key.doc));
        if let Some(default) = default_of(key) {
            object.insert("default".to_owned(), default);
        }
    }
    schema
}

/// The default as a value, where a value can say it.
fn default_of(key: &Key) -> Option<Value> {
    match key.kind {
        Kind::Whole(_) => key.default.parse::<i64>().ok().map(Value::from),
        Kind::Flag => key.default.parse::<bool>().ok().map(Value::from),
        Kind::Choice(_) => Some(Value::from(key.default)),
        Kind::Text(_) if !key.default.is_empty() => Some(Value::from(key.default)),
        Kind::Text(_)
        | Kind::Names
        | Kind::Texts
        | Kind::Anything
        | Kind::Block(_)
        | Kind::Blocks(_)
        | Kind::TextOrBlock(_) => None,
    }
}

fn of_kind(kind: Kind) -> Value {
    match kind {
        Kind::Whole(Bounds { min, max, .. }) => {
            or_env(&json!({ "type": "integer", "minimum": min, "maximum": max }))
        }
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Text(emptiness) => text(emptiness),
        Kind::Choice(words) => or_env(&json!({ "enum": words })),
        Kind::Names => json!({ "type": "array", "items": text(Emptiness::Refused) }),
        Kind::Texts => {
            let value = text(Emptiness::Allowed);
            json!({ "type": "object", "additionalProperties": value })
        }
        Kind::Anything => json!({}),
        Kind::Block(keys) => block(keys),
        Kind::Blocks(keys) => json!({ "type": "array", "items": block(keys) }),
        Kind::TextOrBlock(keys) => {
            let reference = json!({ "$ref": "#/definitions/env" });
            json!({ "anyOf": [{ "type": "string" }, reference, block(keys)] })
        }
    }
}

fn text(emptiness: Emptiness) -> Value {
    match emptiness {
        Emptiness::Allowed => or_env(&json!({ "type": "string" })),
        Emptiness::Refused => or_env(&json!({ "type": "string", "minLength": 1 })),
    }
}

fn or_env(value: &Value) -> Value {
    json!({ "anyOf": [value, { "$ref": "#/definitions/env" }] })
}
