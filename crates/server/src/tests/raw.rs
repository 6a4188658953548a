//! Requests byte by byte, and answers as they come over the wire.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Long enough for a machine that does a lot else.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// An answer as it came over the wire.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {:?}", self.head, self.body))
    }

    /// Returns the code of an error, and checks its form.
    pub(super) fn code(&self) -> String {
        let body = self.json();
        assert!(body["error"]["message"].is_string(), "{body}");
        assert!(body["error"].as_object().unwrap().contains_key("hint"), "{body}");
        body["error"]["code"].as_str().unwrap().to_owned()
    }
}

/// Sends bytes on a connection of their own, and returns everything that comes back. What the
/// server does not take any more is not sent.
pub(super) async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut from, mut to) = stream.into_split();
    let bytes = bytes.to_vec();
    let sending = tokio::spawn(async move {
        let _ = to.write_all(&bytes).await;
        to
    });
    let mut answer = Vec::new();
    let read = async {
        let mut block = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut block).await {
            answer.extend_from_slice(&block[..count]);
        }
    };
    timeout(PATIENCE, read).await.unwrap();
    sending.abort();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Makes one request. `head` has the lines of headers, each with its end.
pub(super) async fn ask(address: SocketAddr, line: &str, head: &str, body: &[u8]) -> Answer {
    let mut bytes = format!("{line} HTTP/1.1\r\nConnection: close\r\n{head}\r\n").into_bytes();
    bytes.extend_from_slice(body);
    let text = exchange(address, &bytes).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.as_str(), ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no answer to {line}: {text:?}"));
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
