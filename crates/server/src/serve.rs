//! Serving from beginning to end: the token, the address that others find, and the stop.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use coordinator::Handle;
use thiserror::Error;
use tokio::net::TcpListener;
use tracing::info;

use crate::accept::{accept, stopping};
use crate::address::AddressFile;
use crate::app::App;
use crate::configuration::ConfigurationLink;
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
    published: AddressFile,
    configuration: Option<ConfigurationLink>,
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
    /// Reads or draws the token of the home, listens, and tells the address in `server.json` for as
    /// long as this is kept.
    ///
    /// # Errors
    /// [`ServeError::Token`] if the token cannot be used or written, [`ServeError::Listen`] if the
    /// address is not a loopback one or is taken, [`ServeError::Address`] if it cannot be told.
    pub async fn bind(listen: Listen) -> Result<Self, ServeError> {
        let Listen { addr, home } = listen;
        let token = ApiToken::load_or_create(&home)?;
        let listener = bind(addr).await?;
        let address =
            listener.local_addr().map_err(|source| ListenError::Refused { addr, source })?;
        let published = AddressFile::publish(&home, address)
            .map_err(|source| ServeError::Address { home: home.clone(), source })?;
        Ok(Self { listener, address, token, home, published, configuration: None })
    }

    /// Shows the configuration in force, and has it read again when somebody asks for that.
    pub fn configured_by(self, link: ConfigurationLink) -> Self {
        Self { configuration: Some(link), ..self }
    }

    /// Returns the address of the API, with the port that was taken.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers requests until `shutdown` is done; then ends streams and polls at once, gives other
    /// answers a few seconds, and returns.
    pub async fn run(self, handle: Handle, shutdown: impl Future<Output = ()>) {
        let Self { listener, address, token, home, published, configuration } = self;
        let (stop, stops) = stopping();
        let app = App::new(handle, home, configuration, stops.clone());
        let serving = accept(listener, assemble(routes(app), token), stops);
        let stopping = async move {
            shutdown.await;
            stop.send_replace(true);
        };
        info!(%address, "serving the API on http://{address}");
        tokio::join!(serving, stopping);
        drop(published);
        info!("the API is stopped");
    }
}
