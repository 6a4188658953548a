//! Which server a command speaks to, and with which token.
//!
//! The address: the one that is given, `$POINTSMAN_URL`, or what the server wrote into its home. The
//! token: `$POINTSMAN_TOKEN`, or the file in the home; that file's is shown to the server that the
//! home names and to this machine alone, never to another host.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use reqwest::Url;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Client;

/// The file in a home in which a server that runs says where it is.
pub const SERVER_FILE: &str = "server.json";

/// The file in a home that holds the token of the API.
pub const TOKEN_FILE: &str = "token";

/// How many bytes of either file are read: both are far shorter.
const MAX_FILE_BYTES: u64 = 4096;

/// Says why there is no server to speak to.
#[derive(Debug, Error)]
pub enum DiscoverError {
    /// No server is named, and none runs in the home.
    #[error("no server runs for {}", .home.display())]
    NoServer {
        /// The home that was looked at.
        home: PathBuf,
    },
    /// The address cannot be used.
    #[error("{url:?} is no address of a server: {problem}")]
    BadUrl {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The token has characters that no token has.
    #[error("the token cannot be used: it must be plain text in one line")]
    BadToken,
    /// A file in the home cannot be read.
    #[error("cannot read {}: {problem}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

/// What a server writes into [`SERVER_FILE`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFile {
    /// Its address.
    pub url: String,
    /// Its process.
    pub pid: u32,
    /// When it was started: microseconds since 1970-01-01 00:00:00 UTC.
    pub started_at: i64,
}

impl ServerFile {
    /// Finds the server of a home: nothing, if none runs there. The file of a server that was killed
    /// stays, and whoever listens at its address by then is somebody else: it counts only while the
    /// process that wrote it lives.
    ///
    /// # Errors
    /// [`DiscoverError::Unreadable`] if there is a file that is not a server's.
    pub fn of_home(home: &Path) -> Result<Option<Self>, DiscoverError> {
        let path = home.join(SERVER_FILE);
        let Some(text) = read(&path)? else { return Ok(None) };
        let file: Self = serde_json::from_str(&text)
            .map_err(|error| DiscoverError::Unreadable { path, problem: error.to_string() })?;
        Ok(Some(file).filter(|file| !is_gone(file.pid)))
    }
}

impl Client {
    /// Finds the server: `url`, or `$POINTSMAN_URL`, or what `home` names. `variable` reads the
    /// environment.
    ///
    /// # Errors
    /// Says why there is none, or why the address or the token cannot be used.
    pub fn discover(
        url: Option<&str>,
        home: &Path,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, DiscoverError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let named = url.map(str::to_owned).or_else(|| set("POINTSMAN_URL"));
        let is_of_home = named.is_none();
        let url = match named {
            Some(url) => url,
            None => match ServerFile::of_home(home)? {
                Some(file) => file.url,
                None => return Err(DiscoverError::NoServer { home: home.to_owned() }),
            },
        };
        let token = match set("POINTSMAN_TOKEN") {
            Some(token) => Some(token),
            None if is_of_home || is_this_machine(&url) => read(&home.join(TOKEN_FILE))?,
            None => None,
        };
        Self::new(&url, token.as_deref().map(str::trim))
    }
}

/// Returns whether surely no process has this number, where the system tells such things.
fn is_gone(pid: u32) -> bool {
    let processes = Path::new("/proc");
    processes.join("self").exists() && !processes.join(pid.to_string()).exists()
}

/// Reads a small file; nothing, if there is none.
fn read(path: &Path) -> Result<Option<String>, DiscoverError> {
    let read = || {
        let mut text = String::new();
        File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
        Ok::<String, std::io::Error>(text)
    };
    match read() {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => {
            Err(DiscoverError::Unreadable { path: path.to_owned(), problem: error.to_string() })
        }
    }
}

fn is_this_machine(url: &str) -> bool {
    let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_found_only_while_the_process_that_wrote_its_file_lives() {
        let home = tempfile::tempdir().unwrap();
        let found = || ServerFile::of_home(home.path()).map(|file| file.map(|file| file.url));
        assert_eq!(found().unwrap(), None);
        let write = |pid: u32| {
            let url = "http://127.0.0.1:3141".to_owned();
            let text = serde_json::to_string(&ServerFile { url, pid, started_at: 0 }).unwrap();
            std::fs::write(home.path().join(SERVER_FILE), text).unwrap();
        };
        write(std::process::id());
        assert_eq!(found().unwrap().as_deref(), Some("http://127.0.0.1:3141"));
        // No process has this number.
        write(u32::MAX);
        assert_eq!(found().unwrap(), None);
        std::fs::write(home.path().join(SERVER_FILE), "{\"url\": ").unwrap();
        assert!(found().unwrap_err().to_string().contains(SERVER_FILE));
    }
}
