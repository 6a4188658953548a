//! What all commands have in common that speak to a server: which server, in which form they
//! answer, and how they end.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use clap::Args;
use model::Timestamp;
use serde::Serialize;
use wire::api::RunDetail;
use wire::client::{Client, DiscoverError};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::home;
use crate::show::{Style, When};

/// Which server a command speaks to, and how it answers.
#[derive(Debug, Clone, Args)]
pub(crate) struct Remote {
    #[arg(
        long,
        value_name = "URL",
        help = "The server [default: $POINTSMAN_URL, or the one that runs in the home]"
    )]
    url: Option<String>,
    #[arg(
        long,
        value_name = "DIR",
        help = "The home of the server [default: $POINTSMAN_HOME, or ~/.pointsman]"
    )]
    home: Option<PathBuf>,
    /// Print the JSON of the API
    #[arg(long)]
    json: bool,
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        help = "Colours: auto (on a terminal), always or never [default: auto]"
    )]
    color: When,
}

/// One command at work.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) is_json: bool,
    pub(crate) style: Style,
    /// What the client was found by.
    remote: Remote,
}

/// Carries out a command; what it prints has been printed when this returns, but for its error.
pub(crate) fn run<F>(remote: &Remote, command: F) -> Answer
where
    F: AsyncFnOnce(&Session) -> Result<u8, Failure>,
{
    run_without_server(remote, async || {
        let client = remote.client()?;
        let session =
            Session { client, is_json: remote.json, style: remote.style(), remote: remote.clone() };
        command(&session).await
    })
}

/// Carries out a command that may do without a server.
pub(crate) fn run_without_server<F>(remote: &Remote, command: F) -> Answer
where
    F: AsyncFnOnce() -> Result<u8, Failure>,
{
    let outcome = || -> Result<u8, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::input(error.to_string(), "free some file descriptors"))?;
        runtime.block_on(command())
    };
    match outcome() {
        Ok(code) => Answer { code, ..Answer::default() },
        Err(failure) => failure.answer(remote.json),
    }
}

impl Remote {
    /// Returns the home.
    pub(crate) fn home(&self) -> PathBuf {
        home::find(self.home.clone(), &variable)
    }

    /// Returns the address that is given or that the environment names, if any.
    pub(crate) fn named_url(&self) -> Option<String> {
        let set = || variable("POINTSMAN_URL").filter(|url| !url.is_empty());
        self.url.clone().or_else(set)
    }

    /// Finds the server.
    pub(crate) fn client(&self) -> Result<Client, DiscoverError> {
        Client::discover(self.url.as_deref(), &self.home(), &variable)
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn style(&self) -> Style {
        Style::of_stdout(self.color)
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Session {
    /// Finds the server anew, which may have been started again at another address.
    pub(crate) fn find_again(&self) -> Option<Client> {
        self.remote.client().ok()
    }

    /// Prints an answer: as JSON, or as the text that `text` makes of it.
    pub(crate) fn tell<A: Serialize>(
        &self,
        answer: &A,
        text: impl FnOnce(&A) -> String,
    ) -> Result<(), Failure> {
        if self.is_json { tell_json(answer) } else { say(&text(answer)) }
    }

    /// Finds a run by its id or the beginning of it.
    pub(crate) async fn find_run(&self, id: &str) -> Result<RunDetail, Failure> {
        if id.trim().is_empty() {
            return Err(Failure::input(
                "a run's id cannot be blank",
                "`pointsman run list` shows them",
            ));
        }
        Ok(self.client.run(id).await?)
    }
}

/// Prints a part of the answer at once.
pub(crate) fn say(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::Closed),
        Err(error) => Err(Failure::Unwritable(error)),
    }
}

/// Prints a JSON document.
pub(crate) fn tell_json<A: Serialize>(answer: &A) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(answer);
    say(&(text.map_err(|error| Failure::Unwritable(error.into()))? + "\n"))
}

/// Prints a JSON document in one line.
pub(crate) fn tell_json_line<A: Serialize>(answer: &A) -> Result<(), Failure> {
    let text = serde_json::to_string(answer);
    say(&(text.map_err(|error| Failure::Unwritable(error.into()))? + "\n"))
}

/// Tells a failure that does not end the command.
pub(crate) fn complain(failure: &Failure) {
    // Nobody can be told that standard error is closed; the code still says how it went.
    drop(std::io::stderr().write_all(failure.to_lines().as_bytes()));
}

/// Remarks on an answer, on standard error, so that the answer stays what it is.
pub(crate) fn remark(text: &str) {
    // Nobody can be told that standard error is closed.
    drop(std::io::stderr().write_all(format!("hint: {text}\n").as_bytes()));
}

/// Returns the present instant.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_micros(jiff::Timestamp::now().as_microsecond())
}
