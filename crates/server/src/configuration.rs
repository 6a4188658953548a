//! The configuration file, as the API shows it and has it read again.
//!
//! The server reads no file: whoever started it does, and is asked through this link.

use tokio::sync::{mpsc, oneshot, watch};
use wire::api::Configuration;

/// How many wishes to read the file again wait at one time; whoever brings more waits.
pub const MAX_RELOADS: usize = 8;

/// Asks for the file to be read again and put in force. Answered when that is done, or with what is
/// wrong in it, for people.
#[derive(Debug)]
pub struct ReloadConfiguration(pub oneshot::Sender<Result<(), String>>);

/// The way to whoever reads the configuration file.
#[derive(Debug, Clone)]
pub struct ConfigurationLink {
    /// What is in force now.
    pub state: watch::Receiver<Configuration>,
    /// Takes the wishes.
    pub reload: mpsc::Sender<ReloadConfiguration>,
}

impl ConfigurationLink {
    /// Returns what is in force.
    pub(crate) fn now(&self) -> Configuration {
        self.state.borrow().clone()
    }

    /// Has the file read again; none if nobody does that any more.
    pub(crate) async fn reload(&self) -> Option<Result<(), String>> {
        let (reply, answer) = oneshot::channel();
        self.reload.send(ReloadConfiguration(reply)).await.ok()?;
        answer.await.ok()
    }
}
