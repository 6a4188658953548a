//! The values that steps are made of: run names, pools, tags, limits, each checked where it stands.

use std::collections::BTreeSet;

use config::yaml::{Node, Value};
use config::{Fields, Reader, Span};
use model::{Demand, IdError, PoolLimit, PoolName, Priority, RunStatus, Slots, StepKey, Tags};

use super::script::RunName;

/// Takes values out of nodes and notes in the reader what is wrong with them.
pub(super) struct Values<'r, 's> {
    pub(super) reader: &'r mut Reader<'s>,
    runs: BTreeSet<RunName>,
    naming: Naming,
    /// The last instant, in seconds since the scenario began.
    now: i64,
}

/// How runs get their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// A run must be added before it is named.
    ByAdding,
    /// A run exists because it is named.
    ByNaming,
}

impl<'r, 's> Values<'r, 's> {
    pub(super) fn new(reader: &'r mut Reader<'s>, naming: Naming) -> Self {
        Self { reader, runs: BTreeSet::new(), naming, now: 0 }
    }

    /// Returns the names of all runs so far.
    pub(super) fn into_runs(self) -> BTreeSet<RunName> {
        self.runs
    }

    /// Takes the name of a run that is added here.
    pub(super) fn new_run(&mut self, node: &Node) -> Option<RunName> {
        let name = self.reader.text(node, "a run id")?.to_owned();
        if !self.runs.insert(name.clone()) {
            self.reader.refuse(node.span, format!("there is a run `{name}` already"));
        }
        Some(name)
    }

    /// Takes the name of a run that exists.
    pub(super) fn run(&mut self, node: &Node) -> Option<RunName> {
        let name = self.reader.text(node, "a run id")?;
        self.known_run(name, node.span)
    }

    fn known_run(&mut self, name: &str, span: Span) -> Option<RunName> {
        match self.naming {
            Naming::ByNaming => drop(self.runs.insert(name.to_owned())),
            Naming::ByAdding if self.runs.contains(name) => {}
            Naming::ByAdding => {
                self.reader.refuse(span, format!("no run `{name}` was added before"));
                return None;
            }
        }
        Some(name.to_owned())
    }

    /// Takes a list, each item by `item`; none if any of them is wrong.
    pub(super) fn list<T>(
        &mut self,
        node: &Node,
        what: &str,
        mut item: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.reader.list(node, what)?;
        let taken: Vec<Option<T>> = items.iter().map(|node| item(self, node)).collect();
        taken.into_iter().collect()
    }

    pub(super) fn runs(&mut self, node: &Node, what: &str) -> Option<Vec<RunName>> {
        self.list(node, what, Self::run)
    }

    /// Takes a map from runs to values, each value by `value`.
    pub(super) fn by_run<T>(
        &mut self,
        node: &Node,
        what: &str,
        mut value: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Option<Vec<(RunName, T)>> {
        let fields = self.reader.map(node, what)?;
        let taken: Vec<Option<(RunName, T)>> = fields
            .iter()
            .map(|(run, span, node)| self.known_run(run, span).zip(value(self, node)))
            .collect();
        taken.into_iter().collect()
    }

    pub(super) fn status(&mut self, node: &Node) -> Option<RunStatus> {
        let text = self.reader.text(node, "a status")?;
        let status = RunStatus::from_name(text);
        if status.is_none() {
            let known = RunStatus::ALL.map(RunStatus::as_str).join(", ");
            let message = format!("there is no status `{text}`");
            self.reader.refuse_with_hint(node.span, message, format!("known statuses: {known}"));
        }
        status
    }

    pub(super) fn tags(&mut self, node: &Node) -> Option<Tags> {
        let fields = self.reader.map(node, "`tags`")?;
        let tags: Vec<Option<(&str, &str)>> = fields
            .iter()
            .map(|(key, _, value)| Some((key, self.reader.text(value, "the value of a tag")?)))
            .collect();
        tags.into_iter().collect::<Option<Vec<_>>>().map(Tags::from_iter)
    }

    /// Takes a priority as a scenario writes it: a whole number.
    pub(super) fn priority(&mut self, node: &Node) -> Option<Priority> {
        let number = self.reader.int(node, "a priority")?;
        let priority = i32::try_from(number).ok().map(Priority::new);
        if priority.is_none() {
            self.reader.refuse(node.span, format!("priority {number} does not fit into 32 bits"));
        }
        priority
    }

    pub(super) fn pool(&mut self, node: &Node) -> Option<PoolName> {
        let text = self.reader.text(node, "a pool")?;
        self.name(node.span, PoolName::new(text))
    }

    pub(super) fn step_key(&mut self, node: &Node) -> Option<StepKey> {
        let text = self.reader.text(node, "a step")?;
        self.name(node.span, StepKey::new(text))
    }

    pub(super) fn name<T>(&mut self, span: Span, name: Result<T, IdError>) -> Option<T> {
        match name {
            Ok(name) => Some(name),
            Err(error) => {
                self.reader.refuse(span, error.to_string());
                None
            }
        }
    }

    /// Takes a map from pools to their limits.
    pub(super) fn pool_limits(
        &mut self,
        node: &Node,
        what: &str,
    ) -> Option<Vec<(PoolName, PoolLimit)>> {
        let limits = self.by_pool(node, what)?;
        let limits = limits.into_iter().map(|(pool, n)| Some((pool, self.pool_limit(node, n)?)));
        limits.collect()
    }

    pub(super) fn pool_limit(&mut self, node: &Node, number: i64) -> Option<PoolLimit> {
        let limit = PoolLimit::new(number);
        if let Err(error) = limit {
            self.reader.refuse(node.span, error.to_string());
        }
        limit.ok()
    }

    /// Takes an instant: whole seconds since the scenario began, never before the last one.
    pub(super) fn instant(&mut self, node: &Node) -> Option<i64> {
        let at = self.reader.int(node, "`at`")?;
        if at < self.now {
            self.reader.refuse(node.span, format!("{at} is before the last instant, {}", self.now));
        }
        self.now = at;
        Some(at)
    }

    /// Takes a map from pools to whole numbers.
    pub(super) fn by_pool(&mut self, node: &Node, what: &str) -> Option<Vec<(PoolName, i64)>> {
        let fields = self.reader.map(node, what)?;
        let taken: Vec<Option<(PoolName, i64)>> = fields
            .iter()
            .map(|(pool, span, node)| {
                let pool = self.name(span, PoolName::new(pool));
                pool.zip(self.reader.int(node, "a number of slots"))
            })
            .collect();
        taken.into_iter().collect()
    }

    /// Takes what one step wants: a pool, for one slot of it, or a map from pools to slots.
    pub(super) fn demand(&mut self, node: &Node) -> Option<Demand> {
        if node.as_text().is_some() {
            return self.pool(node).map(Demand::one);
        }
        let wanted = self.by_pool(node, "a demand")?;
        let slots: Vec<Option<(PoolName, Slots)>> = wanted
            .into_iter()
            .map(|(pool, slots)| {
                let wanted = u32::try_from(slots).ok().and_then(Slots::new);
                if wanted.is_none() {
                    let message = format!("a step cannot want {slots} slots of pool {pool}");
                    self.reader.refuse(node.span, message);
                }
                Some((pool, wanted?))
            })
            .collect();
        slots.into_iter().collect()
    }

    /// Takes the names of limits, as an explanation names them.
    pub(super) fn limits(&mut self, node: &Node) -> Option<BTreeSet<String>> {
        let names = self.list(node, "a list of limits", |values, node| {
            values.reader.text(node, "the name of a limit").map(str::to_owned)
        })?;
        Some(names.into_iter().collect())
    }

    pub(super) fn count(&mut self, node: &Node, what: &str) -> Option<usize> {
        let number = self.reader.int(node, what)?;
        let count = usize::try_from(number).ok();
        if count.is_none() {
            self.reader.refuse(node.span, format!("{what} cannot be negative"));
        }
        count
    }

    /// Takes one of several words.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: &Node,
        what: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let text = self.reader.text(node, what)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("{what} cannot be `{text}`");
            self.reader.refuse_with_hint(
                node.span,
                message,
                format!("one of: {}", known.join(", ")),
            );
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// Takes a list of exactly `N` items.
    pub(super) fn items<'n, const N: usize>(
        &mut self,
        node: &'n Node,
        form: &str,
    ) -> Option<&'n [Node; N]> {
        let items = self.reader.list(node, form)?;
        let taken = items.try_into().ok();
        if taken.is_none() {
            self.reader.refuse(node.span, format!("this must be {form}"));
        }
        taken
    }

    /// Takes an optional field; none only if it is there and wrong.
    pub(super) fn optional<T>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        absent: T,
        value: impl FnOnce(&mut Self, &Node) -> Option<T>,
    ) -> Option<T> {
        match fields.get(key) {
            None => Some(absent),
            Some(node) => value(self, node),
        }
    }
}

/// Returns a value as a scenario writes it among the settings that must come out.
pub(super) fn plain_text(node: &Node) -> Option<String> {
    match &node.value {
        Value::Null => Some("null".to_owned()),
        Value::Bool(answer) => Some(answer.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.clone()),
        Value::Float(_) | Value::List(_) | Value::Map(_) => None,
    }
}
