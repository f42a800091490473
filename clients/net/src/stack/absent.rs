//! Layers whose feature is off: of each there is never one.

#[cfg(not(feature = "proxy"))]
pub(super) use self::proxy::ProxyHandshake;
#[cfg(not(feature = "tls"))]
pub(super) use self::tls::TlsLayer;
#[cfg(not(feature = "websocket"))]
pub(super) use self::websocket::WebSocketLayer;

#[cfg(not(feature = "proxy"))]
mod proxy {
    use bytes::{Bytes, BytesMut};

    use crate::failure::Failure;
    use crate::server::Server;

    pub(in crate::stack) enum ProxyHandshake {}

    impl ProxyHandshake {
        pub(in crate::stack) const fn new(_: &Server, _: &mut BytesMut) -> Result<Option<Self>, Failure> {
            Ok(None)
        }

        pub(in crate::stack) const fn received(&mut self, _: &mut Bytes, _: &mut BytesMut) -> Result<bool, Failure> {
            match *self {}
        }
    }
}

#[cfg(not(feature = "tls"))]
mod tls {
    use bytes::BytesMut;

    use crate::failure::Failure;
    use crate::server::Server;

    pub(in crate::stack) enum TlsLayer {}

    impl TlsLayer {
        pub(in crate::stack) const fn new(_: &Server) -> Result<Option<Self>, Failure> {
            Ok(None)
        }

        pub(in crate::stack) const fn is_handshaking(&self) -> bool {
            match *self {}
        }

        pub(in crate::stack) const fn has_peer_closed(&self) -> bool {
            match *self {}
        }

        pub(in crate::stack) const fn received(&mut self, _: &[u8], _: &mut BytesMut) -> Result<(), Failure> {
            match *self {}
        }

        pub(in crate::stack) const fn send(&mut self, _: &[&[u8]]) {
            match *self {}
        }

        pub(in crate::stack) const fn finish(&mut self) {
            match *self {}
        }

        pub(in crate::stack) const fn write_to(&mut self, _: &mut BytesMut) {
            match *self {}
        }
    }
}

#[cfg(not(feature = "websocket"))]
mod websocket {
    use bytes::{Bytes, BytesMut};

    use crate::failure::Failure;
    use crate::server::Server;
    use crate::stack::closed::Closed;

    pub(in crate::stack) enum WebSocketLayer {}

    impl WebSocketLayer {
        pub(in crate::stack) const fn new(_: &Server) -> Option<Self> {
            None
        }

        pub(in crate::stack) const fn is_handshaking(&self) -> bool {
            match *self {}
        }

        pub(in crate::stack) const fn take_request(&mut self) -> Bytes {
            match *self {}
        }

        pub(in crate::stack) fn received(&mut self, _: Bytes, _: &mut dyn FnMut(Bytes)) -> Result<(), Failure> {
            match *self {}
        }

        pub(in crate::stack) const fn take_reply(&mut self) -> Option<Bytes> {
            match *self {}
        }

        pub(in crate::stack) const fn finish(&mut self) -> Option<Bytes> {
            match *self {}
        }

        pub(in crate::stack) const fn closed(&self) -> Option<Closed> {
            match *self {}
        }

        pub(in crate::stack) const fn frame(&self, _: &mut BytesMut) -> Option<Bytes> {
            match *self {}
        }
    }
}
