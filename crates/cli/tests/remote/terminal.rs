//! Commands on a real terminal: a pseudo-terminal of the system, with the command at its other end.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use serde_json::json;

use crate::instance::server_at_work;
use crate::runs::{ID, run};
use crate::scripted::{Server, pointsman};

/// How long anything may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);

/// A command on a terminal of its own.
struct Terminal {
    /// Our end: what is written is typed.
    keyboard: File,
    /// The command's end; open here too, so that it can be asked about after the command's end.
    line: OwnedFd,
    output: Receiver<Vec<u8>>,
    /// Everything that was written so far.
    seen: String,
    child: Child,
}

impl Terminal {
    fn start(mut command: Command, columns: u16, rows: u16) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let line = rustix::fs::open(name, flags, Mode::empty()).unwrap();
        let end = || Stdio::from(line.try_clone().unwrap());
        let keyboard = File::from(ours);
        size(&keyboard, columns, rows);
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let mut screen = keyboard.try_clone().unwrap();
        let (sender, output) = sync_channel(1024);
        let read = move || {
            let mut bytes = vec![0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        };
        // It ends with the test's process, which is of this test alone.
        std::thread::Builder::new().spawn(read).unwrap();
        Self { keyboard, line, output, seen: String::new(), child }
    }

    fn resize(&self, columns: u16, rows: u16) {
        size(&self.keyboard, columns, rows);
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads until a text was written after what was read before.
    fn wait_for(&mut self, text: &str) {
        let from = self.seen.len();
        let begun = Instant::now();
        while !self.seen[from..].contains(text) {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let Ok(bytes) = self.output.recv_timeout(left) else {
                panic!("{text:?} was not written: {:?}", &self.seen[from..])
            };
            self.seen += &String::from_utf8_lossy(&bytes);
        }
    }

    /// Waits for the end and reads what is left; returns the exit code.
    fn end(&mut self) -> Option<i32> {
        let code = self.child.wait().unwrap().code();
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(200)) {
            self.seen += &String::from_utf8_lossy(&bytes);
        }
        code
    }

    /// Returns whether lines are read as a shell wants them: with echo, and line by line.
    fn is_as_before(&self) -> bool {
        let modes = tcgetattr(&self.line).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(terminal: &File, columns: u16, rows: u16) {
    let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).unwrap();
}

fn on(home: &Path, args: &[&str], columns: u16, rows: u16) -> Terminal {
    Terminal::start(pointsman(home, args), columns, rows)
}

/// What takes the whole screen, and gives it back.
const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";

#[test]
fn top_takes_the_terminal_follows_its_size_and_gives_it_back() {
    let server = server_at_work();
    let mut terminal = on(server.home.path(), &["top"], 60, 20);
    terminal.wait_for("q quit");
    assert!(terminal.seen.contains(ENTER) && terminal.seen.contains("IN PROGRESS 1 of 10"));
    assert!(!terminal.is_as_before());
    // Wide enough for what was cut before.
    assert!(!terminal.seen.contains("1/1"), "{:?}", terminal.seen);
    terminal.resize(120, 20);
    terminal.wait_for("1/1");
    terminal.press("\t");
    terminal.wait_for("QUEUE");
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0));
    assert!(terminal.seen.contains(LEAVE) && terminal.is_as_before());
}

#[test]
fn top_gives_the_terminal_back_however_it_ends() {
    let server = server_at_work();
    for end in ["\u{3}", "TERM", "HUP"] {
        let mut terminal = on(server.home.path(), &["top"], 80, 24);
        terminal.wait_for("q quit");
        if end.len() == 1 {
            terminal.press(end);
        } else {
            let pid = terminal.child.id().to_string();
            Command::new("kill").args(["-s", end, &pid]).status().unwrap();
        }
        assert_eq!(terminal.end(), Some(0), "{end}");
        assert!(terminal.seen.contains(LEAVE) && terminal.is_as_before(), "{end}");
    }
}

#[test]
fn top_without_a_server_leaves_the_terminal_alone() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = on(home.path(), &["top"], 80, 24);
    assert_eq!(terminal.end(), Some(3));
    assert!(terminal.seen.contains("no server runs") && !terminal.seen.contains(ENTER));
}

#[test]
fn top_tells_that_the_server_is_gone_and_shows_what_was_read_last() {
    let server = server_at_work();
    let mut terminal = on(server.home.path(), &["top"], 100, 24);
    terminal.wait_for("q quit");
    server.forget("GET /api/v1/instance");
    terminal.wait_for("Shown");
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn top_finds_a_server_that_was_started_again_elsewhere() {
    let (server, other) = (server_at_work(), server_at_work());
    let mut terminal = on(server.home.path(), &["top"], 100, 24);
    terminal.wait_for("q quit");
    let address = std::fs::read(other.home.path().join("server.json")).unwrap();
    std::fs::write(server.home.path().join("server.json"), address).unwrap();
    assert!(other.asked().is_empty());
    server.forget("GET /api/v1/instance");
    let begun = Instant::now();
    while !other.asked().iter().any(|asked| asked.contains("/instance")) {
        assert!(begun.elapsed() < PATIENCE, "{:?}", terminal.seen);
        std::thread::park_timeout(Duration::from_millis(20));
    }
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn a_table_fits_the_terminal_and_is_coloured() {
    let server = Server::start();
    let mut long = run("FAILURE");
    long["tags"] = json!({ "a_tag": "with a value that is much longer than the terminal is wide" });
    server.on("GET /api/v1/runs?limit=20", 200, &json!({ "runs": [long], "next": null }));
    let mut terminal = on(server.home.path(), &["run", "list"], 70, 24);
    assert_eq!(terminal.end(), Some(0));
    assert!(terminal.seen.contains("\u{1b}[31mFAILURE"), "{}", terminal.seen);
    let row = terminal.seen.lines().find(|line| line.contains("1b4e28ba")).unwrap();
    assert!(row.trim_end().ends_with('…') && !row.contains("wide"), "{row}");
}

#[test]
fn runs_that_a_query_finds_are_changed_after_a_question() {
    let answer = |is_preview: bool| {
        json!({ "matched": 1, "changed": [ID], "unchanged": [], "refused": [], "started": [],
                "is_started_cut": false, "is_preview": is_preview })
    };
    let ended = "9f3c77aa-2fa1-4e1d-8c2a-6f5c3a9d7e10";
    let mut preview = answer(true);
    preview["refused"] = json!([{ "run": ended, "reason": "it has ended" }]);
    for (typed, requests) in [("y\n", 2), ("n\n", 1), ("\n", 1)] {
        let server = Server::start();
        let changes = "POST /api/v1/run-changes";
        server.on(changes, 200, &preview).on(changes, 200, &answer(false));
        let mut terminal = on(server.home.path(), &["run", "hold", "--queued"], 80, 24);
        terminal.wait_for("Change 1 run? [y/N]");
        assert!(terminal.seen.contains("Would change 1 run"), "{}", terminal.seen);
        terminal.press(typed);
        // As if nobody had asked: what could not be changed is told, and the code says so.
        assert_eq!(terminal.end(), Some(i32::from(requests == 2)));
        let told = terminal.seen.rsplit_once("[y/N]").unwrap().1;
        assert_eq!(told.contains("Not changed: 9f3c77aa"), requests == 2, "{told}");
        let writes = server.writes();
        assert_eq!(writes.len(), requests, "{writes:?}");
        // Exactly what was shown is changed.
        let shown =
            format!("{changes} {{\"runs\":[\"{ID}\"],\"change\":\"hold\",\"preview\":false}}");
        assert_eq!(writes.get(1), (requests == 2).then_some(&shown));
    }
}
