//! The stream of changes: server-sent events, resumed where a connection broke.

use std::time::Duration;

use super::{Client, ClientError};
use crate::api::Event;

/// How often in a row a broken stream is opened again: with [`RETRY_DELAY`], a restart of the
/// server is bridged.
const MAX_RETRIES: u32 = 60;

/// How long to wait before a broken stream is opened again.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// How many bytes one event may have: an event is a few lines.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// What a stream of changes tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Something happened.
    Event(Event),
    /// The connection broke and was made again. If a change was seen before, none is missed;
    /// otherwise what happened meanwhile must be read elsewhere.
    Reopened,
}

/// The changes of a server, one after the other.
#[derive(Debug)]
pub struct Changes {
    client: Client,
    response: reqwest::Response,
    seen: Option<u64>,
    parser: Parser,
}

impl Changes {
    pub(super) async fn open(client: Client, after: Option<u64>) -> Result<Self, ClientError> {
        let response = client.open_changes(after).await?;
        Ok(Self { client, response, seen: after, parser: Parser::default() })
    }

    /// Waits for news. A connection that breaks is made again, behind the last change that was
    /// seen.
    ///
    /// # Errors
    /// The stream cannot be opened again, or what comes is no stream of changes.
    pub async fn next(&mut self) -> Result<News, ClientError> {
        self.next_wherever(|| None).await
    }

    /// Waits for news as [`Changes::next`] does; a server that was started again may have another
    /// address, which `find` tells.
    ///
    /// # Errors
    /// As [`Changes::next`].
    pub async fn next_wherever(
        &mut self,
        find: impl Fn() -> Option<Client>,
    ) -> Result<News, ClientError> {
        loop {
            while let Some(data) = self.parser.next() {
                let event: Event = serde_json::from_str(&data).map_err(|error| {
                    self.client.garbage(format!("a change that is none: {error}"))
                })?;
                // After a resume the server may tell the last one once more.
                if self.seen.is_none_or(|seen| event.change > seen) {
                    self.seen = Some(event.change);
                    return Ok(News::Event(event));
                }
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) if self.parser.has_room(chunk.len()) => self.parser.push(&chunk),
                Ok(Some(_)) => {
                    let problem = format!("a change of more than {MAX_EVENT_BYTES} bytes");
                    return Err(self.client.garbage(problem));
                }
                Ok(None) | Err(_) => {
                    self.resume(find).await?;
                    return Ok(News::Reopened);
                }
            }
        }
    }

    /// Returns the client of the server that tells the changes.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Opens the stream again, behind the last change that was seen, at the address that `find`
    /// tells, if any.
    ///
    /// # Errors
    /// It cannot be opened within about half a minute.
    pub async fn resume(&mut self, find: impl Fn() -> Option<Client>) -> Result<(), ClientError> {
        let mut retries = 0;
        loop {
            tokio::time::sleep(RETRY_DELAY).await;
            if let Some(found) = find() {
                self.client = found;
            }
            match self.client.open_changes(self.seen).await {
                Ok(response) => {
                    self.response = response;
                    self.parser = Parser::default();
                    return Ok(());
                }
                Err(error) if error.is_passing() && retries < MAX_RETRIES => retries += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

/// Cuts a stream of bytes into the data of its events. Only the fields that the API uses count:
/// data lines, and the empty line that ends an event.
#[derive(Debug, Default)]
struct Parser {
    bytes: Vec<u8>,
    data: String,
}

impl Parser {
    fn has_room(&self, more: usize) -> bool {
        self.bytes.len() + self.data.len() + more <= MAX_EVENT_BYTES
    }

    fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
    }

    /// Returns the data of the next whole event.
    fn next(&mut self) -> Option<String> {
        while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\n', '\r']);
            if let Some(data) = line.strip_prefix("data:") {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            } else if line.is_empty() && !self.data.is_empty() {
                return Some(std::mem::take(&mut self.data));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_wherever_the_bytes_are_cut() {
        let stream = ": keep-alive\n\nid: 7\nevent: RUN_START\ndata: {\"a\":\ndata: 1}\n\n\
                      id: 8\r\ndata:é\r\n\r\ndata: cut off";
        for size in 1..stream.len() {
            let mut parser = Parser::default();
            let mut events = Vec::new();
            for chunk in stream.as_bytes().chunks(size) {
                parser.push(chunk);
                events.extend(std::iter::from_fn(|| parser.next()));
            }
            assert_eq!(events, ["{\"a\":\n1}", "é"], "cut every {size} bytes");
        }
    }
}
