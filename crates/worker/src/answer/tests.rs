use std::io::Write;

use super::*;

fn ended(answer: &str, how: Ending) -> (Ending, Option<Error>, Vec<Heard>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answer");
    std::fs::write(&path, answer).unwrap();
    let (mut answer, mut heard) = (Answer::new(&path, Clock::start()), Vec::new());
    while answer.read(&mut heard).unwrap() {}
    let (ending, error) = answer.conclude(how, &mut heard);
    (ending, error, heard)
}

fn after(lines: &[&str]) -> Ending {
    ended(&lines.join("\n"), Ending::Succeeded).0
}

fn assets(heard: &[Heard]) -> Vec<&str> {
    heard.iter().map(asset).collect()
}

fn asset(heard: &Heard) -> &str {
    let Told::Materialization(about) = &heard.told else { panic!("no materialization: {heard:?}") };
    about.asset_key.as_str()
}

#[test]
fn the_outputs_of_a_step_are_told_with_its_success() {
    let lines = [
        r#"{"version":1,"at":1.5,"kind":"started"}"#,
        r#"{"kind":"output","name":"plain","mapping_key":null,"type_check":true}"#,
        r#"{"kind":"output","name":"many","mapping_key":"a"}"#,
        r#"{"kind":"output","name":"many","mapping_key":"b"}"#,
        r#"{"kind":"materialization","asset_key":"x"}"#,
        "no line of ours",
        r#"{"version":1,"at":2.5,"kind":"succeeded"}"#,
    ];
    let keys = Some(vec!["a".to_owned(), "b".to_owned()]);
    let outputs = Outputs::from([("many".to_owned(), keys), ("plain".to_owned(), None)]);
    assert_eq!(after(&lines), Ending::Gave(outputs));
    let skipped = [lines[1], r#"{"kind":"skipped"}"#];
    assert_eq!(after(&skipped), Ending::Gave(Outputs::new()));
}

#[test]
fn a_failure_names_its_causes_and_a_retry_its_delay() {
    let error = r#"{"class":"A","message":"a","cause":{"class":"B","message":"","cause":null}}"#;
    let failed = format!(r#"{{"kind":"failed","allow_retries":true,"error":{error}}}"#);
    assert_eq!(after(&[&failed]), Ending::Final("A: a; caused by B".to_owned()));
    let (_, told, _) = ended(&failed, Ending::Succeeded);
    assert_eq!(told.unwrap().cause.unwrap().class.as_deref(), Some("B"));
    let again = format!(r#"{{"kind":"up_for_retry","seconds_to_wait":1.5,"error":{error}}}"#);
    let text = "A: a; caused by B".to_owned();
    assert_eq!(after(&[&again]), Ending::Again(text, Duration::from_millis(1500)));
    let lines = error.replace(r#""a""#, r#""one failed:\n  a: b:\n""#);
    let failed = format!(r#"{{"kind":"failed","error":{lines}}}"#);
    let text = "A: one failed: a: b; caused by B".to_owned();
    assert_eq!(after(&[&failed]), Ending::Final(text));
}

#[test]
fn a_process_that_dies_before_its_last_line_has_failed() {
    let killed = || Ending::Failed("ended by signal 9 (SIGKILL)".to_owned());
    let expected = "its process died before the step ended: ended by signal 9 (SIGKILL)";
    assert_eq!(ended(r#"{"kind":"started"}"#, killed()).0, Ending::Failed(expected.to_owned()));
    assert_eq!(
        ended("", Ending::Succeeded).0,
        Ending::Failed("its process ended without a result".to_owned())
    );
    let ran = Ending::Gave(Outputs::new());
    assert_eq!(ended(r#"{"kind":"succeeded"}"#, killed()).0, ran, "the step itself was done");
}

#[test]
fn each_event_is_heard_once_when_its_line_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answer");
    let (mut answer, mut heard) = (Answer::new(&path, Clock::start()), Vec::new());
    assert!(!answer.read(&mut heard).unwrap(), "there is no file yet");
    let mut file = File::create(&path).unwrap();
    file.write_all(b"{\"kind\":\"materialization\",\"asset_key\":\"a\"}\n{\"kind\":\"mat").unwrap();
    answer.read(&mut heard).unwrap();
    answer.read(&mut heard).unwrap();
    assert_eq!(assets(&heard), ["a"]);
    file.write_all(b"erialization\",\"asset_key\":\"b\"}\n").unwrap();
    answer.read(&mut heard).unwrap();
    assert_eq!(assets(&heard), ["a", "b"]);
}

#[test]
fn a_line_that_is_too_long_is_passed_over_and_those_behind_it_are_heard() {
    let long = "x".repeat(3 * MAX_LINE);
    let answer = format!("{long}\n{{\"kind\":\"materialization\",\"asset_key\":\"b\"}}\n");
    assert_eq!(assets(&ended(&answer, Ending::Succeeded).2), ["b"]);
}

#[test]
fn what_a_step_inside_a_whole_run_tells_bears_its_name_and_ends_nothing() {
    let lines = [
        r#"{"kind":"started","step":"a"}"#,
        r#"{"kind":"materialization","asset_key":"x","step":"a"}"#,
        r#"{"kind":"failed","step":"a","error":{"class":"E","message":"no"}}"#,
        r#"{"kind":"run_failed","error":{"class":"StepsFailed","message":"steps failed: a"}}"#,
    ];
    let (ending, _, heard) = ended(&lines.join("\n"), Ending::Succeeded);
    assert_eq!(ending, Ending::Final("StepsFailed: steps failed: a".to_owned()));
    assert_eq!(heard.len(), 3);
    assert!(heard.iter().all(|one| one.inner.as_deref() == Some("a")));
}

#[test]
fn an_event_never_happens_before_its_try_nor_after_now() {
    let clock = Clock::start();
    let lines = [
        r#"{"at":1.5,"kind":"left_out","events":1}"#,
        r#"{"at":1e30,"kind":"left_out","events":1}"#,
    ];
    let (_, _, heard) = ended(&lines.join("\n"), Ending::Succeeded);
    let now = Clock::start().now();
    assert!(
        heard.iter().all(|one| one.at >= clock.now().min(one.at) && one.at <= now.max(clock.now()))
    );
    assert_eq!(heard.len(), 2);
}
