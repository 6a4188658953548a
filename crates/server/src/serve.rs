//! Serving from beginning to end: the token, the address that others find, and the stop.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use coordinator::Handle;
use thiserror::Error;
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::accept::{accept, stopping};
use crate::address::AddressFile;
use crate::app::App;
use crate::layers::assemble;
use crate::listen::{Listen, ListenError, bind};
use crate::routes::routes;
use crate::token::{ApiToken, TokenError};

/// A server that listens and does not answer yet: whoever connects waits for [`Server::run`].
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    token: ApiToken,
    home: PathBuf,
}

/// Says why it is not possible to serve.
#[derive(Debug, Error)]
pub enum ServeError {
    /// It is not possible to listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// There is no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The address cannot be told, so nobody would find the server.
    #[error("failed to write server.json in {}: {source}", home.display())]
    Address {
        /// The home.
        home: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
}

impl Server {
    /// Reads or draws the token of the home and listens.
    ///
    /// # Errors
    /// [`ServeError::Token`] if the token cannot be used or written, [`ServeError::Listen`] if the
    /// address is not a loopback one or is taken.
    pub async fn bind(listen: Listen) -> Result<Self, ServeError> {
        let Listen { addr, home } = listen;
        let token = ApiToken::load_or_create(&home)?;
        let listener = bind(addr).await?;
        let address =
            listener.local_addr().map_err(|source| ListenError::Refused { addr, source })?;
        Ok(Self { listener, address, token, home })
    }

    /// Returns the address of the API, with the port that was taken.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers requests until `shutdown` is done; then ends streams and polls at once, gives other
    /// answers a few seconds, and returns. `server.json` tells the address meanwhile.
    ///
    /// # Errors
    /// [`ServeError::Address`] if `server.json` cannot be written.
    pub async fn run(
        self,
        handle: Handle,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let Self { listener, address, token, home } = self;
        let published = AddressFile::publish(&home, address)
            .map_err(|source| ServeError::Address { home: home.clone(), source })?;
        let (stop, stops) = stopping();
        let app = App::new(handle, home, stops.clone());
        let serving = accept(listener, assemble(routes(app), token), stops);
        let stopping = async move {
            shutdown.await;
            stop.send_replace(true);
        };
        info!(%address, "serving the API on http://{address}");
        tokio::join!(serving, stopping);
        if let Err(error) = published.withdraw() {
            warn!(%error, "failed to remove server.json");
        }
        info!("the API is stopped");
        Ok(())
    }
}

/// Listens and serves until `shutdown` is done: [`Server::bind`] and [`Server::run`] in one.
///
/// # Errors
/// As these two.
pub async fn serve(
    handle: Handle,
    listen: Listen,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    Server::bind(listen).await?.run(handle, shutdown).await
}
