//! Reads scenario files. Whatever the format does not know is an error, never ignored.

use std::collections::{BTreeMap, BTreeSet};

use config::yaml::{Document, Node, parse};
use config::{Fields, Problems, Reader};
use model::RunStatus;

use super::script::{NewRun, PlayScript, Rules, Scenario, Script, SettingsScript, Step};
use super::values::{Naming, Values, plain_text};
use super::{settings, steps};

/// Reads the scenarios of one file; `known` are the ids of those that were read before, and gets
/// those of this file.
///
/// # Errors
/// Every place where the file is malformed.
pub fn read(
    file_name: &str,
    bytes: &[u8],
    known: &mut BTreeSet<String>,
) -> Result<Vec<Scenario>, Problems> {
    let Document { source, root } = parse(file_name, bytes)?;
    let mut reader = Reader::new(&source);
    let entries = reader.list(&root, "a scenario file").unwrap_or_default();
    let scenarios: Vec<Scenario> =
        entries.iter().filter_map(|entry| scenario(&mut reader, entry, known)).collect();
    reader.finish()?;
    Ok(scenarios)
}

/// The keys of a kind of scenario beside `id`, `kind` and `mended`, and how it is read.
struct Kind {
    name: &'static str,
    keys: &'static [&'static str],
    read: fn(&mut Reader<'_>, &Fields<'_>) -> Option<Script>,
}

const KINDS: [Kind; 3] = [
    Kind { name: "queue", keys: &["config", "concurrency", "pool_limits", "steps"], read: queue },
    Kind { name: "pool", keys: &["concurrency", "steps"], read: pool },
    Kind { name: "config", keys: &["yaml", "expect", "resolved"], read: settings },
];

fn scenario(
    reader: &mut Reader<'_>,
    entry: &Node,
    known: &mut BTreeSet<String>,
) -> Option<Scenario> {
    let fields = reader.map(entry, "a scenario")?;
    let id = id(reader, &fields, known);
    if let Some(mended) = fields.get("mended") {
        reader.int(mended, "`mended`");
    }
    let node = reader.required(&fields, "kind", "a scenario")?;
    let name = reader.text(node, "`kind`")?;
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        let message = format!("there is no kind of scenario `{name}`");
        let known = KINDS.map(|kind| kind.name).join(", ");
        reader.refuse_with_hint(node.span, message, format!("known kinds: {known}"));
        return None;
    };
    let keys = [&["id", "kind", "mended"], kind.keys].concat();
    reader.map_of(entry, &format!("a scenario of kind {name}"), &keys);
    let script = (kind.read)(reader, &fields);
    Some(Scenario { id: id?, script: script? })
}

fn id(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    known: &mut BTreeSet<String>,
) -> Option<String> {
    let node = reader.required(fields, "id", "a scenario")?;
    let id = reader.text(node, "`id`")?;
    if !known.insert(id.to_owned()) {
        reader.refuse(node.span, format!("there is a scenario `{id}` already"));
    }
    Some(id.to_owned())
}

fn queue(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Script> {
    let rules = rules(reader, fields);
    let mut values = Values::new(reader, Naming::ByAdding);
    let none = Vec::new();
    let limits = values.optional(fields, "pool_limits", none, |values, node| {
        values.pool_limits(node, "`pool_limits`")
    });
    let played = steps(&mut values, fields, &steps::OF_QUEUE, steps::of_queue);
    let steps = std::iter::once(Step::SetPoolLimit(limits?)).chain(played?).collect();
    Some(Script::Play(PlayScript { rules: rules?, steps }))
}

/// The runs of a pool scenario stand in no queue: each is in progress from the beginning.
fn pool(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Script> {
    let rules = rules(reader, fields);
    let mut values = Values::new(reader, Naming::ByNaming);
    let played = steps(&mut values, fields, &steps::OF_POOL, steps::of_pool);
    let runs = values.into_runs().into_iter();
    let runs: Option<Vec<NewRun>> =
        runs.map(|run| NewRun::plain(run, RunStatus::Started)).collect();
    let steps = std::iter::once(Step::Add(runs?)).chain(played?).collect();
    Some(Script::Play(PlayScript { rules: rules?, steps }))
}

/// Takes the steps: each a map with one key, its name.
fn steps(
    values: &mut Values<'_, '_>,
    fields: &Fields<'_>,
    names: &[&str],
    step: fn(&mut Values<'_, '_>, &str, &Node) -> Option<Step>,
) -> Option<Vec<Step>> {
    let node = values.reader.required(fields, "steps", "a scenario")?;
    let known = [names, &steps::COMMON].concat();
    values.list(node, "`steps`", |values, node| {
        let fields = values.reader.map_of(node, "a step", &known)?;
        let mut parts = fields.iter();
        match (parts.next(), parts.next()) {
            (Some((name, _, node)), None) if known.contains(&name) => step(values, name, node),
            (Some(_), None) => None,
            _ => {
                values.reader.refuse(node.span, "a step must be a map with one key, its name");
                None
            }
        }
    })
}

fn settings(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Script> {
    let yaml = reader.required(fields, "yaml", "a scenario of kind config")?;
    let yaml = reader.text(yaml, "`yaml`")?.to_owned();
    let expect = reader.required(fields, "expect", "a scenario of kind config")?;
    let mut values = Values::new(reader, Naming::ByAdding);
    let is_ok = values.word(expect, "`expect`", &[("ok", true), ("error", false)])?;
    let resolved = values.optional(fields, "resolved", BTreeMap::new(), resolved)?;
    Some(Script::Settings(SettingsScript { yaml, expected: is_ok.then_some(resolved) }))
}

fn resolved(values: &mut Values<'_, '_>, node: &Node) -> Option<BTreeMap<String, String>> {
    let fields = values.reader.map_of(node, "`resolved`", &settings::RESOLVED)?;
    let mut resolved = BTreeMap::new();
    for (key, _, node) in fields.iter() {
        let Some(text) = plain_text(node) else {
            values.reader.refuse_kind(node, &format!("`{key}`"), "a single value");
            return None;
        };
        resolved.insert(key.to_owned(), text);
    }
    Some(resolved)
}

/// Takes the blocks `config` (the keys of `run_queue`) and `concurrency`, as they would stand in a
/// configuration file.
pub(super) fn rules(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Rules> {
    let blocks = (fields.get("config"), fields.get("concurrency"));
    match config::read_blocks(reader.source(), blocks.0, blocks.1, &|_| None) {
        Ok(config) => Some(Rules {
            settings: config.settings(),
            max_user_code_failure_retries: config.queue.max_user_code_failure_retries.value,
            user_code_failure_retry_delay: config.queue.user_code_failure_retry_delay.value,
        }),
        Err(problems) => {
            reader.absorb(&problems);
            None
        }
    }
}
