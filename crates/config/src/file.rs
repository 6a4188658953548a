//! From a file, or from blocks of another file, to the settings.

use crate::code::Code;
use crate::coordinator::{self, Said};
use crate::hooks::PythonClass;
use crate::instance::{Coordinator, InstanceConfig};
use crate::keys::{CONCURRENCY, Effect, Key, ROOT, RUN_QUEUE};
use crate::problem::{Problem, Problems};
use crate::reader::{Fields, Reader};
use crate::record::{Datum, Found, Record, Setting};
use crate::resolve;
use crate::source::{Source, Span};
use crate::walk::{Lookup, Walk, is_not_used};
use crate::yaml::{self, Node, Value};

/// The blocks of one file, checked each by itself.
#[derive(Debug)]
pub(crate) struct Blocks {
    /// The keys of the whole file, without the coordinator.
    pub(crate) root: Record,
    /// What happens to a submitted run, if something says it.
    pub(crate) coordinator: Option<Setting<Coordinator>>,
    /// The Python class that says it, if it is one of the user's.
    pub(crate) class: Option<PythonClass>,
    /// The settings of the queue and how they are called.
    pub(crate) queue: Option<(Record, &'static str)>,
}

impl InstanceConfig {
    /// Reads a `pointsman.yaml` or `dagster.yaml`; beside the settings it returns warnings.
    ///
    /// # Errors
    /// Everything that is wrong in the file.
    pub fn read(
        file_name: &str,
        bytes: &[u8],
        env: Lookup<'_>,
    ) -> Result<(Self, Vec<Problem>), Problems> {
        let document = yaml::parse(file_name, bytes)?;
        let mut reader = Reader::new(&document.source);
        let blocks = read_root(&mut Walk::new(&mut reader, env), &document.root);
        let config = resolve::resolve(&mut reader, &blocks);
        Ok((config, reader.finish()?))
    }

    /// Returns the settings of a deployment without a configuration file.
    pub fn without_file() -> Self {
        let blocks =
            Blocks { root: Record::default(), coordinator: None, class: None, queue: None };
        resolve::resolve_checked(&blocks)
    }
}

/// Reads the blocks `run_queue` and `concurrency` where they stand in another file.
///
/// # Errors
/// Everything that is wrong in the two.
pub fn read_blocks(
    source: &Source,
    run_queue: Option<&Node>,
    concurrency: Option<&Node>,
    env: Lookup<'_>,
) -> Result<InstanceConfig, Problems> {
    let mut reader = Reader::new(source);
    let mut walk = Walk::new(&mut reader, env);
    let queue = run_queue.and_then(|node| walk.block(node, "run_queue", RUN_QUEUE));
    let mut root = Record::default();
    if let Some((node, record)) =
        concurrency.and_then(|node| Some((node, walk.block(node, "concurrency", CONCURRENCY)?)))
    {
        let found = Found {
            key_span: node.span,
            span: node.span,
            origin: walk.origin("concurrency".to_owned(), node.span, None),
            datum: Datum::Block(record),
        };
        root.fields.insert("concurrency", found);
    }
    let queue = queue.map(|record| (record, "run_queue"));
    let blocks = Blocks { root, coordinator: None, class: None, queue };
    let config = resolve::resolve(&mut reader, &blocks);
    reader.finish()?;
    Ok(config)
}

fn read_root(walk: &mut Walk<'_, '_, '_>, root: &Node) -> Blocks {
    let mut blocks = Blocks {
        root: Record { span: root.span, ..Record::default() },
        coordinator: None,
        class: None,
        queue: None,
    };
    if root.value == Value::Null {
        return blocks;
    }
    let Some(fields) = walk.reader.map(root, "the file") else {
        return blocks;
    };
    refuse_two_coordinators(walk.reader, &fields);
    let mut not_used = Vec::new();
    for (name, span, node) in fields.iter() {
        match name {
            "run_coordinator" => {
                let Said { coordinator, class, queue } =
                    coordinator::read(walk, node).unwrap_or_default();
                blocks.coordinator = coordinator;
                blocks.class = class;
                blocks.queue = queue.map(|record| (record, "run_coordinator.config"));
            }
            name if is_not_used(name) => not_used.push((span, name)),
            name => {
                if let Some((key, found)) = walk.entry(name, span, node, "", ROOT) {
                    blocks.root.fields.insert(key, found);
                }
            }
        }
    }
    if let Some(record) = blocks.root.block("run_queue").cloned() {
        blocks.queue = Some((record, "run_queue"));
    }
    warn_of_not_used(walk.reader, &not_used);
    warn_of_later(walk.reader, &blocks.root);
    blocks
}

fn refuse_two_coordinators(reader: &mut Reader<'_>, fields: &Fields<'_>) {
    let spans = (fields.key_span("run_queue"), fields.key_span("run_coordinator"));
    let (Some(queue), Some(coordinator)) = spans else {
        return;
    };
    let (later, earlier) =
        if queue > coordinator { (queue, coordinator) } else { (coordinator, queue) };
    let (line, _) = reader.source().position(earlier);
    reader.refuse_as(
        Code::Conflict,
        later,
        format!("`run_queue` and `run_coordinator` cannot both be given; see line {line}"),
        "`run_queue` is short for a QueuedRunCoordinator: keep one of the two",
    );
}

/// Warns once of all blocks of Dagster's that have no meaning here.
fn warn_of_not_used(reader: &mut Reader<'_>, blocks: &[(Span, &str)]) {
    let Some((first, _)) = blocks.iter().min() else {
        return;
    };
    let names: Vec<&str> = blocks.iter().map(|(_, name)| *name).collect();
    let message = format!("not used: {}", names.join(", "));
    let hint = "these blocks set up parts of Dagster that Pointsman does not have";
    reader.warn(Code::NotUsed, *first, message, hint);
}

/// Warns once of the keys whose use does not exist yet.
fn warn_of_later(reader: &mut Reader<'_>, root: &Record) {
    let is_later = |key: &&Key| key.effect == Effect::NotYet;
    let later: Vec<(Span, &str)> = ROOT
        .iter()
        .filter(is_later)
        .filter_map(|key| Some((root.given(key.name)?.key_span, key.name)))
        .collect();
    let Some((first, _)) = later.iter().min() else {
        return;
    };
    let names: Vec<&str> = later.iter().map(|(_, name)| *name).collect();
    let message = format!("without effect yet: {}", names.join(", "));
    let hint = "these blocks are read and checked; what will use them does not exist yet";
    reader.warn(Code::NoEffect, *first, message, hint);
}
