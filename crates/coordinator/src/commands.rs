//! What goes into the loop, and how it is answered.

use definitions::FindError;
use lifecycle::{Command, Refusal, Reply, State, WrongTag};
use store::CommitError;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::hooks::Refused;
use crate::options::Options;

/// How many messages may wait for the loop; whoever brings more waits until there is room.
pub(crate) const MAX_WAITING: usize = 4096;

/// Something for the loop.
pub(crate) enum Message {
    /// To be decided.
    Command { command: Command, reply: oneshot::Sender<Answer> },
    /// To be decided; nobody waits for the answer.
    Hint(Command),
    /// A question to the state, as it is after the last commit. It may try something out, but
    /// leaves the state as it is. It counts for so many bytes among what one turn takes.
    Question { question: Question, bytes: usize },
    /// Other options are to be in force.
    Configure { options: Box<Options>, reply: oneshot::Sender<Answer> },
    /// Everything that waits is dealt with, then the loop ends.
    Stop,
}

/// A question to the state.
pub(crate) type Question = Box<dyn FnOnce(&mut State) + Send>;

/// The answer of the loop to a command.
pub(crate) type Answer = Result<Reply, NotDone>;

/// Why a command was not carried out.
#[derive(Debug)]
pub(crate) enum NotDone {
    Refused(Refusal),
    Unavailable(String),
    DiskFull(String),
}

impl NotDone {
    /// Why a command was not carried out whose commit failed.
    pub(crate) fn of_commit(error: &CommitError) -> Self {
        match error {
            CommitError::Full(_) => Self::DiskFull(format!("nothing was done: {error}")),
            CommitError::Unknown(_) => {
                Self::Unavailable(format!("it is not known whether this was done: {error}"))
            }
            CommitError::EpochLost { .. } | CommitError::Passing(_) | CommitError::Broken(_) => {
                Self::Unavailable(format!("nothing was done: {error}"))
            }
        }
    }
}

/// Why something that was asked for was not done.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The rules refuse it; nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No such job, or several.
    #[error(transparent)]
    Job(#[from] FindError),
    /// What was given makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The tag of the priority says none.
    #[error("{0}")]
    InvalidPriority(String),
    /// More runs are meant than one commit changes.
    #[error("more than {0} runs are meant, which is as many as can be changed at one time")]
    TooManyRuns(usize),
    /// A submission hook refuses the run; there is none.
    #[error("{0}")]
    Rejected(String),
    /// A submission hook failed, so nobody knows whether the run may be; there is none.
    #[error("{0}")]
    HookFailed(String),
    /// Nothing can be written now; it is worth asking again. Whether what was asked for was done
    /// may not be known.
    #[error("{0}")]
    Unavailable(String),
    /// The disk takes no more; nothing was done. Reads go on, and so does everything else once there
    /// is space.
    #[error("{0}")]
    DiskFull(String),
}

impl From<WrongTag> for CommandError {
    fn from(wrong: WrongTag) -> Self {
        let told = wrong.to_string();
        match wrong {
            WrongTag::EmptyKey => Self::Invalid(told),
            WrongTag::Priority(_) => Self::InvalidPriority(told),
        }
    }
}

impl From<Refused> for CommandError {
    fn from(refused: Refused) -> Self {
        let told = refused.to_string();
        match refused {
            Refused::Rejected { .. } => Self::Rejected(told),
            Refused::Failed { .. } => Self::HookFailed(told),
            Refused::Busy => Self::Unavailable(told),
        }
    }
}

impl From<NotDone> for CommandError {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::Refused(refusal) => Self::Refused(refusal),
            NotDone::Unavailable(why) => Self::Unavailable(why),
            NotDone::DiskFull(why) => Self::DiskFull(why),
        }
    }
}

/// The way into the loop.
#[derive(Debug, Clone)]
pub(crate) struct Entry(mpsc::Sender<Message>);

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Command { command, .. } | Self::Hint(command) => command.fmt(f),
            Self::Question { .. } => f.write_str("Question"),
            Self::Configure { options, .. } => options.fmt(f),
            Self::Stop => f.write_str("Stop"),
        }
    }
}

impl Entry {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Message>) {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        (Self(sender), receiver)
    }

    /// Has a command decided and waits until the decision is durable.
    pub(crate) async fn decide(&self, command: Command) -> Answer {
        self.answered(|reply| Message::Command { command, reply }).await
    }

    /// Puts other options in force; they are when this returns well.
    pub(crate) async fn configure(&self, options: Options) -> Answer {
        let options = Box::new(options);
        self.answered(|reply| Message::Configure { options, reply }).await
    }

    async fn answered(&self, message: impl FnOnce(oneshot::Sender<Answer>) -> Message) -> Answer {
        let (reply, answer) = oneshot::channel();
        let gone = || NotDone::Unavailable("the daemon is stopping".to_owned());
        self.0.send(message(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Asks the state something.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        self.try_out(0, |state| question(state)).await
    }

    /// Asks the state what would be; the question, which costs as much as to write so many bytes,
    /// leaves it as it is.
    pub(crate) async fn try_out<T: Send + 'static>(
        &self,
        bytes: usize,
        question: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        let (reply, answer) = oneshot::channel();
        let gone = || CommandError::Unavailable("the daemon is not ready to answer".to_owned());
        let question = Box::new(move |state: &mut State| {
            // Nobody may wait for the answer any more; that is no harm.
            let _ = reply.send(question(state));
        });
        self.0.send(Message::Question { question, bytes }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }

    /// Tells the loop something that it finds out by itself later if this is lost.
    pub(crate) async fn hint(&self, command: Command) {
        let _ = self.0.send(Message::Hint(command)).await;
    }

    /// The same from where nobody can wait.
    pub(crate) fn try_hint(&self, command: Command) {
        let _ = self.0.try_send(Message::Hint(command));
    }

    pub(crate) async fn stop(&self) {
        let _ = self.0.send(Message::Stop).await;
    }
}
