//! What an attempt keeps in the home folder, and under which names. Those that its launcher needs
//! too stand in `model`.
//!
//! Whoever reads the output of a step finds it by these names too.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::{Attempt, RunId, files, hex};
use sha2::{Digest, Sha256};
use tokio::time::sleep;

/// How long the name of a step may be in the name of a file, in bytes; a file name has 255.
const MAX_STEP_NAME: usize = 150;

/// How many bytes of the SHA-256 of a step's key stand at the end of a name that was cut.
const HASH_BYTES: usize = 8;

/// How often a worker looks whether its folder is still there: the look costs microseconds, and there
/// may be a thousand workers.
const LOOK: Duration = Duration::from_secs(5);

/// After how long it looks once more before it believes that it is not.
const LOOK_TWICE: Duration = Duration::from_secs(1);

/// The folder of one attempt of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Finds the folder of an attempt below the home folder.
    pub fn of(home: &Path, run: RunId, attempt: Attempt) -> Self {
        Self { path: files::of_attempt(home, run, attempt) }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until the folder is gone: somebody has deleted it, or the whole home. What cannot be
    /// looked at just now is not gone.
    pub(crate) async fn gone(&self) {
        loop {
            sleep(LOOK).await;
            if !self.is_gone().await {
                continue;
            }
            sleep(LOOK_TWICE).await;
            if self.is_gone().await {
                return;
            }
        }
    }

    async fn is_gone(&self) -> bool {
        matches!(tokio::fs::try_exists(&self.path).await, Ok(false))
    }

    /// The secret of the attempt.
    pub fn token(&self) -> PathBuf {
        self.path.join(files::TOKEN)
    }

    /// The lock that the worker holds from its first act to its end.
    pub fn lock(&self) -> PathBuf {
        self.path.join(files::WORKER_LOCK)
    }

    /// The reports that the daemon has not received.
    pub fn spool(&self) -> PathBuf {
        self.path.join("spool.jsonl")
    }

    /// The config of the run.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.json")
    }

    /// The folder with the files of the steps.
    pub fn steps(&self) -> PathBuf {
        self.path.join(files::STEPS)
    }

    /// The standard output of a try of a step.
    pub fn out(&self, step: &str, r#try: u32) -> PathBuf {
        self.step_file(step, r#try, "out")
    }

    /// The standard error of a try of a step.
    pub fn err(&self, step: &str, r#try: u32) -> PathBuf {
        self.step_file(step, r#try, "err")
    }

    /// The lock that the guard of a try of a step holds until nothing of it is left.
    pub fn step_lock(&self, step: &str, r#try: u32) -> PathBuf {
        self.step_file(step, r#try, files::LOCK)
    }

    /// What Python is asked for a try of a step that is code written for Dagster.
    pub fn request(&self, step: &str, r#try: u32) -> PathBuf {
        self.step_file(step, r#try, "request")
    }

    /// What Python answers.
    pub fn answer(&self, step: &str, r#try: u32) -> PathBuf {
        self.step_file(step, r#try, "answer")
    }

    fn step_file(&self, step: &str, r#try: u32, kind: &str) -> PathBuf {
        self.steps().join(format!("{}.{try}.{kind}", step_name(step)))
    }
}

/// Writes the key of a step so that it is safe in the name of a file, and no two keys alike: bytes
/// other than letters, digits, `_` and `-` as `%` and two digits; a long name cut, with the
/// beginning of the key's SHA-256 behind.
fn step_name(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            name.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    if name.len() > MAX_STEP_NAME {
        name.truncate(MAX_STEP_NAME - 1 - 2 * HASH_BYTES);
        name.push('~');
        name.push_str(&hex::write(&Sha256::digest(key.as_bytes())[..HASH_BYTES]));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_step_never_leaves_the_folder() {
        let run = "1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e10".parse().unwrap();
        let folder = Folder::of(Path::new("/h"), run, Attempt::FIRST);
        let steps = "/h/runs/1b4e28ba-2fa1-4e1d-8c2a-6f5c3a9d7e10/1/steps/";
        let out = |key: &str| folder.out(key, 2).display().to_string();
        assert_eq!(out("load"), format!("{steps}load.2.out"));
        assert_eq!(out("../a b"), format!("{steps}%2E%2E%2Fa%20b.2.out"));
        assert_eq!(out("mult[é]"), format!("{steps}mult%5B%C3%A9%5D.2.out"));
    }

    #[test]
    fn long_keys_that_begin_alike_have_names_of_their_own() {
        let (a, b) = ("x".repeat(400), "x".repeat(401));
        assert_ne!(step_name(&a), step_name(&b));
        for key in [&a, &b, &"é".repeat(100)] {
            assert!(step_name(key).len() <= MAX_STEP_NAME, "{}", step_name(key));
        }
        assert_eq!(step_name(&"x".repeat(150)), "x".repeat(150));
    }
}
