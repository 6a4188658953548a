//! The hook that is a program: a long-lived child that is asked about one run at a time, in the order
//! in which runs are submitted, so that whatever goes wrong with it concerns one submission. It is
//! started with the first question and ended with the daemon, or when the hook is dropped.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use process::dialogue::Program;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use wire::shim::{CoordinatorBase, LoadCoordinator};

use crate::hooks::talk::Talk;
use crate::hooks::{HookError, Judgement, Offer, Stopped, SubmissionHook, Verdict};

/// How many submissions may wait for one program; whoever brings more waits until there is room.
pub const MAX_WAITING_QUESTIONS: usize = 256;

/// A program that is asked about runs, as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSpec {
    /// The name by which messages speak of it.
    pub name: String,
    /// What is started.
    pub program: Program,
    /// How long it may take over one answer; the time to start counts, unless it has an opening.
    pub timeout: Duration,
    /// What it is told before it is asked anything.
    pub opening: Option<Opening>,
}

/// What the program of a coordinator class is told when it is started: it answers once it has loaded
/// the class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The class, with all that it needs.
    pub class: Box<LoadCoordinator>,
    /// How long it may take over loading it.
    pub timeout: Duration,
}

/// The hook that asks a program.
pub struct CommandHook {
    spec: Arc<CommandSpec>,
    line: Mutex<Line>,
}

/// The way to the task that talks with the program.
enum Line {
    /// Nobody has asked yet.
    Idle,
    Open {
        questions: mpsc::Sender<Question>,
        task: JoinHandle<()>,
    },
    /// The daemon stops.
    Closed,
}

/// What the program is asked.
enum Question {
    /// Whether it is ready, and what its class does with runs.
    Ready(Reply<Option<CoordinatorBase>>),
    About(Box<Offer>, Reply<Verdict>),
}

type Reply<T> = oneshot::Sender<Result<T, HookError>>;

impl fmt::Debug for CommandHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CommandHook").field(&self.spec).finish()
    }
}

impl CommandHook {
    /// Makes the hook; its program is started when it is first asked.
    pub fn new(spec: CommandSpec) -> Self {
        Self { spec: Arc::new(spec), line: Mutex::new(Line::Idle) }
    }

    /// Starts the program, if it does not run, and waits until it is ready. Returns what its class
    /// does with runs, if it has one.
    ///
    /// # Errors
    /// [`HookError`] says why it is not; it is started again with the next question.
    pub async fn open(&self) -> Result<Option<CoordinatorBase>, HookError> {
        self.ask(Question::Ready).await
    }

    async fn ask<T>(&self, question: impl FnOnce(Reply<T>) -> Question) -> Result<T, HookError> {
        let gone = || HookError("it is not asked any more: the daemon stops".to_owned());
        let questions = self.questions().ok_or_else(gone)?;
        let (reply, answer) = oneshot::channel();
        questions.send(question(reply)).await.map_err(|_| gone())?;
        // The task must see the end of the line even while this waits.
        drop(questions);
        answer.await.map_err(|_| gone())?
    }

    /// Returns the way to the task, which is started if it was not.
    fn questions(&self) -> Option<mpsc::Sender<Question>> {
        let mut line = self.line();
        let is_to_start = match &*line {
            Line::Idle => true,
            // A task that is gone has failed; the next one begins anew.
            Line::Open { questions, .. } => questions.is_closed(),
            Line::Closed => false,
        };
        if is_to_start {
            let (questions, asked) = mpsc::channel(MAX_WAITING_QUESTIONS);
            let task = tokio::spawn(answer_all(Arc::clone(&self.spec), asked));
            *line = Line::Open { questions, task };
        }
        match &*line {
            Line::Open { questions, .. } => Some(questions.clone()),
            Line::Idle | Line::Closed => None,
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SubmissionHook for CommandHook {
    fn name(&self) -> &str {
        &self.spec.name
    }

    fn on_submit<'a>(&'a self, offer: &'a Offer) -> Judgement<'a> {
        let offer = Box::new(offer.clone());
        Box::pin(self.ask(|reply| Question::About(offer, reply)))
    }

    fn stop(&self) -> Stopped<'_> {
        let line = mem::replace(&mut *self.line(), Line::Closed);
        Box::pin(async move {
            if let Line::Open { questions, task } = line {
                drop(questions);
                // It ends by itself, whatever its program did.
                let _ = task.await;
            }
        })
    }
}

/// Answers questions until nobody can ask any more, then ends the program. A submitter that is gone
/// while it waits is not asked about.
async fn answer_all(spec: Arc<CommandSpec>, mut questions: mpsc::Receiver<Question>) {
    let mut talk = Talk::new(&spec);
    while let Some(question) = questions.recv().await {
        // Nobody may wait for an answer any more; that is no harm.
        match question {
            Question::Ready(reply) => drop(reply.send(talk.open().await)),
            Question::About(_, reply) if reply.is_closed() => {}
            Question::About(offer, reply) => drop(reply.send(talk.ask(&offer).await)),
        }
    }
    talk.end().await;
}
