//! Whether a server runs, answers, and is the one that is meant.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use process::lock;
use store::LOCK_FILE;
use tokio::time::timeout;
use wire::api::Instance;
use wire::client::{Client, ClientError, SERVER_FILE, ServerFile};

use super::Remote;
use super::finding::Finding;
use crate::show::plain;

/// How long a server may take to answer: one that works takes milliseconds.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);

const START: &str = "start one with `pointsman dev` or `pointsman serve`";

/// The daemon of a home.
#[derive(Debug, Default)]
pub(super) struct Daemon {
    /// How to speak to it, if it answers.
    pub(super) client: Option<Client>,
    /// Its process, if one runs.
    pub(super) pid: Option<u32>,
}

/// Looks at a server that is named; returns how to speak to it, if it answers.
pub(super) async fn named(
    findings: &mut Vec<Finding>,
    remote: &Remote,
    url: &str,
) -> Option<Client> {
    match remote.client() {
        Ok(client) => answers(findings, client, None).await,
        Err(error) => {
            let remedy = "write it like http://127.0.0.1:3141, in --url or POINTSMAN_URL";
            findings.push(Finding::problem("server", format!("{url}: {error}"), remedy));
            None
        }
    }
}

/// Looks at the server of a home: the lock says whether one runs, the file where it listens.
pub(super) async fn of_home(
    findings: &mut Vec<Finding>,
    remote: &Remote,
    home: &Path,
    address: Option<SocketAddr>,
) -> Daemon {
    let is_locked = lock::is_held(&home.join(LOCK_FILE)).unwrap_or(false);
    let file = read(&home.join(SERVER_FILE));
    let shown = home.join(SERVER_FILE);
    let shown = shown.display();
    match (is_locked, file) {
        (true, Ok(Some(file))) => {
            let pid = Some(file.pid);
            let client = match remote.client() {
                Ok(client) => answers(findings, client, pid).await,
                Err(error) => {
                    let remedy = "stop that process, then start the server again";
                    let message = format!("process {} does not answer: {error}", file.pid);
                    findings.push(Finding::problem("server", message, remedy));
                    None
                }
            };
            Daemon { client, pid }
        }
        (true, Ok(None)) => {
            let message = format!("one runs, but {shown} does not say where");
            let remedy = "look again in a moment; if it stays so, stop it and start it again";
            findings.push(Finding::problem("server", message, remedy));
            Daemon::default()
        }
        (true, Err(problem)) => {
            let remedy = "stop the server and start it again: it writes the file anew";
            findings.push(Finding::problem("server", format!("{shown}: {problem}"), remedy));
            Daemon::default()
        }
        (false, file) => {
            absent(findings, home, file, address).await;
            Daemon::default()
        }
    }
}

/// Tells that no server runs, and what would be in the way of one.
async fn absent(
    findings: &mut Vec<Finding>,
    home: &Path,
    file: Result<Option<ServerFile>, String>,
    address: Option<SocketAddr>,
) {
    let message = format!("no server runs for {}", home.display());
    findings.push(Finding::problem("server", message, START));
    let path = home.join(SERVER_FILE);
    let shown = path.display();
    let stale = match file {
        Ok(None) => None,
        Ok(Some(file)) => Some(format!(
            "{shown} is left of process {}, which ended without stopping in order",
            file.pid
        )),
        Err(problem) => Some(format!("{shown}: {problem}")),
    };
    if let Some(message) = stale {
        let remedy = "nothing is lost: the next start replaces it and finds the runs again";
        findings.push(Finding::warning("address", message, remedy));
    }
    if let Some(address) = address {
        findings.push(port(address).await);
    }
}

/// Tries whether a server could listen.
async fn port(address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok("port", format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let who = if is_server(address).await {
                "the server of another home"
            } else {
                "another program"
            };
            let remedy =
                "stop that, or take another port: `pointsman serve --port 0` takes a free one";
            Finding::problem("port", format!("{address} is taken by {who}"), remedy)
        }
        Err(error) => {
            let remedy = "set `server.port` and `server.host`, or --port and --host of the server";
            Finding::problem("port", format!("cannot listen at {address}: {error}"), remedy)
        }
    }
}

/// Returns whether a server of ours answers at an address.
async fn is_server(address: SocketAddr) -> bool {
    let Ok(client) = Client::new(&format!("http://{address}"), None) else { return false };
    timeout(LONGEST_ANSWER, client.health()).await.is_ok_and(|answer| answer.is_ok())
}

/// Asks a server what it is.
async fn answers(findings: &mut Vec<Finding>, client: Client, pid: Option<u32>) -> Option<Client> {
    let url = client.url().to_owned();
    let of = pid.map_or(String::new(), |pid| format!(" (process {pid})"));
    let ask = async {
        client.health().await?;
        client.instance().await
    };
    let Ok(asked) = timeout(LONGEST_ANSWER, ask).await else {
        let message = format!("{url}{of} takes connections and does not answer");
        findings.push(Finding::problem(
            "server",
            message,
            "stop that process, then start it again",
        ));
        return None;
    };
    match asked {
        Ok(instance) => {
            findings.push(state(&url, &of, &instance));
            findings.extend(configuration(&instance));
            Some(client)
        }
        Err(error) => {
            findings.push(silent(&url, &of, &error));
            None
        }
    }
}

fn state(url: &str, of: &str, instance: &Instance) -> Finding {
    let ours = env!("CARGO_PKG_VERSION");
    if instance.version != ours {
        let message = format!("{url}{of} is version {}, and this is {ours}", instance.version);
        return Finding::warning("server", message, "start the server again with this version");
    }
    if instance.is_recovering {
        let message = format!("{url}{of} finds out what became of the runs in progress");
        let remedy = "wait a moment; `pointsman instance show` tells when it is done";
        return Finding::warning("server", message, remedy);
    }
    Finding::ok("server", format!("answers at {url}{of}"))
}

/// Tells whether the server could use its configuration file when it read it last.
fn configuration(instance: &Instance) -> Vec<Finding> {
    let Some(configuration) = &instance.configuration else { return Vec::new() };
    let mut findings = Vec::new();
    if let Some(problem) = &configuration.problem {
        let first = problem.message.lines().next().unwrap_or_default();
        let message = format!("the file is not in force, what was before is: {}", plain(first));
        let remedy = "mend it (`pointsman config check`), then `pointsman config reload`";
        findings.push(Finding::problem("in force", message, remedy));
    }
    if !configuration.needs_restart.is_empty() {
        let keys = configuration.needs_restart.join(", ");
        let message = format!("changed in the file, but not in force: {keys}");
        findings.push(Finding::warning("in force", message, "start the server again"));
    }
    if findings.is_empty() {
        let file = configuration.path.as_deref().unwrap_or("no file: the defaults");
        findings.push(Finding::ok("in force", plain(file)));
    }
    findings
}

fn silent(url: &str, of: &str, error: &ClientError) -> Finding {
    match error {
        ClientError::Garbage { .. } => {
            let remedy = "name the right address in --url or POINTSMAN_URL";
            Finding::problem("server", format!("something else answers at {url}{of}"), remedy)
        }
        ClientError::Api { .. } => {
            let remedy = "set POINTSMAN_TOKEN to the content of the file `token` in its home";
            Finding::problem("server", format!("{url}{of} refuses: {error}"), remedy)
        }
        ClientError::NoServer { .. } | ClientError::Transport { .. } => {
            let remedy =
                if of.is_empty() { START } else { "stop that process, then start it again" };
            Finding::problem("server", format!("{error}{of}"), remedy)
        }
        ClientError::BadHeader { .. } => {
            Finding::problem("server", error.to_string(), "set POINTSMAN_TOKEN to a plain text")
        }
    }
}

/// Reads what a server says of itself; nothing, if there is no file.
fn read(path: &Path) -> Result<Option<ServerFile>, String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("it cannot be read: {error}")),
    };
    serde_json::from_str(&text).map(Some).map_err(|error| format!("it is damaged: {error}"))
}
