//! The key table, the settings that are shown, the schema and the reference page say the same.

use std::collections::{BTreeMap, BTreeSet};

use pointsman_config::{Code, InstanceConfig, Origin, keys, reference, schema};
use serde_json::Value;

/// Keys that have no setting of their own: older places, and what only names a class.
const NOT_SHOWN: [&str; 5] = [
    "concurrency.default_op_concurrency_limit",
    "run_queue.max_concurrent_runs",
    "run_queue.tag_concurrency_limits",
    "run_queue.block_op_concurrency_limited_runs.op_concurrency_slot_buffer",
    "run_coordinator.module",
];

fn all_leaves() -> BTreeMap<String, &'static keys::Key> {
    keys::leaves(keys::ROOT, "")
        .into_iter()
        .filter(|(path, _)| !path.starts_with("run_coordinator.config."))
        .collect()
}

#[test]
fn every_key_is_shown_under_the_name_in_the_table() {
    let rows = InstanceConfig::without_file().rows();
    let shown: BTreeSet<&str> = rows.iter().map(|row| row.key).collect();
    let leaves = all_leaves();
    let wanted: BTreeSet<&str> =
        leaves.keys().map(String::as_str).filter(|path| !NOT_SHOWN.contains(path)).collect();
    assert_eq!(shown, wanted);
    assert!(rows.iter().all(|row| row.origin == Origin::Default));
}

#[test]
fn the_defaults_of_the_table_are_those_in_force() {
    let leaves = all_leaves();
    for row in InstanceConfig::without_file().rows() {
        let stated = match leaves.get(row.key) {
            Some(key) if row.key == "run_coordinator.class" => {
                assert_eq!(key.default, "");
                continue;
            }
            Some(key) => key.default,
            None => "",
        };
        let shown = match &row.value {
            Value::Null => continue,
            Value::Array(items) if items.is_empty() => "none".to_owned(),
            Value::String(text) => text.clone(),
            value @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                value.to_string()
            }
        };
        assert_eq!(shown, stated, "{}", row.key);
    }
}

#[test]
fn the_schema_has_every_key_and_no_other() {
    let schema = schema();
    let properties = &schema["properties"];
    for (path, _) in all_leaves() {
        let mut at = properties;
        for (index, part) in path.split('.').enumerate() {
            at = if index == 0 { &at[part] } else { &at["properties"][part] };
            assert!(at.is_object(), "{path}");
        }
        assert!(at["description"].is_string(), "{path}");
    }
    assert_eq!(schema["additionalProperties"], Value::Bool(false));
    assert!(properties["storage"].is_object());
}

#[test]
fn the_schema_takes_an_empty_file_and_knows_the_coordinators() {
    let schema = schema();
    assert_eq!(schema["type"], serde_json::json!(["object", "null"]));
    let coordinator = &schema["properties"]["run_coordinator"];
    assert_eq!(
        coordinator["properties"]["class"]["anyOf"],
        serde_json::json!([
            { "enum": [
                "QueuedRunCoordinator",
                "CLTQueuedRunCoordinator",
                "CodeLocationTaggingQueuedRunCoordinator",
                "DefaultRunCoordinator",
                "SyncInMemoryRunCoordinator",
            ] },
            { "type": "string", "minLength": 1 },
            { "$ref": "#/definitions/env" },
        ])
    );
    assert_eq!(
        coordinator["if"],
        serde_json::json!({
            "properties": {
                "class": { "enum": ["DefaultRunCoordinator", "SyncInMemoryRunCoordinator"] },
            },
            "required": ["class"],
        })
    );
    assert_eq!(
        coordinator["then"],
        serde_json::json!({
            "properties": {
                "config": { "type": "object", "properties": {}, "additionalProperties": false },
            },
        })
    );
    let queued = &coordinator["else"]["then"]["properties"]["config"];
    assert_eq!(queued["additionalProperties"], false, "a slip in the keys of the queue is seen");
    let config = &coordinator["properties"]["config"];
    assert!(config["properties"]["max_concurrent_runs"].is_object());
    assert!(config["additionalProperties"].is_null(), "a class of the user's has keys of its own");
}

#[test]
fn every_key_that_must_be_given_has_an_example_that_can_be_read() {
    fn check(table: &[keys::Key]) {
        for key in table {
            let is_required = key.presence == keys::Presence::Required;
            assert_eq!(is_required, !key.example.is_empty(), "{}", key.name);
            if let keys::Kind::Block(inner)
            | keys::Kind::Blocks(inner)
            | keys::Kind::TextOrBlock(inner) = key.kind
            {
                check(inner);
            }
        }
    }
    check(keys::ROOT);
    let example = |table: &[keys::Key]| {
        let required = table.iter().filter(|key| !key.example.is_empty());
        let entries: Vec<String> =
            required.map(|key| format!("{}: {}", key.name, key.example)).collect();
        format!("{{{}}}", entries.join(", "))
    };
    let file = format!(
        "run_coordinator: {}\nsubmission_hooks: [{{tag: {}}}]\nconcurrency: {{runs: \
         {{tag_concurrency_limits: [{}, {{key: each, value: {}, limit: 1}}]}}}}\n",
        example(keys::COORDINATOR),
        example(keys::TAG_RULE),
        example(keys::TAG_LIMIT),
        example(keys::TAG_VALUE),
    );
    let read = InstanceConfig::read("example", file.as_bytes(), &|_| None);
    assert!(read.is_ok(), "{file}{read:?}");
}

#[test]
fn the_reference_page_names_every_code() {
    let page = reference();
    for code in Code::ALL {
        assert!(page.contains(&format!("`{}`", code.word())), "{code:?}");
    }
}

#[test]
fn the_reference_page_is_fresh() {
    let written = include_str!("../../../docs/configuration.md");
    assert_eq!(
        written,
        reference(),
        "write it anew: pointsman config docs > docs/configuration.md"
    );
}

#[test]
fn the_examples_of_the_reference_page_can_be_read() {
    let page = reference();
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 2);
    for block in blocks {
        let env = |name: &str| (name == "MAX_RUNS").then(|| "3".to_owned());
        let read = InstanceConfig::read("example", block.as_bytes(), &env);
        let warnings = read.map(|(_, warnings)| warnings);
        assert_eq!(warnings, Ok(Vec::new()), "{block}");
    }
}
