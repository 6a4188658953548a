//! What a guard and a fork server say to each other: one line of JSON a message.
//! `docs/design/shim-protocol.md` describes it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The version of these words.
const VERSION: u32 = 1;

/// The byte by which a guard lets a command begin that is kept.
pub(super) const GO: u8 = b'g';

/// The byte by which it has SIGTERM sent to all of the command's group.
pub(super) const TERMINATE: u8 = b't';

/// How long a line of the other side may be, in bytes: a sentence with a path at most.
pub(super) const LONGEST_SAID: usize = 64 * 1024;

/// The command that a fork is to stand for. Texts are bytes, each as the character of its number: paths
/// and variables need not be Unicode.
#[derive(Serialize)]
struct Order {
    version: u32,
    command: Vec<String>,
    environment: BTreeMap<String, String>,
    folder: String,
}

/// What a server or a keeper says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Said {
    /// The server takes an order.
    Ready,
    /// There is no fork; nothing was executed.
    Refused {
        /// Why.
        why: String,
    },
    /// A keeper is there, which leads a session and a group.
    Kept {
        /// Its process.
        pid: u32,
    },
    /// The command was started.
    Started {
        /// Its process.
        pid: u32,
    },
    /// The command ended by itself.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// The command was ended by a signal.
    Signaled {
        /// The signal's number.
        signal: i32,
    },
    /// Nothing of the command is left.
    Empty,
}

/// Writes an order.
pub(super) fn order(
    command: &[OsString],
    environment: impl Iterator<Item = (OsString, OsString)>,
    folder: &Path,
) -> serde_json::Result<Vec<u8>> {
    let order = Order {
        version: VERSION,
        command: command.iter().map(|part| text(part)).collect(),
        environment: environment.map(|(name, value)| (text(&name), text(&value))).collect(),
        folder: text(folder.as_os_str()),
    };
    let mut line = serde_json::to_vec(&order)?;
    line.push(b'\n');
    Ok(line)
}

fn text(bytes: &OsStr) -> String {
    bytes.as_encoded_bytes().iter().copied().map(char::from).collect()
}

/// Reads a line; `None` if it is none of these.
pub(super) fn read(line: &[u8]) -> Option<Said> {
    serde_json::from_slice(line).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn every_byte_of_an_order_is_a_character() {
        let strange = OsString::from_vec(vec![b'a', 0xff, b'"', 0xe9]);
        let environment = [(OsString::from("A"), strange.clone())];
        let line = order(&[strange], environment.into_iter(), Path::new("/é")).unwrap();
        let expected = "{\"version\":1,\"command\":[\"aÿ\\\"é\"],\"environment\":{\"A\":\"aÿ\\\"é\"},\
                        \"folder\":\"/Ã©\"}\n";
        assert_eq!(String::from_utf8(line).unwrap(), expected);
    }

    #[test]
    fn what_is_said_is_read_and_what_is_not_known_is_nothing() {
        let said = br#"{"version":1,"kind":"kept","pid":7,"more":1}"#;
        assert_eq!(read(said), Some(Said::Kept { pid: 7 }));
        assert_eq!(read(br#"{"kind":"empty"}"#), Some(Said::Empty));
        assert_eq!(read(br#"{"kind":"other"}"#), None);
        assert_eq!(read(b"{"), None);
    }
}
