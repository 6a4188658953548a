//! Where the server listens: loopback addresses and no others, as there is no TLS.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;
use tokio::net::TcpListener;

/// Where to listen, and for which home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// A loopback address; port 0 takes any free one.
    pub addr: SocketAddr,
    /// The folder with everything that the daemon keeps.
    pub home: PathBuf,
}

/// Says why it is not possible to listen.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The address can be reached from elsewhere.
    #[error(
        "{0} can be reached from other machines, and what is sent there is not encrypted: listen \
         on 127.0.0.1 or [::1], and let a tunnel or a proxy with TLS do the rest"
    )]
    NotLoopback(SocketAddr),
    /// Somebody else listens there.
    #[error(
        "{0} is in use by another program: choose another port with `--port`; `--port 0` takes any \
         free one"
    )]
    Taken(SocketAddr),
    /// The system refuses.
    #[error("failed to listen on {addr}: {source}")]
    Refused {
        /// Where.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// Listens on a loopback address.
pub(crate) async fn bind(addr: SocketAddr) -> Result<TcpListener, ListenError> {
    if !addr.ip().is_loopback() {
        return Err(ListenError::NotLoopback(addr));
    }
    TcpListener::bind(addr).await.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            ListenError::Taken(addr)
        } else {
            ListenError::Refused { addr, source }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_others_can_reach_is_refused() {
        for addr in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80", "[::ffff:127.0.0.1]:0"] {
            let error = bind(addr.parse().unwrap()).await.unwrap_err();
            assert!(matches!(error, ListenError::NotLoopback(_)), "{error}");
        }
    }

    #[tokio::test]
    async fn a_taken_port_says_how_to_choose_another() {
        let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let error = bind(first.local_addr().unwrap()).await.unwrap_err();
        assert!(matches!(error, ListenError::Taken(_)), "{error}");
        assert!(error.to_string().contains("--port"), "{error}");
    }
}
