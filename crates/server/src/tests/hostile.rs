//! Bodies that nobody should send.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::world::World;

/// The routes that take a body of a user.
const LINES: [&str; 5] = [
    "POST /api/v1/runs",
    "POST /api/v1/runs/00000000-0000-4000-8000-000000000000/cancel",
    "PUT /api/v1/pools/db/limit",
    "POST /api/v1/code-locations/reload",
    "POST /api/v1/dynamic-partitions/customers",
];

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!("hello")),
    ];
    let key = prop_oneof![
        Just("job"),
        Just("tags"),
        Just("config"),
        Just("priority"),
        Just("run_id"),
        Just("deployment"),
        Just("name"),
        Just("kind"),
        Just("limit"),
        Just("force"),
        Just("dagster/priority"),
        Just("location"),
        Just("add"),
        Just("remove"),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let submission = json_value().prop_map(|mut value| {
        if let Some(object) = value.as_object_mut() {
            object.insert("job".to_owned(), json!("hello"));
        }
        value.to_string().into_bytes()
    });
    prop_oneof![
        3 => json_value().prop_map(|value| value.to_string().into_bytes()),
        3 => submission,
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

#[test]
fn no_body_whatever_makes_the_server_fail() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::start());
    let mut runner = TestRunner::new(Config { cases: 300, ..Config::default() });
    let line = prop::sample::select(LINES.to_vec());
    runner
        .run(&(line, body()), |(line, body)| {
            let answer = runtime.block_on(world.ask_raw(line, "", &body));
            prop_assert!(answer.status < 500, "{} {}", answer.status, answer.body);
            if answer.status >= 400 {
                answer.code();
            }
            Ok(())
        })
        .unwrap();
    runtime.block_on(async {
        assert_eq!(world.get("/healthz").await.status, 200);
        world.stop().await;
    });
}
