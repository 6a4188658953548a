//! What is said to the program of a hook and what it may say back: one line of JSON each, one question
//! at a time. Here is decided which answer is one, when the program is given up, and when it is started
//! again.
//!
//! A program that is given up is killed with its group: after a failure nobody knows what it would say
//! next, and an answer to one question must never be taken for that to another.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::time::Duration;

use process::dialogue::{Dialogue, HearError};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};
use wire::shim::{CoordinatorBase, CoordinatorLoaded, LoadError};

use crate::hooks::command::{CommandSpec, Opening};
use crate::hooks::stderr;
use crate::hooks::{HookError, Offer, Verdict};

/// The version of the questions: it grows when a program that understood them might no longer. New
/// keys may come without that.
pub const PROTOCOL_VERSION: u32 = 1;

/// How long an answer may be, in bytes: all tags that a run can have, written as JSON in the longest
/// way that is usual, and more than a reason.
pub const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The pause before a program is started again, after one failure and at most: a program that cannot
/// work costs little, and one that was mended is not waited for.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long a program that has closed its output may take to end, so that its exit status is told.
const LAST_BREATH: Duration = Duration::from_secs(1);

/// How long a program may take to end when it is not needed any more: its input ends.
const GRACE: Duration = Duration::from_secs(2);

/// How much of what a program has written is quoted in an error, in characters.
const LONGEST_QUOTE: usize = 200;

/// A question, one line.
#[derive(Debug, Serialize)]
struct Question<'o> {
    version: u32,
    id: u64,
    run: String,
    job: &'o str,
    location: &'o str,
    user: Option<&'o str>,
    tags: BTreeMap<&'o str, &'o str>,
    headers: BTreeMap<&'o str, &'o str>,
    config: serde_json::Value,
}

/// An answer, one line. A key that is not known is a mistake: what it was meant to do would be lost.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    id: u64,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    reject: Option<String>,
}

/// The talk with one program, started again when it was given up.
#[derive(Debug)]
pub(crate) struct Talk<'s> {
    spec: &'s CommandSpec,
    program: Option<Program>,
    /// What the class of the program was when it was first loaded.
    base: Option<CoordinatorBase>,
    next_id: u64,
    failures: u32,
    may_start_at: Instant,
}

/// The program as it runs.
#[derive(Debug)]
struct Program {
    dialogue: Dialogue,
    stderr: JoinHandle<()>,
}

impl<'s> Talk<'s> {
    pub(crate) fn new(spec: &'s CommandSpec) -> Self {
        let may_start_at = Instant::now();
        Self { spec, program: None, base: None, next_id: 1, failures: 0, may_start_at }
    }

    /// Asks the program about a run. After an error it is gone, and is started again at the next
    /// question.
    pub(crate) async fn ask(&mut self, offer: &Offer) -> Result<Verdict, HookError> {
        self.open().await?;
        let answer = match timeout(self.spec.timeout, self.converse(offer)).await {
            Ok(answer) => answer,
            Err(_) => Err(Wrong::Late(self.spec.timeout)),
        };
        if answer.is_ok() {
            self.failures = 0;
        }
        self.or_give_up(answer).await
    }

    /// Starts the program if it does not run, and hears whether its class is loaded, if it has one.
    /// After an error it is gone.
    pub(crate) async fn open(&mut self) -> Result<Option<CoordinatorBase>, HookError> {
        self.forget_one_that_has_ended().await;
        if self.program.is_none() {
            sleep_until(self.may_start_at).await;
            let started = self.start().await;
            self.or_give_up(started).await?;
        }
        Ok(self.base)
    }

    async fn start(&mut self) -> Result<(), Wrong> {
        let program = self.program.insert(Program::start(self.spec)?);
        let Some(opening) = &self.spec.opening else { return Ok(()) };
        let greeted = timeout(opening.timeout, greet(&mut program.dialogue, opening)).await;
        let base = greeted.unwrap_or(Err(Wrong::Late(opening.timeout)))?;
        if *self.base.get_or_insert(base) == base {
            return Ok(());
        }
        let why = "its class extends another coordinator than when the configuration was read: read \
                   that again, or start the daemon again";
        Err(Wrong::Said(why.to_owned()))
    }

    /// Passes on what was answered; a program that did not answer is given up.
    async fn or_give_up<T>(&mut self, answer: Result<T, Wrong>) -> Result<T, HookError> {
        let why = match answer {
            Ok(answer) => return Ok(answer),
            Err(Wrong::HasEnded) => self.last_words().await,
            Err(Wrong::Said(why)) => why,
            Err(Wrong::Late(limit)) => {
                format!("it gave no answer within {} s, and was ended", limit.as_secs_f64())
            }
        };
        self.give_up(&why).await;
        Err(HookError(why))
    }

    /// Ends the program, which is given some time for it.
    pub(crate) async fn end(&mut self) {
        if let Some(program) = self.program.take() {
            program.end(GRACE).await;
        }
    }

    /// One that has ended between two questions did nobody any harm: the next one is started.
    async fn forget_one_that_has_ended(&mut self) {
        if self.program.as_ref().is_some_and(|program| program.dialogue.has_ended()) {
            info!(hook = self.spec.name, "the program of a hook has ended; it is started again");
            self.end().await;
        }
    }

    async fn converse(&mut self, offer: &Offer) -> Result<Verdict, Wrong> {
        let id = self.next_id;
        self.next_id += 1;
        let question = Question::of(offer, id)?;
        let Some(program) = &mut self.program else { return Err(Wrong::HasEnded) };
        let line = exchange(&mut program.dialogue, &question).await?;
        understand(&line, id).map_err(Wrong::Said)
    }

    /// Says how a program ended that has stopped to talk.
    async fn last_words(&mut self) -> String {
        let status = match self.program.take() {
            Some(program) => program.end(LAST_BREATH).await,
            None => None,
        };
        let how = match status {
            Some(status) => format!("it has ended ({status}) without an answer"),
            None => "it has closed its input or output without an answer".to_owned(),
        };
        format!("{how}; the daemon's log has what it wrote to standard error")
    }

    async fn give_up(&mut self, why: &str) {
        warn!("the submission hook `{}` failed: {why}", self.spec.name);
        if let Some(program) = self.program.take() {
            program.end(Duration::ZERO).await;
        }
        let pause = FIRST_PAUSE * 2_u32.pow(self.failures.min(8));
        self.failures = self.failures.saturating_add(1);
        self.may_start_at = Instant::now() + pause.min(LONGEST_PAUSE);
    }
}

/// Why a question has no answer.
enum Wrong {
    /// The program has ended, or does not talk any more.
    HasEnded,
    /// It has not answered within this time.
    Late(Duration),
    /// What this sentence says.
    Said(String),
}

/// Says a line and hears the answer.
async fn exchange(dialogue: &mut Dialogue, line: &str) -> Result<Vec<u8>, Wrong> {
    if dialogue.say(line).await.is_err() {
        return Err(Wrong::HasEnded);
    }
    match dialogue.hear(MAX_ANSWER_BYTES).await {
        Ok(line) => Ok(line),
        Err(HearError::Ended) => Err(Wrong::HasEnded),
        Err(error @ (HearError::TooLong(_) | HearError::Unreadable(_))) => {
            Err(Wrong::Said(error.to_string()))
        }
    }
}

/// Has a program load its class, and returns what that does with runs.
async fn greet(dialogue: &mut Dialogue, opening: &Opening) -> Result<CoordinatorBase, Wrong> {
    let said = |error: serde_json::Error| Wrong::Said(error.to_string());
    let line = exchange(dialogue, &serde_json::to_string(&opening.class).map_err(said)?).await?;
    match serde_json::from_slice(&line) {
        Ok(CoordinatorLoaded::Coordinator { base, .. }) => Ok(base),
        Ok(CoordinatorLoaded::LoadError(error)) => Err(Wrong::Said(not_loaded(&error))),
        Ok(CoordinatorLoaded::BadRequest { message }) => Err(Wrong::Said(message)),
        Err(error) => {
            let quote = quoted(&line);
            Err(Wrong::Said(format!("it answered {quote}, which is no answer: {error}")))
        }
    }
}

/// Tells why a class cannot be loaded, with the traceback of the user's code.
fn not_loaded(error: &LoadError) -> String {
    let LoadError { class, message, traceback } = error;
    match traceback.trim_end() {
        "" => format!("the class cannot be loaded: {class}: {message}"),
        traceback => format!("the class cannot be loaded\n{traceback}"),
    }
}

impl Program {
    fn start(spec: &CommandSpec) -> Result<Self, Wrong> {
        let (dialogue, stderr) =
            Dialogue::start(&spec.program).map_err(|error| Wrong::Said(error.to_string()))?;
        info!(hook = spec.name, pid = dialogue.group(), "started the program of a hook");
        Ok(Self { dialogue, stderr: tokio::spawn(stderr::log(spec.name.clone(), stderr)) })
    }

    async fn end(self, grace: Duration) -> Option<ExitStatus> {
        let Self { dialogue, mut stderr } = self;
        let status = dialogue.end(grace).await;
        // Whoever still has its standard error has left the group, and is no part of it.
        if timeout(LAST_BREATH, &mut stderr).await.is_err() {
            stderr.abort();
        }
        status.unwrap_or_default()
    }
}

impl<'o> Question<'o> {
    /// Returns the line that asks about a run.
    fn of(offer: &'o Offer, id: u64) -> Result<String, Wrong> {
        let config = serde_json::from_str(&offer.config);
        let question = Self {
            version: PROTOCOL_VERSION,
            id,
            run: offer.run.to_string(),
            job: offer.job.as_str(),
            location: offer.location.as_str(),
            user: offer.user.as_deref(),
            tags: offer.tags.iter().collect(),
            headers: offer.headers.iter().collect(),
            config: config.map_err(|error| Wrong::Said(format!("the run's config: {error}")))?,
        };
        serde_json::to_string(&question).map_err(|error| Wrong::Said(error.to_string()))
    }
}

/// Reads an answer to the question with this id.
fn understand(line: &[u8], id: u64) -> Result<Verdict, String> {
    let answer: Answer = serde_json::from_slice(line).map_err(|error| {
        let quote = quoted(line);
        format!("it answered {quote}, which is no answer: {error}")
    })?;
    if answer.id != id {
        let quote = quoted(line);
        return Err(format!(
            "it was asked question {id} and wrote {quote}, which is no answer to it"
        ));
    }
    match answer.reject {
        None => Ok(Verdict::Accept(answer.tags)),
        Some(reason) if answer.tags.is_empty() => Ok(Verdict::Reject(reason)),
        Some(_) => Err("it answered with both `tags` and `reject`".to_owned()),
    }
}

fn quoted(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let short: String = text.chars().take(LONGEST_QUOTE).collect();
    let more = if short.len() < text.len() { "..." } else { "" };
    format!("{short:?}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Result<Verdict, &str>) {
        match (understand(line.as_bytes(), 7), expected) {
            (Ok(verdict), Ok(expected)) => assert_eq!(verdict, expected),
            (Err(why), Err(expected)) => assert!(why.contains(expected), "{line}: {why}"),
            (found, expected) => panic!("{line}: {found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn an_answer_sets_tags_or_refuses() {
        check(r#"{"id": 7}"#, Ok(Verdict::unchanged()));
        check(r#"{"id": 7, "tags": {}}"#, Ok(Verdict::unchanged()));
        check(r#"{"id": 7, "tags": {"a": "b"}, "reject": null}"#, Ok(Verdict::tag("a", "b")));
        check(r#"{"id": 7, "reject": "no"}"#, Ok(Verdict::Reject("no".to_owned())));
    }

    #[test]
    fn what_is_no_answer_is_told() {
        check("hello", Err(r#"it answered "hello", which is no answer"#));
        check("", Err("which is no answer"));
        check(r#"{"id": "7"}"#, Err("which is no answer"));
        check(r#"{"tags": {}}"#, Err("missing field `id`"));
        check(r#"{"id": 7, "tag": {}}"#, Err("unknown field `tag`"));
        check(r#"{"id": 7, "tags": {"a": 1}}"#, Err("invalid type"));
        check(r#"{"id": 6}"#, Err("it was asked question 7"));
        check(r#"{"id": 7, "tags": {"a": "b"}, "reject": "no"}"#, Err("both"));
        assert!(understand(b"\xff\xfe", 7).is_err());
        assert!(understand(&b"[".repeat(MAX_ANSWER_BYTES), 7).unwrap_err().len() < 1000);
    }
}
