//! `pointsman config`: checks a configuration file, shows what it comes to, describes the keys, has the
//! server read it again.
//!
//! Exit codes of what works on files alone: 0 nothing is wrong, 1 something is wrong in the file, 2 it cannot be read or the
//! answer cannot be written.

mod discovery;
mod reload;
mod report;

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use ::config::{InstanceConfig, MAX_FILE_BYTES, Problem, Problems};
use clap::{Args, Subcommand};
use thiserror::Error;

use self::discovery::DiscoveryError;
use crate::answer::{Answer, UNREADABLE, WRONG};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Tell everything that is wrong in a configuration file.
    #[command(after_help = "Exits with 0 if the file can be used, 1 if something is wrong in it, \
        2 if it cannot be read or the answer cannot be written.\n\nExample:\n  pointsman config check dagster.yaml")]
    Check(FileArgs),
    /// Print every setting that is in force, and where it comes from.
    #[command(after_help = "Example:\n  DAGSTER_HOME=/srv/dagster pointsman config show\n  \
        pointsman config show dagster.yaml")]
    Show(FileArgs),
    /// Have the server read its configuration again and put it in force
    ///
    /// All of it comes into force or nothing: a file with a mistake changes nothing.
    #[command(
        after_help = "Exit codes: 0 the file is in force, 1 it is not (what was before stays), \
        3 no server.\n\nExample:\n  pointsman config reload"
    )]
    Reload(reload::ReloadArgs),
    /// Print a JSON schema of the file, for editors.
    #[command(after_help = "Example:\n  pointsman config schema > pointsman.schema.json")]
    Schema,
    /// Print the reference page of all keys, in Markdown.
    #[command(after_help = "Example:\n  pointsman config docs > docs/configuration.md")]
    Docs,
}

/// The name that stands for standard input.
const STDIN: &str = "-";

/// Which file a command is about, and how it answers.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    #[arg(
        value_name = "FILE",
        help = "The file, or - for standard input; without it pointsman.yaml or dagster.yaml in \
                $POINTSMAN_HOME (else ~/.pointsman), then dagster.yaml in $DAGSTER_HOME"
    )]
    file: Option<PathBuf>,
    /// The same as FILE.
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl FileArgs {
    /// Returns the file that is named or found.
    fn path(&self) -> Result<Option<PathBuf>, DiscoveryError> {
        let named = self.file.as_deref().or(self.config.as_deref());
        discovery::find(named, &|name| std::env::var_os(name))
    }
}

/// Says why a command has nothing to work on.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    NotFound(#[from] DiscoveryError),
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error(
        "there is no configuration file to check: name one, or set POINTSMAN_HOME or DAGSTER_HOME to \
             its directory"
    )]
    NothingToCheck,
}

/// A file as it was read.
struct Loaded {
    name: String,
    bytes: Vec<u8>,
}

/// Carries out a command.
pub(crate) fn run(command: &ConfigCommand) -> Answer {
    match command {
        ConfigCommand::Check(args) => check(args).unwrap_or_else(|error| unreadable(args, &error)),
        ConfigCommand::Show(args) => show(args).unwrap_or_else(|error| unreadable(args, &error)),
        ConfigCommand::Reload(args) => reload::run(args),
        ConfigCommand::Schema => printed(format!("{:#}\n", ::config::schema())),
        ConfigCommand::Docs => printed(::config::reference()),
    }
}

/// Says why there is no answer: for people, and for a machine that waits for JSON.
fn unreadable(args: &FileArgs, error: &LoadError) -> Answer {
    let stdout = if args.json { report::error_json(error) } else { String::new() };
    Answer { stdout, stderr: format!("error: {error}\n"), code: UNREADABLE }
}

fn check(args: &FileArgs) -> Result<Answer, LoadError> {
    let path = args.path()?.ok_or(LoadError::NothingToCheck)?;
    let file = load(&path)?;
    let read = InstanceConfig::read(&file.name, &file.bytes, &variable);
    let stdout = if args.json {
        report::checked_json(&file.name, &read)
    } else {
        report::checked_text(&file.name, &read)
    };
    let code = if read.is_ok() { 0 } else { WRONG };
    Ok(Answer { stdout, code, ..Answer::default() })
}

fn show(args: &FileArgs) -> Result<Answer, LoadError> {
    let Some(path) = args.path()? else {
        let config = InstanceConfig::without_file();
        return Ok(printed(shown(args, None, &config)));
    };
    let file = load(&path)?;
    let read = InstanceConfig::read(&file.name, &file.bytes, &variable);
    match &read {
        Ok((config, warnings)) => Ok(Answer {
            stdout: shown(args, Some(&file.name), config),
            stderr: report::warnings_text(warnings),
            code: 0,
        }),
        Err(_) if args.json => Ok(Answer {
            stdout: report::checked_json(&file.name, &read),
            code: WRONG,
            ..Answer::default()
        }),
        Err(problems) => {
            Ok(Answer { stderr: report::problems_text(problems), code: WRONG, ..Answer::default() })
        }
    }
}

/// Loads the configuration of a daemon: the file that is named, or the one of its home, or else
/// `$DAGSTER_HOME`'s. Its warnings are told on standard error.
///
/// # Errors
/// The answer that says what is wrong.
pub(crate) fn load_for(
    home: &Path,
    named: Option<&Path>,
) -> Result<(Option<PathBuf>, InstanceConfig), Answer> {
    let failed = |error: LoadError| Answer {
        stderr: format!("error: {error}\n"),
        code: UNREADABLE,
        ..Answer::default()
    };
    let found = discovery::find(named, &for_home(home)).map_err(|error| failed(error.into()))?;
    let Some(path) = found else { return Ok((None, InstanceConfig::without_file())) };
    let file = load(&path).map_err(failed)?;
    match InstanceConfig::read(&file.name, &file.bytes, &variable) {
        Ok((config, warnings)) => {
            drop(std::io::stderr().write_all(report::warnings_text(&warnings).as_bytes()));
            Ok((Some(path), config))
        }
        Err(problems) => {
            let stderr = report::problems_text(&problems);
            Err(Answer { stderr, code: WRONG, ..Answer::default() })
        }
    }
}

/// Returns the environment as a server with this home sees it.
fn for_home(home: &Path) -> impl Fn(&str) -> Option<OsString> {
    move |name: &str| match name {
        "POINTSMAN_HOME" => Some(home.as_os_str().to_owned()),
        _ => std::env::var_os(name),
    }
}

/// What is in a file, or what is wrong with it.
pub(crate) type Checked = Result<(InstanceConfig, Vec<Problem>), Problems>;

/// Looks at the configuration that a server with this home would load, with the file's name; none if
/// there is no file.
///
/// # Errors
/// It is not clear which file is meant, or it cannot be read.
pub(crate) fn look_for(home: &Path) -> Result<Option<(String, Checked)>, LoadError> {
    // A home that is not there yet names no file.
    let variable_of =
        |name: &str| for_home(home)(name).filter(|_| name != "POINTSMAN_HOME" || home.is_dir());
    let Some(path) = discovery::find(None, &variable_of)? else { return Ok(None) };
    let file = load(&path)?;
    let read = InstanceConfig::read(&file.name, &file.bytes, &variable);
    Ok(Some((file.name, read)))
}

/// Returns the folders in which [`load_for`] looks for a file, and the names that it looks for.
pub(crate) fn places(home: &Path, named: Option<&Path>) -> (Vec<PathBuf>, Vec<OsString>) {
    discovery::places(home, named, std::env::var_os("DAGSTER_HOME").as_deref())
}

fn shown(args: &FileArgs, file: Option<&str>, config: &InstanceConfig) -> String {
    if args.json {
        report::settings_json(file, config)
    } else {
        report::settings_text(file, config)
    }
}

fn printed(stdout: String) -> Answer {
    Answer { stdout, ..Answer::default() }
}

/// Reads a file, and no more of it than is needed to see that it is too large.
fn load(path: &Path) -> Result<Loaded, LoadError> {
    let is_stdin = path == Path::new(STDIN);
    let path = if is_stdin { Path::new("<stdin>") } else { path };
    let read = || -> std::io::Result<Vec<u8>> {
        let input: Box<dyn Read> =
            if is_stdin { Box::new(std::io::stdin()) } else { Box::new(File::open(path)?) };
        let mut bytes = Vec::new();
        input.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => Ok(Loaded { name: path.display().to_string(), bytes }),
        Err(source) => Err(LoadError::Unreadable { path: path.to_owned(), source }),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
