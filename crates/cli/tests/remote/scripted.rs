//! A real HTTP server that answers from a table, and notes what it was asked.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// What a command did.
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// A command without anything of the environment that could point it to a server.
pub(crate) fn pointsman(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
    for name in ["POINTSMAN_URL", "POINTSMAN_TOKEN"] {
        command.env_remove(name);
    }
    command.args(args).env("POINTSMAN_HOME", home);
    command
}

/// One answer: a status, its kind of content, its bytes.
type Canned = (StatusCode, &'static str, Bytes);

#[derive(Default)]
struct Script {
    /// By method and path with query; the last answer of a list stays.
    answers: Mutex<BTreeMap<String, Vec<Canned>>>,
    /// `METHOD path?query body`, in order.
    asked: Mutex<Vec<String>>,
    headers: Mutex<Vec<HeaderMap>>,
}

/// A server with its home, as a daemon would have written it.
pub(crate) struct Server {
    script: Arc<Script>,
    pub(crate) url: String,
    pub(crate) home: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

/// The token in the server's home.
pub(crate) const TOKEN: &str = "5ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7";

impl Server {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let script = Arc::new(Script::default());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(Arc::clone(&script));
        runtime.spawn(async move { axum::serve(listener, app).await });
        let home = tempfile::tempdir().unwrap();
        let file = serde_json::json!({ "url": url, "pid": std::process::id(), "started_at": 0 });
        std::fs::write(home.path().join("server.json"), file.to_string()).unwrap();
        std::fs::write(home.path().join("token"), format!("{TOKEN}\n")).unwrap();
        Self { script, url, home, _runtime: runtime }
    }

    fn add(&self, request: &str, canned: Canned) -> &Self {
        self.script.answers.lock().unwrap().entry(request.to_owned()).or_default().push(canned);
        self
    }

    /// Answers a request, such as `GET /api/v1/jobs`, with a status and JSON. Given several times
    /// for one request, the answers come one after the other and the last one stays.
    pub(crate) fn on(&self, request: &str, status: u16, answer: &Value) -> &Self {
        let body = Bytes::from(answer.to_string());
        self.add(request, (StatusCode::from_u16(status).unwrap(), "application/json", body))
    }

    /// Answers a request with bytes of some kind.
    pub(crate) fn on_bytes(&self, request: &str, kind: &'static str, bytes: Vec<u8>) -> &Self {
        self.add(request, (StatusCode::OK, kind, bytes.into()))
    }

    /// Answers a request with an error of the API.
    pub(crate) fn on_error(
        &self,
        request: &str,
        status: u16,
        code: &str,
        message: &str,
        hint: Option<&str>,
    ) -> &Self {
        let error = serde_json::json!({ "code": code, "message": message, "hint": hint });
        self.on(request, status, &serde_json::json!({ "error": error }))
    }

    /// Answers a request no longer.
    pub(crate) fn forget(&self, request: &str) {
        self.script.answers.lock().unwrap().remove(request);
    }

    pub(crate) fn run(&self, args: &[&str]) -> Done {
        pointsman(self.home.path(), args).output().unwrap().into()
    }

    /// Returns the standard output of a command that must succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let done = self.run(args);
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{args:?}: {}", done.stdout);
        done.stdout
    }

    /// Returns what was asked, but for plain reads.
    pub(crate) fn writes(&self) -> Vec<String> {
        let asked = self.script.asked.lock().unwrap();
        asked.iter().filter(|line| !line.starts_with("GET ")).cloned().collect()
    }

    /// Returns everything that was asked.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.script.asked.lock().unwrap().clone()
    }

    /// Returns a header of each request that had it.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let headers = self.script.headers.lock().unwrap();
        let text = |headers: &HeaderMap| Some(headers.get(name)?.to_str().unwrap().to_owned());
        headers.iter().filter_map(text).collect()
    }
}

async fn answer(
    State(script): State<Arc<Script>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = format!("{method} {uri}");
    let body = String::from_utf8(body.to_vec()).unwrap();
    script.asked.lock().unwrap().push(format!("{request} {body}").trim_end().to_owned());
    script.headers.lock().unwrap().push(headers);
    let mut answers = script.answers.lock().unwrap();
    let canned = answers
        .get_mut(&request)
        .map(|list| if list.len() > 1 { list.remove(0) } else { list[0].clone() });
    match canned {
        Some((status, kind, bytes)) => {
            (status, [(header::CONTENT_TYPE, kind)], bytes).into_response()
        }
        None => (StatusCode::NOT_FOUND, format!("no answer to {request}")).into_response(),
    }
}
