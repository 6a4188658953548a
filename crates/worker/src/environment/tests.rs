use serde_json::json;
use wire::plan::{Executor, Plan};

use super::*;

fn facts(config: &str) -> RunFacts {
    let given = Assignment {
        plan: Plan {
            job: "nightly".to_owned(),
            location: "here".to_owned(),
            steps: vec![],
            dagster: None,
            executor: Executor::default(),
        },
        tags: BTreeMap::from([("team".to_owned(), "a \"b\"".to_owned())]),
        config: json!(null),
    };
    RunFacts::new("some-run".to_owned(), 2, &given, config, "/x/config.json".into())
}

fn step(env: &[(&str, EnvValue)]) -> PlanStep {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    PlanStep { env, ..crate::graph::tests::step("load", &[]) }
}

fn worker() -> BTreeMap<OsString, OsString> {
    [("PATH", "/bin"), ("SECRET", "s"), ("POINTSMAN_HOME", "/h")]
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn text(text: &str) -> EnvValue {
    EnvValue::Text(text.to_owned())
}

#[test]
fn a_step_gets_the_base_what_it_names_and_what_tells_about_its_run() {
    let step = step(&[
        ("MODE", text("fast")),
        ("KEY", EnvValue::From("SECRET".to_owned())),
        ("POINTSMAN_STEP", text("another")),
    ]);
    let environment = facts("{}").environment(&step, 3, &worker()).unwrap();
    let lines: Vec<String> = environment
        .iter()
        .map(|(name, value)| format!("{}={}", name.display(), value.display()))
        .collect();
    assert_eq!(
        lines,
        [
            "KEY=s",
            "MODE=fast",
            "PATH=/bin",
            "POINTSMAN_ATTEMPT=2",
            "POINTSMAN_CONFIG={}",
            "POINTSMAN_CONFIG_FILE=/x/config.json",
            "POINTSMAN_JOB=nightly",
            "POINTSMAN_RUN_ID=some-run",
            "POINTSMAN_STEP=load",
            "POINTSMAN_TAGS={\"team\":\"a \\\"b\\\"\"}",
            "POINTSMAN_TRY=3",
        ]
    );
}

#[test]
fn a_long_config_stands_in_the_file_alone() {
    let has_variable = |length| {
        let environment = facts(&"1".repeat(length)).environment(&step(&[]), 1, &worker());
        environment.unwrap().contains_key(OsStr::new("POINTSMAN_CONFIG"))
    };
    assert!(has_variable(MAX_CONFIG_VARIABLE));
    assert!(!has_variable(MAX_CONFIG_VARIABLE + 1));
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let step = step(&[("KEY", EnvValue::From("NOWHERE".to_owned()))]);
    let error = facts("{}").environment(&step, 1, &worker()).unwrap_err();
    assert!(error.to_string().contains("`NOWHERE` (as `KEY`), which is not set"), "{error}");
}

#[test]
fn what_no_variable_can_be_is_refused() {
    for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "x\0")] {
        let error = facts("{}").environment(&step(&[(name, text(value))]), 1, &worker());
        assert_eq!(error, Err(EnvironmentError::Unusable(name.to_owned())));
    }
}
