use super::*;

fn rule(source: Source, existing: Existing) -> TagRule {
    TagRule { name: "rule".to_owned(), key: "t".to_owned(), source, existing }
}

fn header(default: Option<&str>) -> Source {
    Source::Header { name: "X-Team".to_owned(), default: default.map(str::to_owned) }
}

#[test]
fn a_tag_is_set_from_every_source() {
    let asked = Offer { user: Some("ann".to_owned()), ..with_headers(&[], &[("x-team", "docs")]) };
    let user = |default: Option<&str>| Source::User { default: default.map(str::to_owned) };
    for (source, expected) in [
        (header(None), "docs"),
        (header(Some("none")), "docs"),
        (Source::CodeLocation, "etl"),
        (Source::Job, "nightly"),
        (user(None), "ann"),
        (user(Some("nobody")), "ann"),
        (Source::Constant("5".to_owned()), "5"),
    ] {
        let judged = rule(source.clone(), Existing::Kept).judge(&asked);
        assert_eq!(judged, Verdict::tag("t", expected), "{source:?}");
    }
}

#[test]
fn oddity_20_a_source_without_a_value_leaves_the_tag_out() {
    let nobody = |default: Option<&str>| Source::User { default: default.map(str::to_owned) };
    for asked in [offer(&[]), with_headers(&[], &[("X-Team", ""), ("X-Other", "docs")])] {
        for existing in [Existing::Kept, Existing::Overwritten] {
            let judge = |source| rule(source, existing).judge(&asked);
            assert_eq!(judge(header(None)), Verdict::unchanged());
            assert_eq!(judge(nobody(None)), Verdict::unchanged());
            assert_eq!(judge(header(Some("none"))), Verdict::tag("t", "none"));
            assert_eq!(judge(nobody(Some("none"))), Verdict::tag("t", "none"));
        }
    }
}

#[test]
fn a_tag_that_is_there_stays_unless_the_rule_overwrites_it() {
    let asked = offer(&[("t", "given")]);
    assert_eq!(rule(Source::Job, Existing::Kept).judge(&asked), Verdict::unchanged());
    assert_eq!(
        rule(Source::Job, Existing::Overwritten).judge(&asked),
        Verdict::tag("t", "nightly")
    );
    // What has no value overwrites nothing.
    assert_eq!(rule(header(None), Existing::Overwritten).judge(&asked), Verdict::unchanged());
}

#[test]
fn a_condition_holds_when_all_that_it_says_does() {
    let pattern = |text: &str| Some(Pattern::new(text));
    let map = |entries: &[(&str, &str)]| {
        entries.iter().map(|(key, text)| ((*key).to_owned(), Pattern::new(*text))).collect()
    };
    let asked = with_headers(&[("team", "docs"), ("empty", "")], &[("X-Team", "ops-1")]);
    let none = Condition::default;
    let holding = [
        none(),
        Condition { job: pattern("night*"), location: pattern("etl"), ..none() },
        Condition { tags: map(&[("team", "docs"), ("empty", "*")]), ..none() },
        Condition { headers: map(&[("x-TEAM", "ops-*")]), ..none() },
        Condition { without_tags: vec!["user".to_owned()], ..none() },
        Condition { without_headers: vec!["X-User".to_owned()], ..none() },
    ];
    for condition in holding {
        assert!(condition.holds(&asked), "{condition:?}");
    }
    let failing = [
        Condition { job: pattern("daily"), location: pattern("etl"), ..none() },
        Condition { location: pattern("ml"), ..none() },
        Condition { tags: map(&[("team", "docs"), ("user", "*")]), ..none() },
        Condition { headers: map(&[("x-team", "docs")]), ..none() },
        Condition { without_tags: vec!["user".to_owned(), "empty".to_owned()], ..none() },
        Condition { without_headers: vec!["x-team".to_owned()], ..none() },
    ];
    for condition in failing {
        assert!(!condition.holds(&asked), "{condition:?}");
    }
}
