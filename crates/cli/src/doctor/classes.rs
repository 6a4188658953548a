//! Whether the coordinator classes that the configuration names can be loaded where no server runs that
//! has loaded them.

use std::path::Path;

use ::config::{HookAction, InstanceConfig, PythonClass};
use coordinator::hooks::SubmissionHook;

use super::finding::Finding;
use crate::daemon::class::{self, Place};

/// Loads every class as a server would, and ends it again. Nothing is written but to a folder that is
/// removed.
pub(super) async fn check(findings: &mut Vec<Finding>, file: &Path, config: &InstanceConfig) {
    let of_hooks = config.submission_hooks.value.iter().enumerate();
    let of_hooks = of_hooks.filter_map(|(index, hook)| match &hook.action {
        HookAction::Class(class) => Some((format!("submission_hooks[{index}]"), class)),
        HookAction::Tag { .. } | HookAction::Reject(_) | HookAction::Command { .. } => None,
    });
    let own = config.coordinator_class.iter().map(|class| ("run_coordinator".to_owned(), class));
    let classes: Vec<(String, &PythonClass)> = own.chain(of_hooks).collect();
    if classes.is_empty() {
        return;
    }
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => {
            let remedy = "name a folder that can be written to by TMPDIR";
            findings.push(Finding::problem("coordinator class", error.to_string(), remedy));
            return;
        }
    };
    let place = Place {
        home: folder.path().to_owned(),
        folder: crate::daemon::folder_of(Some(file), folder.path()),
        url: None,
    };
    for (key, class) in classes {
        findings.push(match class::start(&key, class, config, &place).await {
            Ok((hook, _)) => {
                hook.stop().await;
                let name = class.name();
                Finding::ok("coordinator class", format!("{name} can be loaded"))
            }
            Err(error) => {
                let remedy = "mend the class or its config, or activate the virtual environment \
                              that it is installed in; a server does not start like this";
                Finding::problem("coordinator class", error.to_string(), remedy)
            }
        });
    }
}
