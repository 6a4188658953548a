//! What stands before the routes, tried over real connections with routes that do next to nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::raw::{Answer, PATIENCE, ask, exchange};
use crate::accept::{accept, stopping};
use crate::body::{UserJson, WorkerJson};
use crate::connections::Connections;
use crate::layers::assemble;
use crate::token::ApiToken;

struct World {
    address: std::net::SocketAddr,
    token: String,
    /// How often a route was reached that needs the token.
    writes: Arc<AtomicUsize>,
    stop: tokio::sync::watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl World {
    async fn start() -> Self {
        Self::with(Connections { workers: 64, others: 64 }).await
    }

    async fn with(connections: Connections) -> Self {
        let home = tempfile::tempdir().unwrap();
        let token = ApiToken::load_or_create(home.path()).unwrap();
        let text = std::fs::read_to_string(home.path().join("token")).unwrap().trim().to_owned();
        let writes = Arc::new(AtomicUsize::new(0));
        let (stop, stopping) = stopping();
        let count = Arc::clone(&writes);
        let write = move |UserJson(body): UserJson<Value>| async move {
            count.fetch_add(1, Ordering::SeqCst);
            axum::Json(body)
        };
        let mut ends = stopping.clone();
        let routes = Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route("/api/v1/things/{name}", get(|| async { "a thing" }).post(write))
            .route("/api/v1/panic", get(|| async { panic!("on purpose") as &str }))
            .route(
                "/api/v1/long",
                get(move || async move {
                    ends.wait().await;
                    "ended"
                }),
            )
            .route(
                "/worker/v1/begin",
                post(|WorkerJson(_): WorkerJson<wire::worker::Begin>| async { "begun" }),
            );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(accept(listener, assemble(routes, token), connections, stopping));
        Self { address, token: text, writes, stop, server }
    }

    fn host(&self) -> String {
        format!("Host: {}\r\n", self.address)
    }

    fn authorization(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token)
    }

    async fn raw(&self, bytes: &[u8]) -> String {
        exchange(self.address, bytes).await
    }

    async fn ask(&self, line: &str, head: &str, body: &[u8]) -> Answer {
        ask(self.address, line, head, body).await
    }

    /// Makes a write that would succeed but for what `headers` add.
    async fn write(&self, headers: &str, body: &[u8]) -> Answer {
        let head = format!(
            "{}{}Content-Type: application/json\r\nContent-Length: {}\r\n{headers}",
            self.host(),
            self.authorization(),
            body.len()
        );
        self.ask("POST /api/v1/things/a", &head, body).await
    }

    fn write_count(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_read_needs_no_token_and_every_answer_has_the_headers() {
    let world = World::start().await;
    for (line, status) in [
        ("GET /healthz", 200),
        ("GET /api/v1/things/a", 200),
        ("HEAD /api/v1/things/a", 200),
        ("GET /none", 404),
        ("POST /none", 401),
    ] {
        let answer = world.ask(line, &world.host(), b"").await;
        assert_eq!(answer.status, status, "{line}");
        let head = answer.head.to_lowercase();
        for header in
            ["x-content-type-options: nosniff", "cache-control: no-store", "frame-ancestors"]
        {
            assert!(head.contains(header), "{line}: {head}");
        }
    }
}

#[tokio::test]
async fn a_write_with_everything_right_passes() {
    let world = World::start().await;
    let answer = world.write("", b"{\"a\": 1}").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "{\"a\":1}"));
    let own = format!("Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", world.address);
    assert_eq!(world.write(&own, b"1").await.status, 200);
    assert_eq!(world.write_count(), 2);
}

#[tokio::test]
async fn a_write_without_the_right_token_is_refused_wherever_it_goes() {
    let world = World::start().await;
    let shorter = &world.token[1..];
    let wrong = [
        String::new(),
        "Authorization: Bearer\r\n".to_owned(),
        "Authorization: Bearer \r\n".to_owned(),
        format!("Authorization: Basic {}\r\n", world.token),
        format!("Authorization: Bearer {shorter}\r\n"),
        format!("Authorization: Bearer {}0\r\n", world.token),
        format!("Authorization: {}\r\n", world.token),
        format!("{0}{0}", world.authorization()),
    ];
    let tricks = [
        "/api/v1/things/a",
        "//api/v1/things/a",
        "/api/v1/things/a/healthz",
        "/api/v1/things/healthz",
        "/healthz/../api/v1/things/a",
        "/healthz%2F..%2Fapi/v1/things/a",
        "/api/v1/things/..%2F..%2Fhealthz",
        "/api%2Fv1/things/a",
        "/worker/v1/begin/../../../api/v1/things/a",
        "/worker/v1/begin/",
        "//worker/v1/begin",
        "/worker/v1/%62egin",
        "/healthz",
        "*",
    ];
    for path in tricks {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "GETS"] {
            if path == "*" && method != "OPTIONS" {
                continue;
            }
            let answer = world.ask(&format!("{method} {path}"), &world.host(), b"").await;
            assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"), "{path}");
        }
    }
    for authorization in wrong {
        let head = format!(
            "{}{authorization}Content-Type: application/json\r\nContent-Length: 2\r\n",
            world.host()
        );
        let answer = world.ask("POST /api/v1/things/a", &head, b"{}").await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"), "{head}");
        assert!(answer.head.to_lowercase().contains("www-authenticate: bearer"));
    }
    assert_eq!(world.write_count(), 0);
}

#[tokio::test]
async fn a_request_for_another_host_is_refused() {
    let world = World::start().await;
    let port = world.address.port();
    let wrong = [
        String::new(),
        "Host: evil.example\r\n".to_owned(),
        format!("Host: evil.example:{port}\r\n"),
        "Host: localhost.\r\n".to_owned(),
        "Host: localhost.evil.example\r\n".to_owned(),
        "Host: 127.0.0.1.evil.example\r\n".to_owned(),
        "Host: 127.0.0.1:80:80\r\n".to_owned(),
        "Host: 127.0.0.1:\r\n".to_owned(),
        "Host: 127.0.0.1:+80\r\n".to_owned(),
        "Host: 127.0.0.1:99999\r\n".to_owned(),
        "Host: user@127.0.0.1\r\n".to_owned(),
        "Host: ::1\r\n".to_owned(),
        "Host: [::2]\r\n".to_owned(),
        "Host: 0.0.0.0\r\n".to_owned(),
        "Host: localhost\r\nHost: evil.example\r\n".to_owned(),
    ];
    for head in wrong {
        for line in ["GET /healthz", "GET /api/v1/things/a", "POST /worker/v1/begin"] {
            let answer = world.ask(line, &head, b"").await;
            assert_eq!((answer.status, answer.code().as_str()), (421, "forbidden_host"), "{head}");
        }
    }
    let answer = world.ask("GET http://evil.example/healthz", &world.host(), b"").await;
    assert_eq!(answer.status, 421);
    for right in ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]", "[::1]:65535"] {
        let answer = world.ask("GET /healthz", &format!("Host: {right}\r\n"), b"").await;
        assert_eq!(answer.status, 200, "{right}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing() {
    let world = World::start().await;
    let port = world.address.port();
    let foreign = [
        "Origin: http://evil.example\r\n".to_owned(),
        "Origin: null\r\n".to_owned(),
        "Origin: \r\n".to_owned(),
        format!("Origin: https://{}\r\n", world.address),
        format!("Origin: http://127.0.0.1:{}\r\n", port.wrapping_add(1)),
        format!("Origin: http://localhost:{port}\r\n"),
        format!("Origin: http://{0}\r\nOrigin: http://{0}\r\n", world.address),
        "Sec-Fetch-Site: cross-site\r\n".to_owned(),
        "Sec-Fetch-Site: same-site\r\n".to_owned(),
        format!("Origin: http://{}\r\nSec-Fetch-Site: cross-site\r\n", world.address),
    ];
    for headers in foreign {
        let answer = world.write(&headers, b"{}").await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "forbidden_origin"), "{headers}");
        let head = format!("{}{headers}", world.host());
        assert_eq!(world.ask("POST /worker/v1/begin", &head, b"").await.status, 403);
    }
    assert_eq!(world.write_count(), 0);
}

#[tokio::test]
async fn a_body_that_does_not_say_that_it_is_json_is_refused() {
    let world = World::start().await;
    let head = format!("{}{}Content-Length: 2\r\n", world.host(), world.authorization());
    for kind in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: text/plain; application/json\r\n",
        "Content-Type: application/jsonp\r\n",
        "Content-Type: application/json\r\nContent-Type: text/plain\r\n",
    ] {
        let answer = world.ask("POST /api/v1/things/a", &format!("{head}{kind}"), b"{}").await;
        let code = answer.code();
        assert_eq!((answer.status, code.as_str()), (415, "unsupported_media_type"), "{kind}");
    }
    let kind = "Content-Type: Application/JSON; charset=utf-8\r\n";
    let answer = world.ask("POST /api/v1/things/a", &format!("{head}{kind}"), b"{}").await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.write_count(), 1);
}

#[tokio::test]
async fn a_body_is_cut_at_its_bound() {
    let world = World::start().await;
    let fits = format!("\"{}\"", "a".repeat((1 << 20) - 2));
    assert_eq!(world.write("", fits.as_bytes()).await.status, 200);
    let answer = world.write("", format!("{fits} ").as_bytes()).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
    // Announced as 100 MB, of which nothing is sent.
    let head = format!(
        "{}{}Content-Type: application/json\r\nContent-Length: 100000000\r\n",
        world.host(),
        world.authorization()
    );
    let answer = world.ask("POST /api/v1/things/a", &head, b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
    // Not announced.
    let head = head.replace("Content-Length: 100000000", "Transfer-Encoding: chunked");
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let answer = world
        .ask("POST /api/v1/things/a", &head, format!("{}0\r\n\r\n", chunk.repeat(100)).as_bytes())
        .await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "too_large"));
    assert_eq!(world.write_count(), 1);
}

#[tokio::test]
async fn hostile_json_is_refused_and_reaches_nothing() {
    let world = World::start().await;
    let deep = "[".repeat(10_000);
    let bodies: [&[u8]; 8] = [
        b"",
        b"\0",
        b"{\"a\":1,\"a\":2}",
        b"{\"a\":\"\xff\xfe\"}",
        b"{\"a\":1}\0",
        b"{'a':1}",
        b"NaN",
        deep.as_bytes(),
    ];
    for body in bodies {
        let answer = world.write("", body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_json"), "{body:?}");
    }
    assert_eq!(world.write_count(), 0);
}

#[tokio::test]
async fn a_worker_that_asks_nonsense_is_told_without_its_words() {
    let world = World::start().await;
    let ask = async |body: &str| {
        let length = body.len();
        let head = format!(
            "{}Content-Type: application/json\r\nContent-Length: {length}\r\n",
            world.host()
        );
        world.ask("POST /worker/v1/begin", &head, body.as_bytes()).await
    };
    let answer = ask(r#"{"run": "r", "attempt": "secret", "token": "secret"}"#).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_json"));
    assert!(!answer.body.contains("secret"), "{}", answer.body);
    let right =
        r#"{"run": "r", "attempt": 1, "token": "t", "nonce": "n", "protocol": 1, "new": 2}"#;
    assert_eq!(ask(right).await.status, 200);
}

#[tokio::test]
async fn pipelined_requests_are_each_checked() {
    let world = World::start().await;
    let (host, token) = (world.host(), world.authorization());
    let body = "Content-Type: application/json\r\nContent-Length: 2\r\n";
    let bytes = format!(
        "POST /api/v1/things/a HTTP/1.1\r\n{host}{token}{body}\r\n{{}}\
         POST /api/v1/things/a HTTP/1.1\r\n{host}{body}\r\n{{}}\
         GET /healthz HTTP/1.1\r\nConnection: close\r\n{host}\r\n"
    );
    let text = world.raw(bytes.as_bytes()).await;
    let statuses: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once("HTTP/1.1 "))
        .map(|(_, at)| &at[..3])
        .collect();
    assert_eq!(statuses, ["200", "401", "200"], "{text}");
    assert_eq!(world.write_count(), 1);
}

#[tokio::test]
async fn a_route_that_panics_is_answered_for() {
    let world = World::start().await;
    let answer = world.ask("GET /api/v1/panic", &world.host(), b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "internal"));
    assert_eq!(world.ask("GET /healthz", &world.host(), b"").await.status, 200);
}

#[tokio::test]
async fn another_method_and_another_address_are_told_apart() {
    let world = World::start().await;
    let head = format!("{}{}", world.host(), world.authorization());
    let answer = world.ask("DELETE /api/v1/things/a", &head, b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (405, "method_not_allowed"));
    let answer = world.ask("DELETE /api/v1/none", &head, b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
}

#[tokio::test]
async fn a_head_without_end_is_not_waited_for() {
    let world = World::start().await;
    let text = world.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await;
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
    let huge = format!("GET /healthz HTTP/1.1\r\nX-Huge: {}\r\n\r\n", "a".repeat(200_000));
    assert!(world.raw(huge.as_bytes()).await.starts_with("HTTP/1.1 431"));
    let many = (0..100).map(|number| format!("X-{number}: a\r\n")).collect::<Vec<_>>().concat();
    let many = format!("GET /healthz HTTP/1.1\r\n{}{many}\r\n", world.host());
    assert!(world.raw(many.as_bytes()).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_stop_ends_what_waits_and_lets_it_answer() {
    let world = World::start().await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let request = format!("GET /api/v1/long HTTP/1.1\r\n{}\r\n", world.host());
    stream.write_all(request.as_bytes()).await.unwrap();
    // An idle connection is no reason to wait either.
    let idle = TcpStream::connect(world.address).await.unwrap();
    assert_eq!(world.ask("GET /healthz", &world.host(), b"").await.status, 200);
    world.stop.send(true).unwrap();
    let mut text = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut text)).await.unwrap().unwrap();
    assert!(text.ends_with("ended"), "{text}");
    timeout(PATIENCE, world.server).await.unwrap().unwrap();
    assert!(TcpStream::connect(world.address).await.is_err());
    drop(idle);
}

/// Sends a request on a connection and reads its answer, leaving the connection open.
async fn ask_on(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let mut block = [0; 4096];
    loop {
        let count = timeout(PATIENCE, stream.read(&mut block)).await.unwrap().unwrap();
        assert!(count > 0, "the connection ended: {text}");
        text += &String::from_utf8_lossy(&block[..count]);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() == length.unwrap().parse::<usize>().unwrap() {
            return text;
        }
    }
}

#[tokio::test]
async fn workers_however_many_leave_room_for_others() {
    let world = World::with(Connections { workers: 2, others: 2 }).await;
    let body = r#"{"run": "r", "attempt": 1, "token": "t", "nonce": "n", "protocol": 1}"#;
    let json = "Content-Type: application/json\r\n";
    let begin = format!(
        "POST /worker/v1/begin HTTP/1.1\r\n{}{json}Content-Length: {}\r\n\r\n{body}",
        world.host(),
        body.len()
    );
    let mut workers = Vec::new();
    for _ in 0..2 {
        let mut worker = TcpStream::connect(world.address).await.unwrap();
        assert!(ask_on(&mut worker, &begin).await.starts_with("HTTP/1.1 200"));
        workers.push(worker);
    }
    for _ in 0..5 {
        let mut late = TcpStream::connect(world.address).await.unwrap();
        let answer = ask_on(&mut late, &begin).await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("unavailable"), "{answer}");
        assert!(answer.contains("connection: close") && answer.contains("no-store"), "{answer}");
        // Its connection is closed and takes no place.
        assert_eq!(timeout(PATIENCE, late.read(&mut [0; 1])).await.unwrap().unwrap(), 0);
        assert_eq!(world.ask("GET /healthz", &world.host(), b"").await.status, 200);
    }
    // Those who have a place keep it, and one that goes leaves its place to the next.
    assert!(ask_on(&mut workers[0], &begin).await.starts_with("HTTP/1.1 200"));
    drop(workers.pop());
    let mut next = TcpStream::connect(world.address).await.unwrap();
    let come = async {
        while !ask_on(&mut next, &begin).await.starts_with("HTTP/1.1 200") {
            next = TcpStream::connect(world.address).await.unwrap();
        }
    };
    timeout(PATIENCE, come).await.unwrap();
}
