//! The file that says where the daemon of a home listens.
//!
//! Commands and workers find the daemon by it. It appears whole or not at all, and a daemon that
//! stops removes only its own.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::warn;
use wire::client::{SERVER_FILE, ServerFile};

/// The name under which it is written before it gets its own.
const DRAFT: &str = "server.json.new";

/// The file, while the daemon serves.
#[derive(Debug)]
pub(crate) struct AddressFile {
    path: PathBuf,
    text: String,
}

impl AddressFile {
    /// Tells everybody that this process listens here.
    pub(crate) fn publish(home: &Path, address: SocketAddr) -> io::Result<Self> {
        let started_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let text = serde_json::to_string(&ServerFile {
            url: format!("http://{address}"),
            pid: std::process::id(),
            started_at: i64::try_from(started_at.as_micros()).unwrap_or(i64::MAX),
        })?;
        let draft = home.join(DRAFT);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        drop(file);
        let path = home.join(SERVER_FILE);
        fs::rename(&draft, &path)?;
        Ok(Self { path, text })
    }

    fn withdraw(&self) -> io::Result<()> {
        match fs::read_to_string(&self.path) {
            Ok(text) if text == self.text => fs::remove_file(&self.path),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Drop for AddressFile {
    /// Removes the file, if it is still the one that was published.
    fn drop(&mut self) {
        if let Err(error) = self.withdraw() {
            warn!(%error, "failed to remove {}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_there_while_it_is_published() {
        let home = tempfile::tempdir().unwrap();
        let file = AddressFile::publish(home.path(), ([127, 0, 0, 1], 3141).into()).unwrap();
        let text = fs::read_to_string(home.path().join(SERVER_FILE)).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["url"], "http://127.0.0.1:3141");
        assert_eq!(value["pid"], std::process::id());
        drop(file);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_address_of_another_daemon_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let old = AddressFile::publish(home.path(), ([127, 0, 0, 1], 1).into()).unwrap();
        let new = AddressFile::publish(home.path(), ([127, 0, 0, 1], 2).into()).unwrap();
        drop(old);
        assert_eq!(fs::read_to_string(home.path().join(SERVER_FILE)).unwrap(), new.text);
    }

    #[test]
    fn an_ip_v6_address_is_written_with_brackets() {
        let home = tempfile::tempdir().unwrap();
        let file = AddressFile::publish(home.path(), "[::1]:80".parse().unwrap()).unwrap();
        assert!(file.text.contains("http://[::1]:80"), "{}", file.text);
    }
}
