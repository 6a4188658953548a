//! Which coordinator a file asks for: known by the name of its class, or a Python class of the user's.

use serde_json::{Map, Value as Json};

use crate::code::Code;
use crate::hooks::PythonClass;
use crate::instance::Coordinator;
use crate::keys::{COORDINATOR, Key, OTHER_COORDINATOR, PLAIN_COORDINATOR, RUN_QUEUE};
use crate::problem::quoted;
use crate::record::{Record, Setting};
use crate::walk::Walk;
use crate::yaml::Node;

const PATH: &str = "run_coordinator";
const CONFIG_PATH: &str = "run_coordinator.config";

/// The package of which all coordinators are known.
const DAGSTER: &str = "dagster";

/// Python packages that are known to bring coordinators of the known names.
const PACKAGES: [&str; 2] = [DAGSTER, "clt_queued_run_coordinator"];

/// What a file says of the coordinator.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) coordinator: Option<Setting<Coordinator>>,
    /// The Python class, if it is none of the known ones.
    pub(crate) class: Option<PythonClass>,
    /// The settings of the queue.
    pub(crate) queue: Option<Record>,
}

/// Reads the block.
pub(crate) fn read(walk: &mut Walk<'_, '_, '_>, node: &Node) -> Option<Said> {
    let record = walk.block(node, PATH, keys_for(node))?;
    let class = record.text("class")?;
    if let Some(coordinator) = Coordinator::of_class(&class.value) {
        warn_of_module(walk, &record, &class.value);
        let queue = record.block("config").cloned();
        let coordinator = Some(class.map(|_| coordinator));
        return Some(Said { coordinator, class: None, queue });
    }
    if refuses_class(walk, &record, &class.value) {
        return None;
    }
    let module = record.text("module")?.value;
    let config = config_of_class(walk, &record)?;
    let queue = node.get("config").map(|node| walk.known_part(node, CONFIG_PATH, RUN_QUEUE));
    let python = PythonClass { module, class: class.value.clone(), config };
    let coordinator = Some(class.map(|_| Coordinator::Custom));
    Some(Said { coordinator, class: Some(python), queue })
}

/// Returns what is handed to a class of the user's, as it is written.
fn config_of_class(walk: &mut Walk<'_, '_, '_>, record: &Record) -> Option<Json> {
    match record.anything("config") {
        None | Some(Json::Null) => Some(Json::Object(Map::new())),
        Some(config @ Json::Object(_)) => Some(config),
        Some(_) => {
            let span = record.given("config")?.span;
            let message = format!("`{CONFIG_PATH}` must be a map");
            let hint = "write the keys that the class takes, or remove it";
            walk.reader.refuse_as(Code::WrongType, span, message, hint);
            None
        }
    }
}

/// What may stand under `config` depends on the class.
fn keys_for(node: &Node) -> &'static [Key] {
    let class = node.get("class").and_then(Node::as_text);
    match class.map(Coordinator::of_class) {
        Some(Some(coordinator)) if coordinator.has_queue() => COORDINATOR,
        Some(Some(_)) => PLAIN_COORDINATOR,
        Some(None) => OTHER_COORDINATOR,
        None => COORDINATOR,
    }
}

/// Notes a class that is misspelt, or that Dagster does not have; returns whether it was one.
fn refuses_class(walk: &mut Walk<'_, '_, '_>, record: &Record, class: &str) -> bool {
    let (Some(found), Some(module)) = (record.given("class"), record.text("module")) else {
        return true;
    };
    let known = Coordinator::CLASSES.map(|(name, _)| name);
    let package = module.value.split('.').next().unwrap_or("");
    let near = nearest_class(class, &known).filter(|_| PACKAGES.contains(&package));
    let hint = match near {
        Some(near) => format!("did you mean {near}?"),
        None if package == DAGSTER => format!("known classes: {}", known.join(", ")),
        None => return false,
    };
    let message = format!("the coordinator class {} is not known", quoted(class));
    walk.reader.refuse_as(Code::UnknownChoice, found.span, message, hint);
    true
}

/// A class of one's own is often named after the one it extends, so only a slip of the pen counts.
fn nearest_class<'k>(class: &str, known: &[&'k str]) -> Option<&'k str> {
    const SLIP: usize = 2;
    /// No known name is as long, and comparing longer ones costs.
    const LONGEST: usize = 60;
    if class.len() > LONGEST {
        return None;
    }
    let class = class.to_ascii_lowercase();
    let is_near = |name: &&&str| {
        let name = name.to_ascii_lowercase();
        let extends_it = class != name && class.ends_with(&name);
        !extends_it && strsim::damerau_levenshtein(&class, &name) <= SLIP
    };
    known.iter().find(is_near).copied()
}

/// Warns if a class is taken for Dagster's though its module is somebody else's.
fn warn_of_module(walk: &mut Walk<'_, '_, '_>, record: &Record, class: &str) {
    let (Some(module), Some(found)) = (record.text("module"), record.given("module")) else {
        return;
    };
    let package = module.value.split('.').next().unwrap_or("");
    if !PACKAGES.contains(&package) {
        walk.reader.warn(
            Code::TakenByName,
            found.span,
            format!("{class} is taken for the known class of that name"),
            "the class in this module is not run",
        );
    }
}
