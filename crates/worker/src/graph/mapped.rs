//! Steps that are executed once for each value of a dynamic output: a template stands for them in the
//! plan, and is replaced when the values are there.

use std::collections::BTreeMap;

use model::Timestamp;
use wire::worker::ReportKind;

use super::outputs::{Gave, Input};
use super::step::State;
use super::{Graph, PLANNED_AT_ONCE, StepIndex, Todo};

/// How many steps a run may have with those that are found while it runs: the daemon takes no more.
const MAX_STEPS: usize = 10_000;

/// What stands in the key of a template for a key of the output.
const ANY: &str = "[?]";

/// The steps that stand for a template, by template and key.
type Instances = BTreeMap<(StepIndex, String), StepIndex>;

impl Graph {
    /// Says why the steps that hang on what a step gave cannot be made.
    pub(super) fn check_room_for_mapped(&self, step: StepIndex) -> Result<(), String> {
        let templates = self.templates_over(step);
        let more: usize =
            templates.iter().map(|template| self.keys_of(*template, step).len()).sum();
        if self.steps.len() + more > MAX_STEPS {
            return Err(format!(
                "it gave values for {more} further steps; a run may have {MAX_STEPS} steps"
            ));
        }
        Ok(())
    }

    /// Makes the steps that hang on what a step gave; returns them. Whoever waits for a template waits
    /// for all of them instead.
    pub(super) fn expand(
        &mut self,
        fan: StepIndex,
        at: Timestamp,
        todo: &mut Todo,
    ) -> Vec<StepIndex> {
        let templates = self.templates_over(fan);
        let mut instances = Instances::new();
        for template in &templates {
            for key in self.keys_of(*template, fan) {
                let instance = self.add(*template, &key);
                instances.insert((*template, key), instance);
            }
        }
        let keys: Vec<String> =
            instances.values().map(|step| self.steps[*step].key.clone()).collect();
        for steps in keys.chunks(PLANNED_AT_ONCE) {
            self.report(todo, at, ReportKind::Planned { steps: steps.to_vec() });
        }
        for ((template, key), instance) in &instances {
            self.link(*template, key, *instance, &instances);
        }
        for template in templates {
            let of_template = instances.range((template, String::new())..);
            let own = of_template.take_while(|((of, _), _)| *of == template);
            let own: Vec<StepIndex> = own.map(|(_, instance)| *instance).collect();
            self.replace(template, &own, at, todo);
        }
        instances.into_values().collect()
    }

    fn templates_over(&self, fan: StepIndex) -> Vec<StepIndex> {
        let is_one = |step: &StepIndex| {
            let step = &self.steps[*step];
            step.mapped_over == Some(fan) && step.state == State::WaitingForDependencies
        };
        (0..self.steps.len()).filter(is_one).collect()
    }

    /// The keys for which a template is executed: those of the output that it hangs on, itself or by
    /// other templates.
    fn keys_of(&self, template: StepIndex, fan: StepIndex) -> Vec<String> {
        let Gave::Outputs(outputs) = &self.steps[fan].gave else { return Vec::new() };
        let mut waiting = vec![template];
        let mut seen = Vec::new();
        while let Some(step) = waiting.pop() {
            seen.push(step);
            for (from, output) in self.steps[step].inputs.iter().flat_map(|input| &input.sources) {
                if *from == fan {
                    return outputs.get(output).cloned().flatten().unwrap_or_default();
                }
                if self.steps[*from].mapped_over == Some(fan) && !seen.contains(from) {
                    waiting.push(*from);
                }
            }
        }
        Vec::new()
    }

    /// Adds the step for one key; it is linked with nothing yet.
    fn add(&mut self, template: StepIndex, key: &str) -> StepIndex {
        let of = &self.steps[template];
        let name = match of.key.rsplit_once(ANY) {
            Some((before, after)) => format!("{before}[{key}]{after}"),
            None => format!("{}[{key}]", of.key),
        };
        let instance = self.steps.len();
        let step = of.for_key(name.clone());
        self.steps.push(step);
        self.limits.add_like(template);
        self.by_key.insert(name, instance);
        self.unfinished += 1;
        instance
    }

    /// Links a new step with those before it: of templates, with those for the same key.
    fn link(&mut self, template: StepIndex, key: &str, instance: StepIndex, instances: &Instances) {
        let same_key =
            |step: StepIndex| instances.get(&(step, key.to_owned())).copied().unwrap_or(step);
        let inputs = self.steps[template].inputs.iter().map(|input| Input {
            sources: input.sources.iter().map(|(from, o)| (same_key(*from), o.clone())).collect(),
            is_fan_in: input.is_fan_in,
        });
        let inputs = inputs.collect();
        let before: Vec<StepIndex> =
            self.steps[template].before.iter().map(|step| same_key(*step)).collect();
        for step in &before {
            if self.steps[*step].state != State::Over {
                self.steps[*step].dependents.push(instance);
                self.steps[instance].missing += 1;
            }
        }
        (self.steps[instance].inputs, self.steps[instance].before) = (inputs, before);
    }

    /// Puts the new steps into the place of their template for those that are no templates with it.
    fn replace(&mut self, template: StepIndex, own: &[StepIndex], at: Timestamp, todo: &mut Todo) {
        self.close(template);
        let fan = self.steps[template].mapped_over;
        for waits in self.steps[template].dependents.clone() {
            if self.steps[waits].mapped_over == fan {
                continue;
            }
            for instance in own {
                self.steps[*instance].dependents.push(waits);
            }
            let step = &mut self.steps[waits];
            for input in &mut step.inputs {
                let sources = std::mem::take(&mut input.sources).into_iter();
                input.sources = sources.flat_map(|source| instead(source, template, own)).collect();
            }
            step.missing = (step.missing + own.len()).saturating_sub(1);
            if step.missing == 0 {
                self.ready_or_skip(waits, at, todo);
            }
        }
    }
}

fn instead(
    (from, output): (StepIndex, String),
    template: StepIndex,
    own: &[StepIndex],
) -> Vec<(StepIndex, String)> {
    if from == template {
        own.iter().map(|instance| (*instance, output.clone())).collect()
    } else {
        vec![(from, output)]
    }
}
