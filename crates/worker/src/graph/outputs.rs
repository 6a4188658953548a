//! What steps gave, and who goes on because of that: a step whose input will not come is not run, and
//! that is no failure.
//!
//! A command gives nothing that is known here: whoever waits for it, waits for its success alone.

use std::collections::BTreeMap;

use model::Timestamp;
use wire::worker::ReportKind;

use super::step::State;
use super::{Graph, StepIndex, Todo};

/// The outputs that a step gave, by name: of a dynamic one the keys of its values, in their order.
pub type Outputs = BTreeMap<String, Option<Vec<String>>>;

/// What a step takes from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    /// The steps and their outputs.
    pub(super) sources: Vec<(StepIndex, String)>,
    /// Whether it takes all that there is: then something must come from one source at least.
    pub(super) is_fan_in: bool,
}

/// What is known of a step's outputs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Gave {
    /// Nothing yet, or it is a command.
    #[default]
    Unknown,
    /// These.
    Outputs(Outputs),
    /// None, because it was rightly skipped.
    Nothing,
}

impl Graph {
    pub(super) fn succeed(
        &mut self,
        step: StepIndex,
        gave: Option<Outputs>,
        at: Timestamp,
        todo: &mut Todo,
    ) {
        if let Some(mut outputs) = gave {
            for name in &self.steps[step].dynamic_outputs {
                // One that has given no value has given that.
                outputs.entry(name.clone()).or_insert_with(|| Some(Vec::new()));
            }
            self.steps[step].gave = Gave::Outputs(outputs);
        }
        if let Err(error) = self.check_room_for_mapped(step) {
            return self.fail(step, error, at, todo);
        }
        let (key, r#try) = (self.steps[step].key.clone(), self.steps[step].tries);
        self.report(todo, at, ReportKind::Succeeded { step: key, r#try });
        self.close(step);
        let new = self.expand(step, at, todo);
        self.settle(step, at, todo);
        for step in new {
            if self.steps[step].missing == 0 {
                self.ready_or_skip(step, at, todo);
            }
        }
    }

    /// Tells those that wait for a step that it is over and did not fail, and so on behind those that
    /// are skipped by that. They may stand in a row of thousands, so that nothing calls itself here.
    fn settle(&mut self, over: StepIndex, at: Timestamp, todo: &mut Todo) {
        let mut told = vec![over];
        while let Some(over) = told.pop() {
            for step in self.steps[over].dependents.clone() {
                let waits = &mut self.steps[step];
                waits.missing = waits.missing.saturating_sub(1);
                if waits.missing == 0 && self.is_skipped(step, at, todo) {
                    told.push(step);
                }
            }
        }
    }

    /// Lets a step go on for which all before it is over.
    pub(super) fn ready_or_skip(&mut self, step: StepIndex, at: Timestamp, todo: &mut Todo) {
        if self.is_skipped(step, at, todo) {
            self.settle(step, at, todo);
        }
    }

    /// Lets a step go on, or skips it and returns that.
    fn is_skipped(&mut self, step: StepIndex, at: Timestamp, todo: &mut Todo) -> bool {
        if self.steps[step].state != State::WaitingForDependencies {
            return false;
        }
        let Some(reason) = self.lacks(step) else {
            self.make_ready(step);
            return false;
        };
        self.skip(step, reason, at, todo);
        self.steps[step].gave = Gave::Nothing;
        true
    }

    /// Says why a step is not to run although all before it went well.
    fn lacks(&self, step: StepIndex) -> Option<String> {
        self.steps[step].inputs.iter().find_map(|input| {
            let mut missing =
                input.sources.iter().filter(|(step, output)| !self.has(*step, output));
            let (from, output) = missing.next()?;
            let is_all = 1 + missing.count() == input.sources.len();
            let key = &self.steps[*from].key;
            let reason = match &self.steps[*from].gave {
                Gave::Nothing => format!("step `{key}` before it was skipped"),
                Gave::Unknown | Gave::Outputs(_) => {
                    format!("step `{key}` before it gave no output `{output}`")
                }
            };
            (is_all || !input.is_fan_in).then_some(reason)
        })
    }

    fn has(&self, step: StepIndex, output: &str) -> bool {
        match &self.steps[step].gave {
            Gave::Unknown => true,
            Gave::Outputs(outputs) => outputs.contains_key(output),
            Gave::Nothing => false,
        }
    }

    /// The keys of all dynamic outputs that were given, by step and output.
    pub fn dynamic_keys(&self) -> BTreeMap<String, BTreeMap<String, Vec<String>>> {
        let mut all = BTreeMap::new();
        for step in &self.steps {
            let Gave::Outputs(outputs) = &step.gave else { continue };
            let of_step: BTreeMap<String, Vec<String>> = outputs
                .iter()
                .filter_map(|(name, keys)| Some((name.clone(), keys.clone()?)))
                .collect();
            if !of_step.is_empty() {
                all.insert(step.key.clone(), of_step);
            }
        }
        all
    }

    /// The outputs that a step's inputs can come from, by step.
    pub fn outputs_before(&self, step: StepIndex) -> BTreeMap<String, Outputs> {
        let inputs = self.steps[step].inputs.iter();
        let sources = inputs.flat_map(|input| &input.sources).map(|(step, _)| &self.steps[*step]);
        let given = sources.filter_map(|source| match &source.gave {
            Gave::Outputs(outputs) => Some((source.key.clone(), outputs.clone())),
            Gave::Unknown | Gave::Nothing => None,
        });
        given.collect()
    }
}
