//! Which op comes after which: every name is that of another op, and nothing waits for itself.

use std::collections::{BTreeMap, BTreeSet};

use config::{Code, Reader, Span, near_names, quoted};

use super::op::Op;

/// How many ops of a cycle are named.
const NAMED: usize = 10;

/// Notes names in `after` that are of no op, are given twice or make a cycle.
pub(super) fn check(reader: &mut Reader<'_>, ops: &[Op<'_>]) {
    let index: BTreeMap<&str, usize> =
        ops.iter().enumerate().map(|(index, op)| (op.key, index)).collect();
    let before: Vec<Vec<(usize, Span)>> =
        ops.iter().map(|op| ops_before(reader, op, &index)).collect();
    for cycle in cycles(&before) {
        refuse_cycle(reader, ops, &cycle);
    }
}

/// Returns the ops that an op comes after, as far as there are such ops.
fn ops_before(
    reader: &mut Reader<'_>,
    op: &Op<'_>,
    index: &BTreeMap<&str, usize>,
) -> Vec<(usize, Span)> {
    let mut seen = BTreeSet::new();
    let mut before = Vec::new();
    for (name, span) in &op.after {
        if *name == op.key {
            let message = format!("the op {} is after itself", quoted(name));
            reader.refuse_as(Code::Conflict, *span, message, "name the ops that it waits for");
        } else if !seen.insert(*name) {
            let message = format!("the op {} is named twice", quoted(name));
            reader.refuse_as(Code::WrongValue, *span, message, "name it once");
        } else if let Some(found) = index.get(name) {
            before.push((*found, *span));
        } else {
            refuse_unknown(reader, name, *span, op.key, index);
        }
    }
    before
}

fn refuse_unknown(
    reader: &mut Reader<'_>,
    name: &str,
    span: Span,
    own: &str,
    index: &BTreeMap<&str, usize>,
) {
    let message = format!("the job has no op {}", quoted(name));
    // Comparing with every name costs; what is not told needs no hint.
    let others = index.keys().copied().filter(|known| *known != own);
    let near = if reader.is_full() { Vec::new() } else { near_names(name, others) };
    let hint = match near.as_slice() {
        [] => "`after` names ops of the same job".to_owned(),
        [nearest, ..] => format!("did you mean {}?", quoted(nearest)),
    };
    reader.refuse_as(Code::UnknownChoice, span, message, hint);
}

/// An op on a cycle, with the place where it names the next.
type Link = (usize, Span);

/// Finds cycles that have no op in common, so that each op is in at most one.
fn cycles(before: &[Vec<Link>]) -> Vec<Vec<Link>> {
    let mut is_open = vec![true; before.len()];
    let mut waits_for: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut behind = vec![Vec::new(); before.len()];
    for (op, links) in before.iter().enumerate() {
        for (earlier, _) in links {
            behind[*earlier].push(op);
        }
    }
    let mut free: Vec<usize> = (0..before.len()).filter(|op| waits_for[*op] == 0).collect();
    let mut next = 0;
    let mut cycles = Vec::new();
    loop {
        while let Some(op) = free.pop() {
            is_open[op] = false;
            for later in &behind[op] {
                waits_for[*later] -= 1;
                if waits_for[*later] == 0 && is_open[*later] {
                    free.push(*later);
                }
            }
        }
        while next < before.len() && !is_open[next] {
            next += 1;
        }
        if next == before.len() {
            return cycles;
        }
        let cycle = walk(before, &is_open, next);
        for (op, _) in &cycle {
            is_open[*op] = false;
        }
        free.extend(cycle.iter().map(|(op, _)| *op));
        cycles.push(cycle);
    }
}

/// Walks from an op that is not free to those before it until one is met again. Each such op has
/// one before it that is not free either.
fn walk(before: &[Vec<Link>], is_open: &[bool], start: usize) -> Vec<Link> {
    let mut path: Vec<Link> = Vec::new();
    let mut place = BTreeMap::new();
    let mut op = start;
    while let Some((earlier, span)) = before[op].iter().find(|(earlier, _)| is_open[*earlier]) {
        place.insert(op, path.len());
        path.push((op, *span));
        op = *earlier;
        if let Some(from) = place.get(&op) {
            return path.split_off(*from);
        }
    }
    vec![(op, Span::default())]
}

fn refuse_cycle(reader: &mut Reader<'_>, ops: &[Op<'_>], cycle: &[Link]) {
    // Told from the op that stands first in the file, whichever the walk met first.
    let first = cycle.iter().enumerate().min_by_key(|(_, (op, _))| *op).map_or(0, |(at, _)| at);
    let around = || cycle.iter().cycle().skip(first);
    let Some((_, span)) = around().next() else {
        return;
    };
    let mut names: Vec<String> =
        around().take(cycle.len().min(NAMED)).map(|(op, _)| quoted(ops[*op].key)).collect();
    if cycle.len() > NAMED {
        names.push(format!("{} more", cycle.len() - NAMED));
    }
    names.extend(names.first().cloned());
    let message = format!("ops wait for each other: {}", names.join(" after "));
    reader.refuse_as(Code::Conflict, *span, message, "remove one of these names from its `after`");
}
