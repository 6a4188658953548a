//! The stream of changes.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::client::News;

use super::raw::PATIENCE;
use super::world::World;

/// Opens a stream and reads it until a text comes by.
async fn read_until(world: &World, query: &str, headers: &str, wanted: &str) -> String {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let request = format!("GET /api/v1/changes{query} HTTP/1.1\r\n{}{headers}\r\n", world.host());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let mut block = [0; 4096];
    while !text.contains(wanted) {
        let count = timeout(PATIENCE, stream.read(&mut block)).await.unwrap().unwrap();
        assert!(count > 0, "the stream ended: {text}");
        text += &String::from_utf8_lossy(&block[..count]);
    }
    text
}

fn ids(text: &str) -> Vec<u64> {
    text.lines()
        .filter_map(|line| line.strip_prefix("id: "))
        .map(|id| id.parse().unwrap())
        .collect()
}

#[tokio::test]
async fn a_stream_tells_every_change_in_order_and_resumes_behind_any() {
    let world = World::start().await;
    let mut changes = world.client().changes(Some(0)).await.unwrap();
    let (first, second) = (world.submit().await, world.submit().await);
    world.worker(&first).await;
    let cancel = format!("POST /api/v1/runs/{second}/cancel");
    assert_eq!(world.ask(&cancel, &json!({})).await.status, 200);
    let mut seen = Vec::new();
    loop {
        let news = timeout(PATIENCE, changes.next()).await.unwrap().unwrap();
        let News::Event(event) = news else { continue };
        seen.push(event.change);
        if event.kind == model::EventKind::RunCanceled {
            assert_eq!(event.run.as_deref(), Some(&*second));
            break;
        }
    }
    assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
    let end = "event: RUN_CANCELED";
    for after in 0..seen.len() as u64 {
        let rest: Vec<_> = seen.iter().copied().filter(|change| *change > after).collect();
        let last = format!("\"change\":{}", seen.len());
        let text = read_until(&world, &format!("?after={after}"), "", &last).await;
        assert!(text.contains(end), "{text}");
        // What came after that may be told already.
        let known = |text: &str| -> Vec<u64> {
            ids(text).into_iter().filter(|change| *change <= seen.len() as u64).collect()
        };
        assert_eq!(known(&text), rest);
        // What a browser sends when it resumes goes before the address that it repeats.
        let resumed = format!("Last-Event-ID: {after}\r\n");
        assert_eq!(known(&read_until(&world, "?after=0", &resumed, &last).await), rest);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_stream_cannot_begin_where_nothing_is_yet() {
    let world = World::start().await;
    for path in ["?after=1", "?after=x", "?before=0", "?after=-1", "?after=0&after=0"] {
        assert_eq!(world.get(&format!("/api/v1/changes{path}")).await.status, 400, "{path}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_stream_from_now_on_tells_what_comes_and_ends_with_the_server() {
    let world = World::start().await;
    world.submit().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let request = format!("GET /api/v1/changes HTTP/1.1\r\n{}\r\n", world.host());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut block = [0; 4096];
    let count = timeout(PATIENCE, stream.read(&mut block)).await.unwrap().unwrap();
    let head = String::from_utf8_lossy(&block[..count]).to_lowercase();
    assert!(head.contains("200 ok") && head.contains("text/event-stream"), "{head}");
    let later = world.submit().await;
    let mut rest = String::new();
    while !rest.contains(&later) {
        let count = timeout(PATIENCE, stream.read(&mut block)).await.unwrap().unwrap();
        assert!(count > 0, "the stream ended: {rest}");
        rest += &String::from_utf8_lossy(&block[..count]);
    }
    world.stop().await;
    timeout(PATIENCE, stream.read_to_string(&mut rest)).await.unwrap().unwrap();
    let submitted = rest.lines().filter_map(|line| line.strip_prefix("data: "));
    let submitted: Vec<Value> = submitted.map(|data| serde_json::from_str(data).unwrap()).collect();
    for event in &submitted {
        assert!(event["change"].as_u64() > Some(1), "{event}");
    }
    assert!(submitted.iter().any(|event| event["run"] == json!(later)), "{submitted:?}");
}

#[tokio::test]
async fn so_many_streams_are_open_at_one_time_and_no_more() {
    let world = World::start().await;
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(world.client().changes(None).await.unwrap());
    }
    let answer = world.get("/api/v1/changes").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"));
    drop(open);
    let again = async { while world.client().changes(None).await.is_err() {} };
    timeout(PATIENCE, again).await.unwrap();
    world.stop().await;
}
