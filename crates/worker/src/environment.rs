//! The environment of a step's command: the variables that every program expects, those that its
//! `env` names, and those that tell it about its run.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use thiserror::Error;
use wire::plan::{EnvValue, PlanStep};
use wire::worker::Assignment;

/// How long the config may be, as JSON, to stand in a variable, in bytes: half of what the system
/// allows one to be. A longer one stands in the file alone.
pub const MAX_CONFIG_VARIABLE: usize = 64 * 1024;

/// Says why a step has no environment to start in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvironmentError {
    /// A variable whose value it wants is not set.
    #[error(
        "the step wants the variable `{from}` (as `{name}`), which is not set where the worker \
         runs; set it for the daemon, which hands its environment on, or take it out of `env`"
    )]
    NotSet {
        /// The variable of the step.
        name: String,
        /// The variable that it was to be taken from.
        from: String,
    },
    /// A name or value that no variable can have.
    #[error(
        "the variable `{0}` of the step cannot be set: a name is not empty and has no `=`, and \
         neither name nor value has a NUL byte"
    )]
    Unusable(String),
}

/// What all steps of an attempt are told about their run.
#[derive(Debug, Clone)]
pub struct RunFacts {
    run: String,
    job: String,
    attempt: u32,
    tags: String,
    config: Option<String>,
    config_file: PathBuf,
    base: Base,
}

/// What a step has of the worker's environment beside what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Base {
    /// What every program expects.
    Few,
    /// All of it, or what is named: code written for Dagster finds its settings there.
    Python(Option<Vec<String>>),
}

impl RunFacts {
    /// Takes what the daemon said, with the config as it stands in its file.
    pub fn new(run: String, attempt: u32, given: &Assignment, config: &str, file: PathBuf) -> Self {
        let tags: serde_json::Map<String, serde_json::Value> =
            given.tags.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
        Self {
            run,
            job: given.plan.job.clone(),
            attempt,
            tags: serde_json::Value::Object(tags).to_string(),
            config: (config.len() <= MAX_CONFIG_VARIABLE).then(|| config.to_owned()),
            config_file: file,
            base: match &given.plan.dagster {
                Some(dagster) => Base::Python(dagster.inherited_env.clone()),
                None => Base::Few,
            },
        }
    }

    /// Returns all variables of one try of a step. Those that tell it about its run win over those
    /// that it names, and these over what `worker`, the environment of the worker, has.
    ///
    /// # Errors
    /// [`EnvironmentError`]; another try would not go better.
    pub fn environment(
        &self,
        step: &PlanStep,
        r#try: u32,
        worker: &BTreeMap<OsString, OsString>,
    ) -> Result<BTreeMap<OsString, OsString>, EnvironmentError> {
        let mut environment = match &self.base {
            Base::Few => process::environment::base(worker),
            Base::Python(named) => process::environment::for_python(worker, named.as_deref()),
        };
        for (name, value) in &step.env {
            let value = match value {
                EnvValue::Text(text) => OsString::from(text),
                EnvValue::From(from) => worker.get(OsStr::new(from)).cloned().ok_or_else(|| {
                    EnvironmentError::NotSet { name: name.clone(), from: from.clone() }
                })?,
            };
            if !is_usable(name, &value) {
                return Err(EnvironmentError::Unusable(name.clone()));
            }
            environment.insert(name.into(), value);
        }
        environment.extend(self.about_the_run(step, r#try));
        Ok(environment)
    }

    fn about_the_run(&self, step: &PlanStep, r#try: u32) -> BTreeMap<OsString, OsString> {
        let mut facts: BTreeMap<OsString, OsString> = BTreeMap::from([
            ("POINTSMAN_RUN_ID".into(), self.run.clone().into()),
            ("POINTSMAN_JOB".into(), self.job.clone().into()),
            ("POINTSMAN_STEP".into(), step.key.clone().into()),
            ("POINTSMAN_ATTEMPT".into(), self.attempt.to_string().into()),
            ("POINTSMAN_TRY".into(), r#try.to_string().into()),
            ("POINTSMAN_TAGS".into(), self.tags.clone().into()),
            ("POINTSMAN_CONFIG_FILE".into(), self.config_file.clone().into()),
        ]);
        if let Some(config) = &self.config {
            facts.insert("POINTSMAN_CONFIG".into(), config.clone().into());
        }
        facts
    }
}

fn is_usable(name: &str, value: &OsStr) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !value.as_encoded_bytes().contains(&0)
}

#[cfg(test)]
mod tests;
