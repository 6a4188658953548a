use std::time::Duration;

use tokio::sync::Semaphore;

use super::*;
use crate::hooks::chain::Refused;

fn constant(key: &str, value: &str) -> Arc<dyn SubmissionHook> {
    let source = Source::Constant(value.to_owned());
    let (name, key) = (format!("set {key}"), key.to_owned());
    Arc::new(TagRule { name, key, source, existing: Existing::Overwritten })
}

fn when_tag(key: &str, hook: Arc<dyn SubmissionHook>) -> Arc<dyn SubmissionHook> {
    let tags = BTreeMap::from([(key.to_owned(), Pattern::new("*"))]);
    Arc::new(Conditional { when: Condition { tags, ..Condition::default() }, hook })
}

fn reject(reason: &str) -> Arc<dyn SubmissionHook> {
    Arc::new(RejectRule { name: "refuse".to_owned(), reason: reason.to_owned() })
}

async fn run(hooks: Vec<Arc<dyn SubmissionHook>>, offer: Offer) -> Result<String, String> {
    let tags = Chain::new(hooks).run(offer).await;
    tags.map(|tags| as_text(&tags)).map_err(|refused| refused.to_string())
}

#[tokio::test]
async fn later_hooks_see_what_earlier_ones_have_set() {
    let hooks = vec![
        when_tag("b", constant("c", "3")),
        constant("b", "2"),
        when_tag("b", constant("d", "4")),
    ];
    assert_eq!(run(hooks, offer(&[("a", "1")])).await, Ok("a=1 b=2 d=4".to_owned()));
    assert_eq!(run(Vec::new(), offer(&[("a", "1")])).await, Ok("a=1".to_owned()));
}

#[tokio::test]
async fn the_first_that_refuses_ends_the_submission() {
    let hooks = || vec![when_tag("a", reject("no a here")), reject("  ")];
    let of = |reason: &str| Err(format!("the submission hook `refuse` refuses this run: {reason}"));
    assert_eq!(run(hooks(), offer(&[("a", "1")])).await, of("no a here"));
    assert_eq!(run(hooks(), offer(&[])).await, of("it gives no reason"));
    let long = run(vec![reject(&"é".repeat(5000))], offer(&[])).await.unwrap_err();
    assert!(long.chars().count() < 1100, "{long}");
}

#[tokio::test]
async fn what_a_hook_may_not_set_fails_the_submission_and_names_the_hook() {
    let large = "x".repeat(64 * 1024);
    for (key, value, why) in [
        ("dagster/code_location", "x", "which only the coordinator sets"),
        (".dagster/repository", "x", "which only the coordinator sets"),
        ("", "x", "a tag has an empty key"),
        ("dagster/priority", "99999999999", "out of range"),
        ("k", large.as_str(), "the tags come to 65537 bytes; at most 65536 are allowed"),
    ] {
        let told = run(vec![constant(key, value)], offer(&[])).await.unwrap_err();
        assert!(told.starts_with(&format!("the submission hook `set {key}` failed: ")), "{told}");
        assert!(told.contains(why) && told.ends_with("; nothing was submitted"), "{told}");
    }
    let priority = run(vec![constant("dagster/priority", "7")], offer(&[])).await;
    assert_eq!(priority, Ok("dagster/priority=7".to_owned()));
}

/// Never has a verdict.
#[derive(Debug)]
struct Endless;

impl SubmissionHook for Endless {
    fn name(&self) -> &'static str {
        "endless"
    }

    fn on_submit<'a>(&'a self, _: &'a Offer) -> Judgement<'a> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn hooks_that_take_too_long_fail_the_submission() {
    let longest = Duration::from_millis(250);
    let chain = Chain { longest, ..Chain::new(vec![Arc::new(Endless)]) };
    let told = chain.run(offer(&[])).await.unwrap_err().to_string();
    assert!(told.contains("`endless` failed: the hooks took more than 0.25 s"), "{told}");
}

#[tokio::test]
async fn a_run_for_which_there_is_no_room_is_told_that_the_hooks_are_busy() {
    let (room, longest) = (Semaphore::new(1), Duration::from_millis(250));
    let chain = Chain { room, longest, ..Chain::new(vec![constant("a", "1")]) };
    let taken = chain.room.acquire().await.unwrap();
    assert_eq!(chain.run(offer(&[])).await, Err(Refused::Busy));
    drop(taken);
    assert!(chain.run(offer(&[])).await.is_ok());
}
