//! What the program of a hook writes to standard error: it goes to the daemon's log, so much of it and
//! no more.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tracing::warn;

/// How much of one program is logged, in bytes: a long trace of calls, several times.
const MAX_LOGGED: usize = 64 * 1024;

/// How much of one line is logged, in bytes.
const MAX_LINE: usize = 1024;

/// Logs the lines of a pipe until its end; what is beyond the bound is read and thrown away.
pub(crate) async fn log(hook: String, pipe: impl AsyncRead + Unpin) {
    let mut pipe = BufReader::new(pipe);
    let (mut line, mut bound) = (Vec::new(), Bound::default());
    while let Ok(buffer) = pipe.fill_buf().await {
        if buffer.is_empty() {
            break;
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = end.unwrap_or(buffer.len());
        let kept = part.min(MAX_LINE.saturating_sub(line.len()));
        line.extend_from_slice(&buffer[..kept]);
        pipe.consume(end.map_or(part, |end| end + 1));
        if end.is_some() {
            tell(&hook, bound.take(&line));
            line.clear();
        }
    }
    if !line.is_empty() {
        tell(&hook, bound.take(&line));
    }
}

fn tell(hook: &str, text: Option<String>) {
    if let Some(text) = text {
        warn!("{hook}: {text}");
    }
}

/// How much was logged.
#[derive(Debug, Default)]
struct Bound {
    logged: usize,
}

impl Bound {
    /// Returns what is to be logged for a line; nothing once too much was.
    fn take(&mut self, line: &[u8]) -> Option<String> {
        if self.logged > MAX_LOGGED {
            return None;
        }
        self.logged += line.len() + 1;
        if self.logged > MAX_LOGGED {
            return Some(format!("[more than {MAX_LOGGED} bytes; the rest is not logged]"));
        }
        Some(String::from_utf8_lossy(line).escape_debug().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_logged_up_to_the_bound_which_is_told_once() {
        let mut bound = Bound::default();
        assert_eq!(bound.take(b"a\x1b[31m\xff").as_deref(), Some("a\\u{1b}[31m\u{fffd}"));
        let line = [b'x'; 1023];
        let told: Vec<String> = (0..100).filter_map(|_| bound.take(&line)).collect();
        assert_eq!(told.len(), 64);
        assert_eq!(told[63], "[more than 65536 bytes; the rest is not logged]");
    }

    #[tokio::test]
    async fn a_line_without_an_end_costs_no_memory() {
        let endless = tokio::io::AsyncReadExt::take(tokio::io::repeat(b'x'), 50 << 20);
        log("hook".to_owned(), endless).await;
    }
}
