//! What a file means: precedence, defaults, origins, warnings.

use std::time::Duration;

use model::{Capacity, Granularity, PoolBlocking, PoolLimit, Settings};
use pointsman_config::{Coordinator, InstanceConfig, Origin, Problem, Problems, read_blocks, yaml};

type Read = Result<(InstanceConfig, Vec<Problem>), Problems>;

/// Reads a file in whose environment `SEVEN` is ` 7 `, `KEY` is `team` and `RUN` is `run`.
fn read(yaml: &str) -> Read {
    let env = |name: &str| match name {
        "SEVEN" => Some(" 7 ".to_owned()),
        "KEY" => Some("team".to_owned()),
        "RUN" => Some("run".to_owned()),
        _ => None,
    };
    InstanceConfig::read("dagster.yaml", yaml.as_bytes(), &env)
}

#[expect(clippy::panic, reason = "fails the test with what is told")]
fn config(yaml: &str) -> InstanceConfig {
    match read(yaml) {
        Ok((config, _)) => config,
        Err(problems) => panic!("{problems}"),
    }
}

#[expect(clippy::panic, reason = "fails the test with what is told")]
fn warnings(yaml: &str) -> Vec<String> {
    match read(yaml) {
        Ok((_, warnings)) => warnings.iter().map(|warning| warning.message.clone()).collect(),
        Err(problems) => panic!("{problems}"),
    }
}

#[test]
fn an_empty_file_leaves_every_default() {
    for yaml in ["", "\n", "# nothing\n", "{}", "---\n", "null", "\u{feff}", "run_queue: {}"] {
        assert_eq!(config(yaml).settings(), Settings::default(), "{yaml:?}");
    }
    assert_eq!(InstanceConfig::without_file(), config(""));
    assert_eq!(config("").coordinator.value, Coordinator::Queued);
}

#[test]
fn minus_one_is_no_limit_and_zero_starts_nothing() {
    let max = |yaml: &str| config(yaml).settings().max_concurrent_runs;
    assert_eq!(max("run_queue: {max_concurrent_runs: -1}"), Capacity::Unlimited);
    assert_eq!(max("run_queue: {max_concurrent_runs: 0}"), Capacity::AtMost(0));
    let branches = config("concurrency: {runs: {max_concurrent_runs_all_branch_deployments: 2}}");
    let settings = branches.settings();
    assert_eq!(settings.max_branch_deployment_runs, Capacity::AtMost(2));
    assert_eq!(settings.max_concurrent_runs, Capacity::AtMost(10));
}

#[test]
fn the_older_default_limit_counts_where_no_pools_are_given() {
    let limit = |yaml: &str| config(yaml).settings().pools.default_limit.map(PoolLimit::get);
    assert_eq!(limit("concurrency: {default_op_concurrency_limit: 4}"), Some(4));
    let with_runs = "concurrency: {default_op_concurrency_limit: 4, runs: {}}";
    assert_eq!(limit(with_runs), Some(4));
    let null = "concurrency: {default_op_concurrency_limit: null, pools: {default_limit: 0}}";
    assert_eq!(limit(null), Some(0));
}

#[test]
fn the_older_default_limit_is_no_reason_to_move_the_run_limit() {
    let yaml =
        "{run_queue: {max_concurrent_runs: 3}, concurrency: {default_op_concurrency_limit: 4}}";
    let settings = config(yaml).settings();
    assert_eq!(settings.max_concurrent_runs, Capacity::AtMost(3));
}

#[test]
fn a_hint_to_give_pools_says_what_else_must_move() {
    let hint = |yaml: &str| {
        let (_, warnings) = read(yaml).unwrap();
        warnings.first().and_then(|warning| warning.hint.clone()).unwrap_or_default()
    };
    let alone = "concurrency: {default_op_concurrency_limit: 4}";
    assert_eq!(hint(alone), "write it as `concurrency.pools.default_limit`");
    let beside_a_queue = format!(
        "{{run_queue: {{max_concurrent_runs: 3, tag_concurrency_limits: [], \
         block_op_concurrency_limited_runs: {{op_concurrency_slot_buffer: 1}}}}, {alone}}}"
    );
    assert_eq!(
        hint(&beside_a_queue),
        "write it as `concurrency.pools.default_limit`, and with it \
         `run_queue.max_concurrent_runs` as `concurrency.runs.max_concurrent_runs`, \
         `run_queue.tag_concurrency_limits` as `concurrency.runs.tag_concurrency_limits`, \
         `run_queue.block_op_concurrency_limited_runs.op_concurrency_slot_buffer` as \
         `concurrency.pools.op_granularity_run_buffer`"
    );
}

#[test]
fn what_is_no_limit_may_stay_under_the_queue() {
    let config = config(
        "
run_queue:
  tag_concurrency_limits: null
  dequeue_interval_seconds: 1
  max_user_code_failure_retries: 3
  user_code_failure_retry_delay: 5
  block_op_concurrency_limited_runs: {enabled: false}
concurrency:
  runs: {max_concurrent_runs: 4}
  pools: {op_granularity_run_buffer: 2}
",
    );
    let settings = config.settings();
    assert_eq!(settings.max_concurrent_runs, Capacity::AtMost(4));
    assert_eq!(settings.pools.run_buffer, 2);
    assert_eq!(settings.pools.blocking, PoolBlocking::StepsOnly);
    assert_eq!(config.queue.max_user_code_failure_retries.value, 3);
    let delay = config.queue.user_code_failure_retry_delay.value;
    assert_eq!(delay, Duration::from_secs(5));
}

#[test]
fn asking_for_blocking_asks_for_op_granularity() {
    let granularity = |yaml: &str| config(yaml).pools.granularity.value;
    let enabled = "run_queue: {block_op_concurrency_limited_runs: {enabled: true}}";
    assert_eq!(granularity(enabled), Some(Granularity::Op));
    let both = format!("{{{enabled}, concurrency: {{pools: {{granularity: run}}}}}}");
    assert_eq!(granularity(&both), Some(Granularity::Run));
    let empty = "run_queue: {block_op_concurrency_limited_runs: {}}";
    assert_eq!(granularity(empty), None);
}

#[test]
fn a_coordinator_without_a_queue_limits_no_runs() {
    let yaml = "
run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}
concurrency:
  runs: {max_concurrent_runs: 4}
  pools: {default_limit: 3, granularity: run}
";
    let config = config(yaml);
    let settings = config.settings();
    assert_eq!(settings.max_concurrent_runs, Capacity::Unlimited);
    assert_eq!(settings.pools.blocking, PoolBlocking::StepsOnly);
    assert_eq!(settings.pools.granularity, Granularity::Op);
    assert_eq!(settings.pools.default_limit.map(PoolLimit::get), Some(3));
    let told = warnings(yaml);
    assert_eq!(
        told,
        [
            "`concurrency.runs` has no effect with DefaultRunCoordinator",
            "`concurrency.pools.granularity` has no effect with DefaultRunCoordinator",
        ]
    );
}

#[test]
fn a_class_of_a_foreign_module_is_taken_by_its_name_with_a_warning() {
    let told = warnings("run_coordinator: {module: acme.runs, class: QueuedRunCoordinator}");
    assert_eq!(told, ["QueuedRunCoordinator is taken for the known class of that name"]);
}

#[test]
fn a_class_of_ones_own_is_handed_its_config_and_the_queue_takes_its_own_keys_of_it() {
    let yaml = "
run_coordinator:
  module: acme.runs
  class: Attribution
  config: {max_concurrent_runs: 3, dequeue_interval_seconds: 7, header: {env: NAME}}
";
    assert!(warnings(yaml).is_empty());
    let config = config(yaml);
    assert_eq!(config.coordinator.value, Coordinator::Custom);
    assert_eq!(config.settings().max_concurrent_runs, Capacity::AtMost(3));
    assert_eq!(config.queue.dequeue_interval.value, Duration::from_secs(7));
    let class = config.coordinator_class.as_ref().unwrap();
    assert_eq!(
        (class.name().as_str(), config.class_name()),
        ("acme.runs.Attribution", "Attribution")
    );
    assert_eq!(class.config["header"], serde_json::json!({"env": "NAME"}));
    let shown = |key| config.rows().into_iter().find(|row| row.key == key).unwrap().value;
    assert_eq!(shown("run_coordinator.class"), "Attribution");
    assert_eq!(shown("run_coordinator.module"), "acme.runs");
}

#[test]
fn the_blocks_of_dagster_without_a_meaning_are_named_once() {
    let told = warnings(
        "
storage: {sqlite: {base_dir: /tmp}}
run_launcher: {module: dagster.core.launcher, class: DefaultRunLauncher}
compute_logs:
telemetry: {enabled: false}
",
    );
    assert_eq!(told, ["not used: compute_logs, run_launcher, storage, telemetry"]);
}

#[test]
fn oddity_14_numbers_and_texts_come_from_the_environment_everywhere() {
    let config = config(
        "
concurrency:
  runs:
    max_concurrent_runs: {env: SEVEN}
    tag_concurrency_limits:
      - {key: {env: KEY}, value: {env: KEY}, limit: {env: SEVEN}}
  pools: {granularity: {env: RUN}}
",
    );
    let settings = config.settings();
    assert_eq!(settings.max_concurrent_runs, Capacity::AtMost(7));
    assert_eq!(settings.pools.granularity, Granularity::Run);
    let limit = settings.tag_limits.iter().next().cloned();
    assert!(limit.is_some_and(|limit| limit.key == "team" && limit.limit == 7));
}

#[test]
fn a_setting_knows_where_it_comes_from() {
    let config = config(
        "
run_queue:
  max_concurrent_runs: {env: SEVEN}
  dequeue_num_workers: 3
",
    );
    let origin = config.runs.max_concurrent_runs.origin;
    let place = "dagster.yaml:3:24";
    assert_eq!(origin.to_string(), format!("environment variable SEVEN, named in {place}"));
    let Origin::File(written) = config.queue.dequeue_num_workers.origin else {
        panic!("written in the file");
    };
    assert_eq!(written.key, "run_queue.dequeue_num_workers");
    assert_eq!((written.line, written.column), (4, 24));
    assert_eq!(config.queue.dequeue_interval.origin, Origin::Default);
}

#[test]
fn a_timeout_of_zero_is_switched_off() {
    let monitoring = config(
        "run_monitoring: {enabled: true, start_timeout_seconds: 0, max_runtime_seconds: 60}",
    )
    .run_monitoring;
    assert_eq!(monitoring.start_timeout.value, None);
    assert_eq!(monitoring.cancel_timeout.value, Some(Duration::from_mins(3)));
    assert_eq!(monitoring.max_runtime.value, Some(Duration::from_mins(1)));
}

#[test]
fn the_settings_of_a_hook_are_kept_as_they_are_written() {
    let config = config(
        "
submission_hooks:
  - {module: my.hooks, class: Stamp}
  - module: my.hooks
    class: Refuse
    config: {teams: [docs, 7, 1.5, true, ~], from: {env: HOME}}
",
    );
    let hooks = config.rows().into_iter().find(|row| row.key == "submission_hooks");
    assert_eq!(
        hooks.map(|row| row.value),
        Some(serde_json::json!([
            {"module": "my.hooks", "class": "Stamp"},
            {
                "module": "my.hooks",
                "class": "Refuse",
                "config": {"teams": ["docs", 7, 1.5, true, null], "from": {"env": "HOME"}},
            },
        ]))
    );
}

#[test]
fn a_hook_is_shown_as_it_would_be_written() {
    let text = "
submission_hooks:
  - tag: {key: team, from: header, header: X-Team, default: none, overwrite: true}
  - tag: {key: where, from: code_location}
  - tag: {key: user, from: user}
  - tag: {key: dagster/priority, from: constant, value: '-3'}
    when:
      job: nightly_*
      location: etl
      tags: {env: prod, team: {env: TEAM}}
      headers: {X-Team: '*'}
      without_tags: [user]
      without_headers: [X-User]
  - reject: never
  - command: [python3, hook.py]
    timeout_seconds: 7
  - command: [./hook]
";
    let read = |text: &str| {
        let env = |name: &str| (name == "TEAM").then(|| "docs".to_owned());
        InstanceConfig::read("f", text.as_bytes(), &env).unwrap()
    };
    let (config, warnings) = read(text);
    assert_eq!(warnings, []);
    let shown = |config: &InstanceConfig| {
        config.rows().into_iter().find(|row| row.key == "submission_hooks").unwrap().value
    };
    assert_eq!(
        shown(&config),
        serde_json::json!([
            {"tag": {"key": "team", "from": "header", "header": "X-Team", "default": "none",
                     "overwrite": true}},
            {"tag": {"key": "where", "from": "code_location", "overwrite": false}},
            {"tag": {"key": "user", "from": "user", "overwrite": false}},
            {
                "tag": {"key": "dagster/priority", "from": "constant", "value": "-3",
                        "overwrite": false},
                "when": {"job": "nightly_*", "location": "etl",
                         "tags": {"env": "prod", "team": "docs"}, "headers": {"X-Team": "*"},
                         "without_tags": ["user"], "without_headers": ["X-User"]},
            },
            {"reject": "never"},
            {"command": ["python3", "hook.py"], "timeout_seconds": 7},
            {"command": ["./hook"], "timeout_seconds": 5},
        ])
    );
    // What is shown says the same.
    let again = serde_json::json!({ "submission_hooks": shown(&config) }).to_string();
    assert_eq!(read(&again).0.submission_hooks.value, config.submission_hooks.value);
}

#[test]
fn text_in_quotes_may_look_like_a_number() {
    let limits = config(
        "run_queue: {tag_concurrency_limits: [{key: '010', value: \"1:30\", limit: 1}, \
         {key: 08, value: 1e3, limit: 1}]}",
    )
    .settings()
    .tag_limits;
    let keys: Vec<&str> = limits.iter().map(|limit| limit.key.as_str()).collect();
    assert_eq!(keys, ["010", "08"]);
}

#[test]
fn a_problem_has_a_code() {
    let codes = |yaml: &str| -> Vec<&str> {
        let problems = read(yaml).unwrap_err();
        problems.iter().map(|problem| problem.code.word()).collect()
    };
    for (yaml, code) in [
        ("a: [", "yaml_syntax"),
        ("a: !x 1", "yaml_syntax"),
        ("colour: red", "unknown_key"),
        ("submission_hooks: [{module: a}]", "missing_key"),
        ("{server: {}, server: {}}", "duplicate_key"),
        ("server: {port: }", "no_value"),
        ("server: {port: x}", "wrong_type"),
        ("server: {port: $PORT}", "wrong_type"),
        ("server: {port: 0}", "out_of_range"),
        ("server: {host: 010}", "wrong_type"),
        ("server: {host: {env: ''}}", "wrong_value"),
        ("server: {host: {env: UNSET}}", "env_unset"),
        ("concurrency: {pools: {granularity: step}}", "unknown_choice"),
        ("{run_queue: {max_concurrent_runs: 1}, concurrency: {runs: {}}}", "conflict"),
        (
            "run_queue: {tag_concurrency_limits: [{key: a, limit: 1}, {key: a, limit: 2}]}",
            "duplicate_limit",
        ),
    ] {
        assert_eq!(codes(yaml), [code], "{yaml}");
    }
    let spaces = " ".repeat(1024 * 1024 + 1);
    let large = InstanceConfig::read("f", spaces.as_bytes(), &|_| None).unwrap_err();
    assert_eq!(large.iter().next().map(|problem| problem.code.word()), Some("too_large"));
    let bytes = InstanceConfig::read("f", b"\xff", &|_| None).unwrap_err();
    assert_eq!(bytes.iter().next().map(|problem| problem.code.word()), Some("not_utf8"));
}

#[test]
fn aliases_and_merges_mean_what_they_name() {
    let settings = config(
        "
storage: &defaults {max_concurrent_runs: 3, dequeue_use_threads: true}
run_queue:
  <<: *defaults
  max_concurrent_runs: 4
",
    )
    .settings();
    assert_eq!(settings.max_concurrent_runs, Capacity::AtMost(4));
}

#[test]
fn the_blocks_of_a_scenario_are_read_in_its_own_file() {
    let text =
        "- {config: {max_concurrent_runs: 2}, concurrency: {default_op_concurrency_limit: x}}";
    let document = yaml::parse("scenarios.yaml", text.as_bytes()).unwrap();
    let yaml::Value::List(scenarios) = &document.root.value else {
        panic!("a list");
    };
    let queue = scenarios[0].get("config");
    let read = read_blocks(&document.source, queue, None, &|_| None).unwrap();
    assert_eq!(read.settings().max_concurrent_runs, Capacity::AtMost(2));
    let concurrency = scenarios[0].get("concurrency");
    let problems = read_blocks(&document.source, queue, concurrency, &|_| None).unwrap_err();
    let place = problems.iter().next().and_then(|first| first.place.clone());
    assert_eq!(place.map(|place| place.excerpt.text), Some(text.to_owned()));
    assert!(problems.to_string().starts_with("scenarios.yaml:1:"));
}
