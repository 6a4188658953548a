//! Which coordinator a file asks for: known by the name of its class.

use crate::code::Code;
use crate::instance::Coordinator;
use crate::keys::{COORDINATOR, Key, OTHER_COORDINATOR, PLAIN_COORDINATOR};
use crate::problem::quoted;
use crate::record::{Record, Setting};
use crate::walk::Walk;
use crate::yaml::Node;

const PATH: &str = "run_coordinator";

/// Python packages that are known to bring coordinators of these names.
const PACKAGES: [&str; 2] = ["dagster", "clt_queued_run_coordinator"];

/// Reads the block: the coordinator, and the settings of the queue if it has one.
pub(crate) fn read(
    walk: &mut Walk<'_, '_, '_>,
    node: &Node,
) -> Option<(Setting<Coordinator>, Option<Record>)> {
    let record = walk.block(node, PATH, keys_for(node))?;
    let class = record.text("class")?;
    let Some(coordinator) = Coordinator::of_class(&class.value) else {
        refuse_class(walk, &record, &class.value);
        return None;
    };
    warn_of_module(walk, &record, &class.value);
    let config = record.block("config").cloned();
    Some((class.map(|_| coordinator), config))
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

fn refuse_class(walk: &mut Walk<'_, '_, '_>, record: &Record, class: &str) {
    let Some(found) = record.given("class") else {
        return;
    };
    let known = Coordinator::CLASSES.map(|(name, _)| name);
    let hint = match nearest_class(class, &known) {
        Some(near) => format!("did you mean {near}?"),
        None => format!(
            "known classes: {}. What one of your own does when a run is submitted can be said under \
             `submission_hooks`",
            known.join(", ")
        ),
    };
    let message = format!("the coordinator class {} is not known", quoted(class));
    walk.reader.refuse_as(Code::UnknownChoice, found.span, message, hint);
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
