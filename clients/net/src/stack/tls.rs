//! TLS, with memory on both sides.

use std::io::IoSlice;
use std::io::{BufRead, Write};
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use crate::failure::{Failure, TlsFailure};
use crate::server::{Endpoint, Security, Server};
use crate::tls::Tls;

pub(super) struct TlsLayer {
    connection: ClientConnection,
    has_peer_closed: bool,
}

impl TlsLayer {
    /// `None` if `server` wants no TLS.
    pub(super) fn new(server: &Server) -> Result<Option<Self>, Failure> {
        let tls = match server.security() {
            Security::None => return Ok(None),
            Security::Default => Tls::system().map_err(Failure::TlsOptions)?,
            Security::Tls(tls) => tls.clone(),
        };
        let name = match (tls.server_name(), server.endpoint()) {
            (Some(name), _) => name.clone(),
            (None, Endpoint::Tcp { host, .. }) => ServerName::try_from(host.clone()).map_err(|_| Failure::Host)?,
            (None, Endpoint::Unix(_)) => ServerName::try_from("localhost").map_err(|_| Failure::Host)?,
        };
        let mut connection = ClientConnection::new(Arc::clone(tls.config()), name).map_err(failed)?;
        connection.set_buffer_limit(None); // the stack has a limit of its own
        Ok(Some(Self { connection, has_peer_closed: false }))
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// The server has said that nothing more comes.
    pub(super) const fn has_peer_closed(&self) -> bool {
        self.has_peer_closed
    }

    /// Deciphers what came; what it says is appended to `plain`.
    pub(super) fn received(&mut self, mut input: &[u8], plain: &mut BytesMut) -> Result<(), Failure> {
        while !input.is_empty() {
            let before = input.len();
            let _ = self.connection.read_tls(&mut input); // fails only if there is no room, which `plain` has made
            let result = self.connection.process_new_packets();
            self.drain(plain); // what came before something wrong was right
            self.has_peer_closed = result.map_err(failed)?.peer_has_closed();
            if input.len() == before {
                break; // nothing counts behind close_notify
            }
        }
        Ok(())
    }

    fn drain(&mut self, plain: &mut BytesMut) {
        let mut reader = self.connection.reader();
        while let Ok(chunk @ [_, ..]) = reader.fill_buf() {
            plain.extend_from_slice(chunk);
            let length = chunk.len();
            reader.consume(length);
        }
    }

    /// Enciphers these bytes together.
    pub(super) fn send(&mut self, parts: &[&[u8]]) {
        let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let _ = self.connection.writer().write_vectored(&slices); // without a limit it takes everything
    }

    pub(super) fn finish(&mut self) {
        self.connection.send_close_notify();
    }

    /// Moves what is enciphered to `wire`.
    pub(super) fn write_to(&mut self, wire: &mut BytesMut) {
        let mut writer = wire.writer();
        while self.connection.wants_write() && self.connection.write_tls(&mut writer).is_ok_and(|count| count > 0) {}
    }
}

fn failed(error: rustls::Error) -> Failure {
    Failure::Tls(TlsFailure::new(error))
}
