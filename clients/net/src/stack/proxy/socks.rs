//! SOCKS version 5 (RFC 1928), with user name and password (RFC 1929). The proxy resolves names.

use std::net::IpAddr;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::failure::{Failure, ProxyFailure, SocksReply};
use crate::server::ProxyLogin;

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;
const NONE_ACCEPTED: u8 = 0xFF;

pub(in crate::stack) struct Socks {
    login: Option<ProxyLogin>,
    /// Written once the proxy knows who we are.
    request: Bytes,
    awaited: Awaited,
    collected: BytesMut,
}

#[derive(Clone, Copy)]
enum Awaited {
    Method,
    Login,
    Reply,
}

impl Socks {
    pub(super) fn start(host: &str, port: u16, login: Option<ProxyLogin>, out: &mut BytesMut) -> Result<Self, Failure> {
        let request = request(host, port)?;
        match login {
            Some(_) => out.extend_from_slice(&[VERSION, 2, NO_LOGIN, LOGIN]),
            None => out.extend_from_slice(&[VERSION, 1, NO_LOGIN]),
        }
        Ok(Self { login, request, awaited: Awaited::Method, collected: BytesMut::new() })
    }

    pub(super) fn received(&mut self, input: &mut Bytes, out: &mut BytesMut) -> Result<bool, ProxyFailure> {
        loop {
            let wanted = self.wanted()?; // grows with what is known of the answer
            if self.collected.len() < wanted {
                if input.is_empty() {
                    return Ok(false);
                }
                let missing = wanted - self.collected.len();
                self.collected.extend_from_slice(&input.split_to(missing.min(input.len())));
            } else {
                let answer = self.collected.split();
                if self.judge(&answer, out)? {
                    return Ok(true);
                }
            }
        }
    }

    /// How long the awaited answer is, as far as its beginning tells.
    fn wanted(&self) -> Result<usize, ProxyFailure> {
        match (self.awaited, &*self.collected) {
            (Awaited::Login, _) => Ok(2),
            (_, [version, ..]) if *version != VERSION => Err(ProxyFailure::NotSocks5),
            (Awaited::Method, _) => Ok(2),
            // version, reply, reserved, address of 4 or 16 bytes or a name with its length, port
            (Awaited::Reply, [_, 0, _, kind, length, ..]) => match kind {
                1 => Ok(10),
                3 => Ok(7 + usize::from(*length)),
                4 => Ok(22),
                _ => Err(ProxyFailure::NotSocks5),
            },
            (Awaited::Reply, [_, 0, ..]) => Ok(5),
            (Awaited::Reply, _) => Ok(2), // some proxies close behind the reason for a refusal
        }
    }

    fn judge(&mut self, answer: &[u8], out: &mut BytesMut) -> Result<bool, ProxyFailure> {
        match (self.awaited, answer) {
            (Awaited::Method, [_, NO_LOGIN]) => self.ask(out),
            (Awaited::Method, [_, LOGIN]) => match &self.login {
                None => return Err(ProxyFailure::LoginMissing),
                Some(login) => {
                    write_login(login, out);
                    self.awaited = Awaited::Login;
                }
            },
            (Awaited::Method, [_, NONE_ACCEPTED]) => {
                return Err(if self.login.is_some() { ProxyFailure::LoginRefused } else { ProxyFailure::LoginMissing });
            }
            (Awaited::Login, [_, 0]) => self.ask(out),
            (Awaited::Login, _) => return Err(ProxyFailure::LoginRefused),
            (Awaited::Reply, [_, 0, ..]) => return Ok(true),
            (Awaited::Reply, [_, reply, ..]) => return Err(ProxyFailure::Socks(SocksReply(*reply))),
            _ => return Err(ProxyFailure::NotSocks5),
        }
        Ok(false)
    }

    fn ask(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(&self.request);
        self.awaited = Awaited::Reply;
    }
}

fn request(host: &str, port: u16) -> Result<Bytes, Failure> {
    let mut request = BytesMut::from(&[VERSION, 1, 0][..]);
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.put_u8(1);
            request.put_slice(&address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.put_u8(4);
            request.put_slice(&address.octets());
        }
        Err(_) => {
            request.put_u8(3);
            request.put_u8(u8::try_from(host.len()).map_err(|_| Failure::Host)?);
            request.put_slice(host.as_bytes());
        }
    }
    request.put_u16(port);
    Ok(request.freeze())
}

fn write_login(login: &ProxyLogin, out: &mut BytesMut) {
    out.put_u8(1);
    for part in [login.user_name.bytes(), login.password.bytes()] {
        out.put_u8(u8::try_from(part.len()).unwrap_or(u8::MAX)); // `Proxy::login` takes no longer ones
        out.put(part.take(255));
    }
}
