//! HTTP CONNECT (RFC 9110 §9.3.6).

use bytes::{Bytes, BytesMut};
use data_encoding::BASE64;

use crate::failure::ProxyFailure;
use crate::server::ProxyLogin;
use crate::stack::head::HeadReader;

pub(in crate::stack) struct Connect {
    answer: HeadReader,
    has_login: bool,
}

impl Connect {
    pub(super) fn start(target: &str, login: Option<&ProxyLogin>, out: &mut BytesMut) -> Self {
        for part in ["CONNECT ", target, " HTTP/1.1\r\nHost: ", target, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        if let Some(login) = login {
            let pair = [login.user_name.bytes(), b":", login.password.bytes()].concat();
            out.extend_from_slice(b"Proxy-Authorization: Basic ");
            out.extend_from_slice(BASE64.encode(&pair).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        Self { answer: HeadReader::default(), has_login: login.is_some() }
    }

    pub(super) fn received(&mut self, input: &mut Bytes) -> Result<bool, ProxyFailure> {
        let Some(head) = self.answer.received(input).map_err(ProxyFailure::Http)? else { return Ok(false) };
        match head.code {
            200..=299 => Ok(true), // any Content-Length is to be ignored
            407 if self.has_login => Err(ProxyFailure::LoginRefused),
            407 => Err(ProxyFailure::LoginMissing),
            _ => Err(ProxyFailure::Status(head.status())),
        }
    }
}
