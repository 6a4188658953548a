use std::path::Path;
use std::time::Duration;

use process::dialogue::Program;
use process::environment::DEFAULT_PATH;
use process::group::members;
use tempfile::TempDir;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::*;

/// How long anything may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);

/// Notes its process, then answers every question as `answer` says, which sees the question as `q`.
const SCRIPT: &str = r#"
import json, os, sys, time
with open("pids", "a") as pids:
    pids.write(f"{os.getpid()}\n")
def say(value):
    print(json.dumps(value), flush=True)
for line in sys.stdin:
    q = json.loads(line)
    job, tags = q["job"], q["tags"]
    how = tags.get("how", "set")
    if how == "set":
        say({"id": q["id"], "tags": {"job": job, "asked": str(q["id"])}})
    elif how == "echo":
        say({"id": q["id"], "tags": {"question": line.strip()}})
    elif how == "reject":
        say({"id": q["id"], "reject": "not today"})
    elif how == "exit":
        print("going down", file=sys.stderr, flush=True)
        sys.exit(3)
    elif how == "hang":
        time.sleep(1000)
    elif how == "flood":
        while True:
            sys.stdout.write("x" * 65536)
    elif how == "nonsense":
        print("Traceback", flush=True)
    elif how == "wrong id":
        say({"id": q["id"] - 1})
    elif how == "twice":
        say({"id": q["id"]})
        say({"id": q["id"], "tags": {"of": "another run"}})
    elif how == "reserved":
        say({"id": q["id"], "tags": {"dagster/code_location": "elsewhere"}})
    elif how == "leave others":
        if os.fork() == 0:
            time.sleep(1000)
        say({"id": q["id"]})
"#;

struct World {
    folder: TempDir,
    chain: Arc<Chain>,
}

impl World {
    fn new(command: &[&str], longest: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("hook.py"), SCRIPT).unwrap();
        let program = Program {
            command: command.iter().map(Into::into).collect(),
            folder: folder.path().to_owned(),
            environment: BTreeMap::from([("PATH".into(), DEFAULT_PATH.into())]),
        };
        let spec =
            CommandSpec { name: "script".to_owned(), program, timeout: longest, opening: None };
        Self { folder, chain: Chain::new(vec![Arc::new(CommandHook::new(spec))]).into() }
    }

    /// A program that has all the time it needs.
    fn patient() -> Self {
        Self::new(&["python3", "hook.py"], PATIENCE)
    }

    async fn ask(&self, how: &str) -> Result<String, String> {
        let tags = if how == "set" { Vec::new() } else { vec![("how", how)] };
        let run = timeout(PATIENCE, self.chain.run(offer(&tags))).await.unwrap();
        run.map(|tags| as_text(&tags)).map_err(|refused| refused.to_string())
    }

    /// Asks what fails and returns what is said about it.
    async fn fails(&self, how: &str) -> String {
        let told = self.ask(how).await.unwrap_err();
        assert!(told.starts_with("the submission hook `script` failed: "), "{told}");
        told
    }

    /// The processes that were started, in their order.
    fn started(&self) -> Vec<u32> {
        let pids = std::fs::read_to_string(self.folder.path().join("pids")).unwrap_or_default();
        pids.lines().map(|pid| pid.parse().unwrap()).collect()
    }

    /// Ends the chain; nothing that it has started may be left, not even unreaped. What the program has
    /// started is killed by then, but the system may take a moment to see it end.
    async fn stop(self) {
        timeout(PATIENCE, self.chain.stop()).await.unwrap();
        for pid in self.started() {
            let gone = async {
                while !members(pid).unwrap().is_empty() {
                    yield_now().await;
                }
            };
            timeout(PATIENCE, gone).await.unwrap_or_else(|_| panic!("the group of {pid} lives"));
            assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{pid} was not reaped");
        }
    }
}

#[tokio::test]
async fn a_program_is_started_once_and_sets_tags_or_refuses() {
    let world = World::patient();
    assert_eq!(world.ask("set").await, Ok("asked=1 job=nightly".to_owned()));
    let refused = world.ask("reject").await.unwrap_err();
    assert_eq!(refused, "the submission hook `script` refuses this run: not today");
    assert_eq!(world.ask("set").await, Ok("asked=3 job=nightly".to_owned()));
    assert_eq!(world.started().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_question_tells_all_about_the_run() {
    let world = World::patient();
    let headers = with_headers(&[("how", "echo")], &[("X-Team", "docs"), ("Cookie", "secret")]);
    let asked = Offer { user: Some("ann".to_owned()), ..headers };
    let tags = world.chain.run(asked).await.unwrap();
    let question: serde_json::Value = serde_json::from_str(tags.get("question").unwrap()).unwrap();
    assert_eq!(
        question,
        serde_json::json!({
            "version": 1, "id": 1, "run": "00000000-0000-0000-0000-000000000007", "job": "nightly", "location": "etl", "user": "ann",
            "tags": {"how": "echo"}, "headers": {"x-team": "docs"}, "config": {"day": 1},
        })
    );
    world.stop().await;
}

#[tokio::test]
async fn whatever_goes_wrong_fails_one_submission_and_the_program_is_started_again() {
    let world = World::patient();
    for (how, why) in [
        ("exit", "it has ended (exit status: 3) without an answer"),
        ("flood", "it wrote a line of more than 262144 bytes"),
        ("nonsense", r#"it answered "Traceback", which is no answer"#),
        ("wrong id", "which is no answer to it"),
    ] {
        let before = world.started().len();
        let told = world.fails(how).await;
        assert!(told.contains(why), "{how}: {told}");
        assert!(world.ask("set").await.is_ok(), "after {how}");
        assert_eq!(world.started().len(), before.max(1) + 1, "after {how}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_program_that_hangs_is_ended() {
    let world = World::new(&["python3", "hook.py"], Duration::from_secs(3));
    let told = world.fails("hang").await;
    assert!(told.contains("it gave no answer within 3 s, and was ended"), "{told}");
    let first = world.started()[0];
    assert_eq!(members(first).unwrap(), []);
    world.stop().await;
}

#[tokio::test]
async fn what_nobody_asked_for_is_never_taken_for_an_answer() {
    let world = World::patient();
    assert_eq!(world.ask("twice").await, Ok("how=twice".to_owned()));
    let told = world.fails("set").await;
    assert!(told.contains("it was asked question 2 and wrote"), "{told}");
    assert_eq!(world.ask("set").await, Ok("asked=3 job=nightly".to_owned()));
    world.stop().await;
}

#[tokio::test]
async fn a_tag_that_no_hook_may_set_fails_the_submission_and_not_the_program() {
    let world = World::patient();
    let told = world.fails("reserved").await;
    assert!(told.contains("`dagster/code_location`, which only the coordinator sets"), "{told}");
    assert!(world.ask("set").await.is_ok());
    assert_eq!(world.started().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_explained() {
    let world = World::new(&["no-such-program"], PATIENCE);
    for _ in 0..3 {
        let told = world.fails("set").await;
        assert!(told.contains("no folder of PATH has a program of this name"), "{told}");
    }
    world.stop().await;
}

#[tokio::test]
async fn one_that_has_ended_between_two_questions_fails_nobody() {
    let world = World::patient();
    assert!(world.ask("set").await.is_ok());
    let first = world.started()[0];
    let killed = std::process::Command::new("kill").args(["-9", &first.to_string()]).status();
    assert!(killed.unwrap().success());
    let look = async {
        while !members(first).unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, look).await.unwrap();
    assert_eq!(world.ask("set").await, Ok("asked=2 job=nightly".to_owned()));
    assert_eq!(world.started().len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn nothing_that_a_program_has_started_is_left_when_the_daemon_stops() {
    let world = World::patient();
    assert!(world.ask("leave others").await.is_ok());
    assert_eq!(members(world.started()[0]).unwrap().len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_program_whose_hook_is_dropped_ends() {
    let world = World::patient();
    assert!(world.ask("set").await.is_ok());
    let program = world.started()[0];
    let World { chain, folder } = world;
    drop(chain);
    let look = async {
        while Path::new(&format!("/proc/{program}")).exists() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, look).await.unwrap();
    drop(folder);
}

#[tokio::test]
async fn many_submissions_at_one_time_are_answered_each_with_its_own() {
    let world = World::patient();
    let asked = (0..50).map(|number: u32| {
        let chain = Arc::clone(&world.chain);
        tokio::spawn(async move {
            let number = number.to_string();
            let tags = chain.run(offer(&[("number", &number), ("how", "echo")])).await.unwrap();
            let question: serde_json::Value =
                serde_json::from_str(tags.get("question").unwrap()).unwrap();
            assert_eq!(question["tags"]["number"], number.as_str());
        })
    });
    // All of them are under way at one time.
    let asked: Vec<_> = asked.collect();
    for submission in asked {
        timeout(PATIENCE, submission).await.unwrap().unwrap();
    }
    assert_eq!(world.started().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn no_descriptor_is_left_behind_by_programs_that_failed() {
    let world = World::patient();
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    assert!(world.ask("set").await.is_ok());
    let before = open();
    for _ in 0..20 {
        world.fails("nonsense").await;
        assert!(world.ask("set").await.is_ok());
    }
    // Other tests open and close files too, if they run in this process.
    assert!(open() < before + 30, "{before}, {}", open());
    world.stop().await;
}
