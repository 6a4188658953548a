//! What the JSON looks like, and that it reads back as it was written.

use std::num::NonZeroU32;

use expect_test::expect;
use model::{
    Capacity, Count, HolderOf, Holders, LimitKey, PoolName, RunId, RunStatus, StepKey, Timestamp,
};

use super::*;

#[test]
fn a_time_is_rfc_3339_with_microseconds_and_reads_back() {
    for (micros, text) in [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_769_860_800_000_001, "2026-01-31T12:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
    ] {
        let time = Time(Timestamp::from_micros(micros));
        assert_eq!(time.to_string(), text);
        assert_eq!(Time::parse(text), Ok(time));
    }
    assert_eq!(Time::parse("1970-01-01T01:00:00+01:00"), Ok(Time(Timestamp::EPOCH)));
    for wrong in ["", "yesterday", "2026-01-31", "2026-02-30T00:00:00Z"] {
        assert!(Time::parse(wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(Time(Timestamp::from_micros(i64::MAX)).to_string(), "9999-12-30T22:00:00.999999Z");
}

#[test]
fn an_unknown_key_in_a_request_is_an_error() {
    for text in [
        r#"{"job": "nightly", "prioritty": 3}"#,
        r#"{"job": "nightly", "deployment": {"name": "x", "sort": "branch"}}"#,
    ] {
        let error = serde_json::from_str::<SubmitRun>(text).unwrap_err().to_string();
        assert!(error.contains("unknown field"), "{error}");
    }
    assert!(serde_json::from_str::<CancelRun>(r#"{"fource": true}"#).is_err());
    assert!(serde_json::from_str::<SetPoolLimit>(r#"{"limit": 1, "x": 1}"#).is_err());
}

#[test]
fn every_code_reads_back_and_one_that_is_new_is_internal() {
    for code in ErrorCode::ALL {
        let text = serde_json::to_string(code).unwrap();
        assert_eq!(serde_json::from_str::<ErrorCode>(&text).unwrap(), *code);
        assert!((400..=503).contains(&code.status()), "{code}");
    }
    assert_eq!(serde_json::from_str::<ErrorCode>("\"of_2030\"").unwrap(), ErrorCode::Internal);
}

#[test]
fn an_explanation_says_every_number() {
    let holder = RunId::from_u128(0xA);
    let step = |key| StepKey::new(key).unwrap();
    let explanation = model::Explanation::Blocked(vec![
        model::Reason {
            limit: LimitKey::Tag {
                key: "team".into(),
                scope: model::TagScope::Value("docs".into()),
            },
            capacity: Capacity::AtMost(1),
            usage: model::Usage { runs: 1, ..model::Usage::default() },
            counts_slots: false,
            wanted: 1,
            holders: Holders {
                shown: vec![model::Holder { run: holder, of: HolderOf::Run, units: 1 }],
                more: 0,
            },
            reserved_by: None,
            ahead: Count::Exactly(2),
            remedy: model::Remedy::RaiseTo(2),
        },
        model::Reason {
            limit: LimitKey::Pool(PoolName::new("db").unwrap()),
            capacity: Capacity::Unlimited,
            usage: model::Usage::default(),
            counts_slots: true,
            wanted: 3,
            holders: Holders::default(),
            reserved_by: Some(model::StepId { run: holder, step: step("load") }),
            ahead: Count::AtLeast(100),
            remedy: model::Remedy::Resume { at: Timestamp::EPOCH },
        },
    ]);
    let json = Explanation::from(&explanation);
    expect![[r#"
        {"state":"blocked","reasons":[{"limit":{"kind":"tag","key":"team","value":"docs","scope":"value"},"capacity":1,"usage":{"runs":1,"granted":0,"pending":0,"roots":0},"counts_slots":false,"wanted":1,"holders":[{"run":"00000000-0000-0000-0000-00000000000a","part":"run","step":null,"units":1}],"more_holders":0,"reserved_by":null,"ahead":{"count":2,"is_exact":true},"remedy":{"kind":"raise_to","number":2}},{"limit":{"kind":"pool","pool":"db"},"capacity":null,"usage":{"runs":0,"granted":0,"pending":0,"roots":0},"counts_slots":true,"wanted":3,"holders":[],"more_holders":0,"reserved_by":{"run":"00000000-0000-0000-0000-00000000000a","step":"load"},"ahead":{"count":100,"is_exact":false},"remedy":{"kind":"resume","at":"1970-01-01T00:00:00.000000Z"}}]}"#]]
    .assert_eq(&serde_json::to_string(&json).unwrap());
    let text = serde_json::to_string(&json).unwrap();
    assert_eq!(serde_json::from_str::<Explanation>(&text).unwrap(), json);
    expect!["tag team=docs: 1 of 1 in progress, held by run 00000000; 2 ahead of it here. Way out: raise the limit of tag team=docs to 2."]
        .assert_eq(&sentences(&explanation)[0]);
}

#[test]
fn a_filter_reads_back_from_its_query() {
    let filter = RunFilter {
        statuses: vec![RunStatus::Queued, RunStatus::Started],
        job: Some("nightly load".to_owned()),
        location: Some("etl".to_owned()),
        tags: vec![("a".to_owned(), "b=c".to_owned()), ("d".to_owned(), String::new())],
        since: Some(Time(Timestamp::EPOCH)),
        before: Some("7".to_owned()),
        limit: Some(MAX_PAGE),
    };
    assert_eq!(RunFilter::from_pairs(filter.to_pairs()), Ok(filter));
    let log = LogFilter {
        step: Some("a/b".to_owned()),
        r#try: Some(2),
        stream: LogStream::Stderr,
        offset: 7,
        limit: Some(9),
    };
    assert_eq!(LogFilter::from_pairs(log.to_pairs()), Ok(log));
    let page = Page { after: Some("x".to_owned()), limit: Some(1) };
    assert_eq!(Page::from_pairs(page.to_pairs()), Ok(page));
}

#[test]
fn a_query_that_is_wrong_says_which_parameter() {
    for (key, value, told) in [
        (
            "statuss",
            "QUEUED",
            "there is no query parameter `statuss` here; known: status, job, location, tag, since, before, limit",
        ),
        ("status", "QUEUED,RUNNING", "query parameter `status`: there is no status \"RUNNING\""),
        ("status", "", "query parameter `status`: there is no status \"\""),
        ("tag", "docs", "query parameter `tag`: \"docs\" must have the form key=value"),
        ("limit", "0", "query parameter `limit`: it must be between 1 and 500"),
        ("limit", "-1", "query parameter `limit`: \"-1\" is no whole number in its range"),
    ] {
        let error = RunFilter::from_pairs([(key, value)]).unwrap_err();
        assert_eq!(error.to_string(), told);
    }
    assert!(LogFilter::from_pairs([("stream", "stdin")]).is_err());
    assert!(Page::from_pairs([("before", "1")]).is_err());
}

#[test]
fn a_claim_tells_its_slots_of_one_pool() {
    let pool = |name| PoolName::new(name).unwrap();
    let claim = model::Claim {
        step: model::StepId { run: RunId::from_u128(1), step: StepKey::new("load").unwrap() },
        demand: [(pool("db"), NonZeroU32::new(3).unwrap())].into_iter().collect(),
        order: model::ClaimOrder::new(model::Priority::new(2), model::Priority::new(-5), 1),
        state: model::ClaimState::Pending,
    };
    let told = PoolClaim::of(&claim, &pool("db")).unwrap();
    assert_eq!((told.slots, told.priority, told.state), (3, -3, ClaimState::Pending));
    assert_eq!(PoolClaim::of(&claim, &pool("gpu")), None);
}
