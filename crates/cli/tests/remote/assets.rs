//! `pointsman asset`: which request comes of keys and of selections.

use expect_test::expect;
use serde_json::{Value, json};

use crate::runs::{ID, run};
use crate::scripted::Server;

fn asset(key: &str, location: &str, group: &str, job: Option<&str>) -> Value {
    json!({ "key": key, "location": location, "group": group, "description": null, "deps": [],
            "pools": [], "jobs": [], "job": job, "partitions": null,
            "latest_materialization_at": null })
}

const MAKER: Option<&str> = Some("__ASSET_JOB");

fn server(assets: &[Value]) -> Server {
    let server = Server::start();
    let list = json!({ "assets": assets, "next": null });
    server.on("GET /api/v1/assets?limit=500", 200, &list);
    server.on("POST /api/v1/runs", 201, &run("QUEUED"));
    server
}

#[test]
fn assets_are_listed_by_location_and_group() {
    let server = server(&[
        asset("orders", "etl", "sales", MAKER),
        asset("costs", "etl", "money", MAKER),
        asset("leads", "crm", "sales", MAKER),
    ]);
    expect![[r#"
        ASSET   LOCATION  GROUP  FROM  POOLS  LAST MADE
        orders  etl       sales
    "#]]
    .assert_eq(&server.ok(&["asset", "list", "-l", "etl", "--group", "sales"]));
    let listed: Value =
        serde_json::from_str(&server.ok(&["asset", "list", "--group", "money", "--json"])).unwrap();
    assert_eq!(listed["assets"], json!([asset("costs", "etl", "money", MAKER)]));
}

#[test]
fn a_selection_goes_to_the_job_that_makes_all_assets_as_it_is_written() {
    let server = server(&[
        asset("raw", "etl", "sales", None),
        asset("orders", "etl", "sales", MAKER),
        asset("costs", "etl", "money", MAKER),
    ]);
    let config = r#"{"ops": {"orders": {"config": {"rows": 1}}}}"#;
    let select =
        ["asset", "materialize", "--select", "group:sales,+costs", "--config-json", config];
    let more = ["--partition", "2026-01-01", "--tags", r#"{"team": "docs"}"#];
    assert_eq!(server.ok(&[&select[..], &more].concat()), format!("Launched run {ID}.\n"));
    let sent = r#"POST /api/v1/runs {"job":"__ASSET_JOB","location":"etl","tags":{"dagster/partition":"2026-01-01","team":"docs"},"config":{"ops":{"orders":{"config":{"rows":1}}}},"asset_selection":["group:sales","+costs"]}"#;
    assert_eq!(server.writes(), [sent]);
}

#[test]
fn a_selection_that_may_mean_several_locations_or_none_launches_nothing() {
    let both =
        server(&[asset("orders", "etl", "sales", MAKER), asset("leads", "crm", "sales", MAKER)]);
    let refused = |server: &Server, more: &[&str]| {
        let done =
            server.run(&[&["asset", "materialize", "--select", "group:sales"], more].concat());
        assert_eq!(done.code, Some(2), "{}", done.stderr);
        assert!(server.writes().is_empty());
        done.stderr
    };
    assert!(refused(&both, &[]).contains("several code locations have assets"));
    assert!(refused(&both, &["-l", "web"]).contains("no asset to make in code location `web`"));
    let known = server(&[asset("raw", "etl", "sales", None)]);
    assert!(refused(&known, &[]).contains("no asset to make"));
    both.ok(&["asset", "materialize", "--select", "group:sales", "-l", "crm"]);
    assert!(both.writes().concat().contains(r#""location":"crm""#));
}

#[test]
fn a_key_that_nothing_has_is_told_with_what_may_be_meant() {
    let server =
        server(&[asset("orders", "etl", "sales", MAKER), asset("leads", "crm", "sales", MAKER)]);
    server.on("GET /api/v1/code-locations?limit=500", 200, &json!({ "code_locations": [] }));
    let refused = |arguments: &[&str]| {
        let done = server.run(&[&["asset", "materialize"], arguments].concat());
        assert_eq!(done.code, Some(2), "{}", done.stderr);
        assert!(server.writes().is_empty());
        done.stderr
    };
    let misspelt = refused(&["ordres"]);
    assert!(misspelt.contains("no asset `ordres`; did you mean `orders`?"), "{misspelt}");
    let elsewhere = refused(&["leads", "-l", "etl"]);
    assert!(elsewhere.contains("`etl`; code location `crm` has one"), "{elsewhere}");
    assert!(refused(&["zzz"]).contains("there is no asset `zzz`\n"));
}
