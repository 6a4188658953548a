//! The submission hooks that are Python classes: each is a process of Python's, which loads its class
//! before anything is put in force.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::config::{InstanceConfig, PythonClass};
use coordinator::hooks::{CommandHook, CommandSpec, HookError, Opening};
use definitions::coordinator_program;
use thiserror::Error;
use wire::client::TOKEN_FILE;
use wire::shim::{CoordinatorBase, Instance, LoadCoordinator, VERSION};

use super::variables::variables;

/// How long a class may take to be loaded. Importing Dagster takes seconds on a machine that does much
/// else.
const LONGEST_LOAD: Duration = Duration::from_secs(90);

/// How long a class may take over one run: less than the time that all hooks together have, so that the
/// submitter hears which one it was.
const LONGEST_ANSWER: Duration = Duration::from_secs(15);

/// Where hooks are started, and whom they can ask.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Where the daemon keeps everything.
    pub(crate) home: PathBuf,
    /// The folder of the configuration file.
    pub(crate) folder: PathBuf,
    /// Where the API is served; classes can ask nobody, if not set.
    pub(crate) url: Option<String>,
}

/// A class that cannot be used, and why.
#[derive(Debug, Error)]
#[error("`{name}` cannot be used: {why}")]
pub(crate) struct ClassError {
    name: String,
    why: HookError,
}

/// Starts Python for a class and waits until it is loaded; `key` is where the configuration names it.
///
/// # Errors
/// [`ClassError`] says why it cannot be used; nothing of it runs then.
pub(crate) async fn start(
    key: &str,
    class: &PythonClass,
    config: &InstanceConfig,
    place: &Place,
) -> Result<(Arc<CommandHook>, CoordinatorBase), ClassError> {
    let name = format!("{key}: {}", class.name());
    let failed = |why: HookError| ClassError { name: name.clone(), why };
    let inherited = config.inherited_env.value.as_deref();
    let environment = variables();
    let program = coordinator_program(&place.home, &place.folder, &environment, inherited)
        .map_err(|error| failed(HookError(format!("cannot prepare to load Python: {error}"))))?;
    let opening = Opening { class: Box::new(opening(class, place)), timeout: LONGEST_LOAD };
    let spec = CommandSpec {
        name: name.clone(),
        program,
        timeout: LONGEST_ANSWER,
        opening: Some(opening),
    };
    let hook = Arc::new(CommandHook::new(spec));
    match hook.open().await {
        Ok(base) => Ok((hook, base.unwrap_or(CoordinatorBase::Other))),
        Err(why) => Err(failed(why)),
    }
}

fn opening(class: &PythonClass, place: &Place) -> LoadCoordinator {
    let told =
        |url: &String| Instance { url: url.clone(), token_file: place.home.join(TOKEN_FILE) };
    LoadCoordinator {
        version: VERSION,
        module: class.module.clone(),
        class: class.class.clone(),
        config: class.config.clone(),
        search: std::env::current_dir().into_iter().collect(),
        storage: place.home.clone(),
        instance: place.url.as_ref().map(told),
    }
}
