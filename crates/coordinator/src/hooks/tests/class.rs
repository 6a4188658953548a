//! A program that loads a class before it is asked anything.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use process::dialogue::Program;
use process::environment::DEFAULT_PATH;
use serde_json::{Value, json};
use tempfile::TempDir;
use wire::shim::{CoordinatorBase, LoadCoordinator, VERSION};

use super::*;

/// How long anything may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);

/// Answers the opening with what the file `greeting` says, and every question with a tag.
const SCRIPT: &str = r#"
import json, sys
opening = json.loads(sys.stdin.readline())
print(open("greeting").read(), flush=True)
for line in sys.stdin:
    question = json.loads(line)
    tags = {"class": opening["class"], "run": question["run"]}
    if question["tags"].get("how") == "exit":
        sys.exit(3)
    print(json.dumps({"id": question["id"], "tags": tags}), flush=True)
"#;

struct World {
    folder: TempDir,
    hook: Arc<CommandHook>,
    chain: Chain,
}

impl World {
    fn new(greeting: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("class.py"), SCRIPT).unwrap();
        let program = Program {
            command: ["python3", "class.py"].map(Into::into).into(),
            folder: folder.path().to_owned(),
            environment: BTreeMap::from([("PATH".into(), DEFAULT_PATH.into())]),
        };
        let class = Box::new(LoadCoordinator {
            version: VERSION,
            module: "team".to_owned(),
            class: "Mine".to_owned(),
            config: json!({}),
            search: Vec::new(),
            storage: PathBuf::new(),
            instance: None,
        });
        let opening = Some(Opening { class, timeout: PATIENCE });
        let spec = CommandSpec { name: "class".to_owned(), program, timeout: PATIENCE, opening };
        let hook = Arc::new(CommandHook::new(spec));
        let chain = Chain::new(vec![Arc::clone(&hook) as Arc<dyn SubmissionHook>]);
        let world = Self { folder, hook, chain };
        world.greet_with(greeting);
        world
    }

    fn greet_with(&self, greeting: &Value) {
        fs::write(self.folder.path().join("greeting"), greeting.to_string()).unwrap();
    }

    async fn ask(&self, tags: &[(&str, &str)]) -> Result<String, String> {
        let asked = self.chain.run(offer(tags)).await;
        asked.map(|tags| as_text(&tags)).map_err(|refused| refused.to_string())
    }
}

fn loaded(base: &str) -> Value {
    json!({"version": 1, "kind": "coordinator", "base": base, "dagster": "1.13.1"})
}

const ACCEPTED: &str = "class=Mine run=00000000-0000-0000-0000-000000000007";

#[tokio::test]
async fn a_class_is_loaded_before_it_is_asked_and_again_when_its_process_is_gone() {
    let world = World::new(&loaded("immediate"));
    assert_eq!(world.hook.open().await, Ok(Some(CoordinatorBase::Immediate)));
    assert_eq!(world.ask(&[]).await.as_deref(), Ok(ACCEPTED));
    let told = world.ask(&[("how", "exit")]).await.unwrap_err();
    assert!(told.contains("it has ended (exit status: 3) without an answer"), "{told}");
    assert_eq!(world.ask(&[]).await.as_deref(), Ok(ACCEPTED));
    assert_eq!(world.hook.open().await, Ok(Some(CoordinatorBase::Immediate)));
    world.chain.stop().await;
}

#[tokio::test]
async fn a_class_that_cannot_be_loaded_is_told_with_its_traceback_and_asked_nothing() {
    let error = json!({"version": 1, "kind": "load_error", "class": "NameError", "message": "no x",
                       "traceback": "  File \"team.py\", line 3\nNameError: no x\n"});
    let world = World::new(&error);
    let HookError(why) = world.hook.open().await.unwrap_err();
    let expected = "the class cannot be loaded\n  File \"team.py\", line 3\nNameError: no x";
    assert_eq!(why, expected);
    let told = world.ask(&[]).await.unwrap_err();
    assert!(told.starts_with("the submission hook `class` failed: the class cannot be"), "{told}");
    world.greet_with(&json!("Hello"));
    let HookError(why) = world.hook.open().await.unwrap_err();
    assert!(why.contains("which is no answer"), "{why}");
    world.chain.stop().await;
}

#[tokio::test]
async fn a_class_that_is_loaded_as_another_kind_is_not_asked() {
    let world = World::new(&loaded("queued"));
    assert_eq!(world.hook.open().await, Ok(Some(CoordinatorBase::Queued)));
    world.greet_with(&loaded("immediate"));
    world.ask(&[("how", "exit")]).await.unwrap_err();
    let told = world.ask(&[]).await.unwrap_err();
    assert!(told.contains("its class extends another coordinator than"), "{told}");
    world.greet_with(&loaded("queued"));
    assert_eq!(world.ask(&[]).await.as_deref(), Ok(ACCEPTED));
    world.chain.stop().await;
}
