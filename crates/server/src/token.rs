//! The secret that whoever changes something must show: its file, and the comparison.
//!
//! The file is readable by its owner alone. It is made when it is missing; one that others may read
//! is refused and not mended, because it may have been read already.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use model::hex;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;
use wire::client::TOKEN_FILE;

/// The name under which it is written before it gets its own.
const DRAFT: &str = "token.new";

/// How many random bytes a token has: nobody guesses 256 bits.
const BYTES: usize = 32;

/// The longest file that is read: a token with room for white space around it.
const MAX_FILE: u64 = 1024;

/// The API's token. Only its hash is kept.
#[derive(Clone)]
pub(crate) struct ApiToken {
    hash: [u8; 32],
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken(..)")
    }
}

/// Says why there is no token to check requests with.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Others may read or write the file, or it belongs to somebody else.
    #[error(
        "{} may be read by others (mode {mode:04o}): delete it, and the next start draws a new \
         token; or, if nobody can have read it, `chmod 600` it", path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file does not hold a token.
    #[error(
        "{} does not hold 64 hexadecimal digits: delete it, and the next start draws a new token",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The system gave no random numbers.
    #[error("failed to draw a token: {0}")]
    Random(getrandom::Error),
}

impl ApiToken {
    /// Reads the token of a home, or draws one and writes it if there is none.
    ///
    /// Only one daemon at a time may call this for one home: the lock of the store sees to it.
    pub(crate) fn load_or_create(home: &Path) -> Result<Self, TokenError> {
        let path = home.join(TOKEN_FILE);
        match read(&path)? {
            Some(text) if is_token(&text) => Ok(Self::new(&text)),
            Some(_) => Err(TokenError::Malformed { path }),
            None => {
                let text = draw()?;
                write(home, &path, &text)
                    .map_err(|source| TokenError::File { path: path.clone(), source })?;
                Ok(Self::new(&text))
            }
        }
    }

    fn new(text: &str) -> Self {
        Self { hash: hash(text) }
    }

    /// Returns whether a text is the token, in a time that says nothing about where they differ.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.hash.ct_eq(&hash(text)).into()
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn is_token(text: &str) -> bool {
    hex::read::<BYTES>(text).is_some()
}

fn draw() -> Result<String, TokenError> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(TokenError::Random)?;
    Ok(hex::write(&bytes))
}

/// Reads the file without the white space around its text; `None` if there is none.
fn read(path: &Path) -> Result<Option<String>, TokenError> {
    let failed = |source| TokenError::File { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mode = file.metadata().map_err(failed)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(TokenError::Exposed { path: path.to_owned(), mode });
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(failed)?;
    let text =
        String::from_utf8(bytes).map_err(|_| TokenError::Malformed { path: path.to_owned() })?;
    Ok(Some(text.trim().to_owned()))
}

/// Writes the file at once or not at all: killed in between, the next start finds none and draws
/// another.
fn write(home: &Path, path: &Path, text: &str) -> io::Result<()> {
    let draft = home.join(DRAFT);
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    // A link, unlike a rename, never replaces a token that somebody put there meanwhile.
    fs::hard_link(&draft, path)?;
    fs::remove_file(&draft)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_drawn_once_and_read_by_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let first = ApiToken::load_or_create(home.path()).unwrap();
        let path = home.path().join(TOKEN_FILE);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(is_token(text.trim()), "{text:?}");
        assert!(first.matches(text.trim()));
        assert!(!first.matches(&text));
        assert!(!first.matches(""));
        let second = ApiToken::load_or_create(home.path()).unwrap();
        assert!(second.matches(text.trim()));
        assert!(!home.path().join(DRAFT).exists());
    }

    #[test]
    fn a_draft_that_a_killed_daemon_left_does_no_harm() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(DRAFT), "half").unwrap();
        ApiToken::load_or_create(home.path()).unwrap();
        assert!(is_token(fs::read_to_string(home.path().join(TOKEN_FILE)).unwrap().trim()));
    }

    #[test]
    fn a_token_that_others_may_read_is_refused() {
        let home = tempfile::tempdir().unwrap();
        ApiToken::load_or_create(home.path()).unwrap();
        let path = home.path().join(TOKEN_FILE);
        for mode in [0o640, 0o604, 0o620, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = ApiToken::load_or_create(home.path()).unwrap_err();
            assert!(matches!(error, TokenError::Exposed { .. }), "{error}");
        }
    }

    #[test]
    fn a_file_that_holds_no_token_is_refused_without_telling_its_text() {
        let home = tempfile::tempdir().unwrap();
        ApiToken::load_or_create(home.path()).unwrap();
        let path = home.path().join(TOKEN_FILE);
        for bytes in [b"".as_slice(), b"secret-but-short", &[b'g'; 64], &[0xff; 64], &[b'a'; 66]] {
            fs::write(&path, bytes).unwrap();
            let error = ApiToken::load_or_create(home.path()).unwrap_err();
            assert!(matches!(error, TokenError::Malformed { .. }), "{error}");
            assert!(!error.to_string().contains("secret-but"), "{error}");
        }
    }
}
