//! Carries out the blocks of a page one after the other, as its reader would, in a folder and a home
//! of their own.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::park_timeout;
use std::time::{Duration, Instant};

use definitions::{LocationState, Locations};
use model::Timestamp;
use tempfile::TempDir;

use crate::compare::Ids;
use crate::page::{Block, Part, What};

/// How long a command that only looks may be repeated until it prints what is shown, and how long a
/// server may take to come and go, on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a page calls its reader's folder.
const FOLDER: &str = "/srv/you";

/// Where a page says that the server is.
const ADDRESS: &str = "http://127.0.0.1:3141";

/// The commands that go on beside the rest of the page, as in another terminal.
const SERVERS: &[&str] = &["pointsman dev", "pointsman serve"];

/// What stands before the code with which a command exits, if that is not 0.
const EXIT: &str = "# exit ";

/// The commands that only look: what they print may take a moment to become what is shown.
const LOOKS: &[&str] = &[
    "pointsman queue",
    "pointsman run list",
    "pointsman run show",
    "pointsman run why",
    "pointsman run logs",
    "pointsman job list",
    "pointsman pool",
    "pointsman instance concurrency get",
    "pointsman instance show",
    "pointsman code-location list",
    "pointsman top --once",
    "pointsman config show",
    "cat ",
    "curl -s http",
];

pub(crate) struct Session {
    folder: TempDir,
    background: Vec<(String, Child)>,
    ids: Ids,
}

impl Session {
    pub(crate) fn new(project: &Path) -> Self {
        let folder = TempDir::new().unwrap();
        symlink(project.join("examples"), folder.path().join("examples")).unwrap();
        let ids = Ids::default();
        Self { folder, background: Vec::new(), ids }
    }

    pub(crate) fn play(&mut self, page: &str, part: &Part) {
        let place = format!("{page}:{}", part.line);
        match &part.what {
            What::Fresh => self.begin_anew(&place),
            What::Block(block) => self.block(&place, block),
        }
    }

    fn begin_anew(&mut self, place: &str) {
        let commands = self.end();
        let _ = fs::remove_dir_all(self.home());
        self.ids = Ids::default();
        for command in commands {
            self.start(place, &command);
        }
    }

    fn block(&mut self, place: &str, block: &Block) {
        match (block.language.as_str(), block.rest.as_str()) {
            ("yaml", "with mistakes") => {
                assert!(self.problem(&block.text).is_some(), "{place}: there is no mistake in it");
            }
            ("yaml", name) => {
                if let Some(problem) = self.problem(&block.text) {
                    panic!("{place}: {problem}");
                }
                self.write(name, &block.text);
            }
            ("console", _) => self.console(place, &block.text),
            ("sh", "") => self.script(place, &block.text),
            (_, "") => {}
            (_, name) => self.write(name, &block.text),
        }
    }

    fn write(&self, name: &str, text: &str) {
        if !name.is_empty() {
            let path = self.folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    /// Says what is wrong with a piece of YAML, by what it is.
    fn problem(&self, text: &str) -> Option<String> {
        let is_key = |key: &str| text.lines().any(|line| line.starts_with(key));
        if is_key("jobs:") {
            let folder = TempDir::new().unwrap();
            let path = folder.path().join("jobs.yaml");
            fs::write(&path, text).unwrap();
            let loaded = Locations::load([path], Timestamp::from_micros(0)).locations();
            return loaded.into_iter().find_map(|location| match location.state {
                LocationState::Loading | LocationState::Loaded => None,
                LocationState::Failed(problems) => Some(problems.to_string()),
                LocationState::Gone => Some("it is gone".to_owned()),
            });
        }
        let args: &[&str] =
            if is_key("- id:") { &["scenario", "run"] } else { &["config", "check"] };
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("pointsman.yaml");
        fs::write(&path, text).unwrap();
        let output = self.pointsman(args).arg(&path).output().unwrap();
        (!output.status.success()).then(|| printed(&output))
    }

    /// Carries out the commands of a block, and compares what they print.
    fn console(&mut self, place: &str, text: &str) {
        let mut commands: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), String::new())),
                (None, Some((command, shown))) if command.ends_with('\\') && shown.is_empty() => {
                    command.push('\n');
                    command.push_str(line);
                }
                (None, Some((_, shown))) => {
                    shown.push_str(line);
                    shown.push('\n');
                }
                (None, None) => panic!("{place}: a console block begins with a command"),
            }
        }
        for (command, shown) in commands {
            let is_server = SERVERS.iter().any(|server| command.starts_with(server));
            if is_server && !command.contains(EXIT) {
                self.start(place, &command);
            } else {
                self.command(place, &command, &shown);
            }
        }
    }

    fn command(&mut self, place: &str, command: &str, shown: &str) {
        let real = self.real(command);
        let code = command.rsplit_once(EXIT).map_or(0, |(_, code)| code.trim().parse().unwrap());
        let is_look = LOOKS.iter().any(|look| command.starts_with(look));
        let until = Instant::now() + PATIENCE;
        loop {
            let output = self.bash(&real).output().unwrap();
            let text = self.shown(&printed(&output));
            if shown.is_empty() {
                println!("{place}: $ {command}\n{text}");
            }
            let differs = match output.status.code() {
                Some(found) if found == code => self.difference(shown, &text),
                found => Some(format!("exit code {found:?}")),
            };
            let Some(differs) = differs else { return };
            assert!(
                is_look && Instant::now() < until,
                "{place}: $ {command}\n{differs}\n--- all that was printed:\n{text}"
            );
            park_timeout(Duration::from_millis(100));
        }
    }

    /// Without anything shown, anything may be printed.
    fn difference(&mut self, shown: &str, text: &str) -> Option<String> {
        if shown.trim().is_empty() {
            return None;
        }
        self.ids.compare(shown.trim_end(), text.trim_end()).err()
    }

    fn script(&mut self, place: &str, text: &str) {
        let output = self.bash(&format!("set -eu\n{}", self.real(text))).output().unwrap();
        assert!(output.status.success(), "{place}: {}: {}", output.status, printed(&output));
    }

    /// Starts what goes on beside the rest of the page; a server is waited for.
    fn start(&mut self, place: &str, command: &str) {
        let log = self.folder.path().join(".background.log");
        let file = fs::File::create(&log).unwrap();
        let mut bash = self.bash(&format!("exec {}", self.real(command)));
        bash.stdout(file.try_clone().unwrap()).stderr(file).process_group(0);
        self.background.push((command.to_owned(), bash.spawn().unwrap()));
        let until = Instant::now() + PATIENCE;
        while !self.pointsman(&["queue"]).output().unwrap().status.success() {
            let told = fs::read_to_string(&log).unwrap_or_default();
            let ended = self.background.last_mut().unwrap().1.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < until, "{place}: $ {command}\n{told}");
            park_timeout(Duration::from_millis(50));
        }
    }

    /// Returns a command of the page as it is carried out here: with the ids of this day, and at a
    /// port that nobody else has.
    fn real(&self, command: &str) -> String {
        let command = self.ids.translate(command);
        let command = command.replace(ADDRESS, &self.address());
        let command = command.replace(FOLDER, &self.folder());
        SERVERS
            .iter()
            .fold(command, |command, server| command.replace(server, &format!("{server} --port 0")))
    }

    /// Returns what was printed as the page shows it: with its folder and its address.
    fn shown(&self, printed: &str) -> String {
        printed.replace(&self.folder(), FOLDER).replace(&self.address(), ADDRESS)
    }

    /// Returns where the server of the page is, if there is one.
    fn address(&self) -> String {
        let told = fs::read_to_string(self.home().join("server.json")).ok();
        let told = told.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
        told.and_then(|told| Some(told["url"].as_str()?.to_owned())).unwrap_or(ADDRESS.to_owned())
    }

    fn folder(&self) -> String {
        self.folder.path().canonicalize().unwrap().display().to_string()
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join(".pointsman")
    }

    fn bash(&self, text: &str) -> Command {
        let mut command = Command::new("bash");
        command.args(["-o", "pipefail", "-c", text]);
        self.prepare(&mut command);
        command
    }

    fn pointsman(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
        command.args(args);
        self.prepare(&mut command);
        command
    }

    /// The reader's own folder is the page's folder; `pointsman` is in the path.
    fn prepare(&self, command: &mut Command) {
        let binaries = Path::new(env!("CARGO_BIN_EXE_pointsman")).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", binaries.display()));
        command.env("HOME", self.folder.path()).env("POINTSMAN_HOME", self.home());
        // What an example of the configuration reads.
        command.env("MAX_RUNS", "5");
        for name in ["DAGSTER_HOME", "POINTSMAN_TOKEN", "POINTSMAN_URL"] {
            command.env_remove(name);
        }
        command.current_dir(self.folder.path()).stdin(Stdio::null());
    }

    /// Ends what the page has started, runs in progress too, and returns by which commands.
    fn end(&mut self) -> Vec<String> {
        if !self.background.is_empty() {
            let force = "pointsman run list --json --limit 500 | tr ',' '\\n' | sed -n 's/.*\"id\": *\"\\([0-9a-f-]*\\)\".*/\\1/p' \
                 | xargs -r -n 1 pointsman run cancel --force";
            // Those that have ended already cannot be canceled.
            let _ = self.bash(force).output();
        }
        let mut commands = Vec::new();
        for (command, mut child) in self.background.drain(..) {
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-INT", "--", &group]).output();
            let until = Instant::now() + PATIENCE;
            while child.try_wait().is_ok_and(|end| end.is_none()) && Instant::now() < until {
                park_timeout(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
            commands.push(command);
        }
        commands
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end();
    }
}

fn printed(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
