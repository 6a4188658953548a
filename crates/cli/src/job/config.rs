//! The config of a run, as the command line gives it: files, of which a later one wins, or JSON.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ::config::MAX_FILE_BYTES;
use ::config::yaml::{self, Node, Value};
use clap::Args;
use serde_json::Value as Json;

use crate::failure::Failure;

/// Where the config of a run comes from.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// The config of the run: a file of JSON or YAML, or - for standard input; of several, key by key,
    /// the last one wins
    #[arg(short, long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// The config of the run as JSON
    #[arg(long, value_name = "JSON", value_parser = json_object, conflicts_with = "config")]
    config_json: Option<Json>,
}

impl ConfigArgs {
    /// Reads the config; nothing, if none is given.
    pub(crate) fn read(&self) -> Result<Option<Json>, Failure> {
        let mut merged = self.config_json.clone();
        for path in &self.config {
            let file = read_config(path)?;
            match (&mut merged, file) {
                (Some(known), file @ Json::Object(_)) if known.is_object() => merge(known, file),
                (Some(_), _) => {
                    return Err(Failure::input(
                        format!("{} cannot be merged: it is no map", path.display()),
                        "of several files of config each must be a map",
                    ));
                }
                (None, file) => merged = Some(file),
            }
        }
        Ok(merged)
    }
}

/// Sets one config over another: maps are merged key by key, anything else is replaced.
fn merge(under: &mut Json, over: Json) {
    match (under, over) {
        (Json::Object(under), Json::Object(over)) => {
            for (key, value) in over {
                merge(under.entry(key).or_insert(Json::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

fn json_object(text: &str) -> Result<Json, String> {
    let value: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if value.is_object() { Ok(value) } else { Err("it must be a JSON object".to_owned()) }
}

/// Reads a config; JSON is YAML too.
fn read_config(path: &Path) -> Result<Json, Failure> {
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { "<stdin>".to_owned() } else { path.display().to_string() };
    let read = || -> std::io::Result<Vec<u8>> {
        let input: Box<dyn Read> =
            if is_stdin { Box::new(std::io::stdin()) } else { Box::new(File::open(path)?) };
        let mut bytes = Vec::new();
        input.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| Failure::Input {
        message: format!("cannot read {name}: {error}"),
        hint: None,
    })?;
    let unread = |message: String| Failure::Input { message, hint: None };
    let document = yaml::parse(&name, &bytes).map_err(|problems| unread(problems.to_string()))?;
    to_json(&document.root).map_err(|problem| unread(format!("{name}: {problem}")))
}

fn to_json(node: &Node) -> Result<Json, String> {
    Ok(match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value) => serde_json::Number::from_f64(*value)
            .ok_or_else(|| format!("{value} cannot be said in JSON; put it in quotes"))?
            .into(),
        Value::Text(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(to_json).collect::<Result<_, _>>()?,
        Value::Map(entries) => {
            let mut map = serde_json::Map::new();
            for entry in entries {
                let key = entry.key.as_text().ok_or("every key must be text; put it in quotes")?;
                if map.insert(key.to_owned(), to_json(&entry.value)?).is_some() {
                    return Err(format!("the key `{key}` is there twice"));
                }
            }
            map.into()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Result<String, String> {
        let document = yaml::parse("x", text.as_bytes()).map_err(|error| error.to_string())?;
        to_json(&document.root).map(|value| value.to_string())
    }

    #[test]
    fn a_config_is_read_from_yaml_and_from_json() {
        let expected = r#"{"ops":{"load":[1,2.5,true,null,"x"]}}"#;
        assert_eq!(json("ops:\n  load: [1, 2.5, yes, ~, x]\n"), Ok(expected.to_owned()));
        assert_eq!(json(expected), Ok(expected.to_owned()));
        assert_eq!(json("{a: 1, a: 2}"), Err("the key `a` is there twice".to_owned()));
        assert!(json("a: .nan").is_err());
        assert!(json("{1: a}").is_err());
    }

    #[test]
    fn of_two_configs_the_later_wins_key_by_key() {
        let mut merged = serde_json::json!({"x": {"k": "a", "l": [1], "a": 1}, "y": {"z": 1}});
        merge(&mut merged, serde_json::json!({"x": {"k": "b", "l": [2], "b": 1}, "y": 2}));
        // What Dagster makes of the same two files.
        let expected = serde_json::json!({"x": {"k": "b", "l": [2], "a": 1, "b": 1}, "y": 2});
        assert_eq!(merged, expected);
    }
}
