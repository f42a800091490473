//! Proxies that refuse, and proxies that are hostile.

use pure_mqtt_net::{Failure, FailureClass, HttpProblem, Proxy, ProxyFailure, Server, SocksReply, Stack};

fn asked(stack: &mut Stack) -> Vec<u8> {
    let bytes = stack.transmit().to_vec();
    stack.advance(bytes.len());
    bytes
}

fn http() -> Stack {
    Stack::new(&Server::tcp("h", 1883).proxy(Proxy::http("p", 80))).unwrap()
}

fn socks(login: bool) -> Stack {
    let proxy = Proxy::socks5("p", 80);
    let proxy = if login { proxy.login("u", "p").unwrap() } else { proxy };
    let mut stack = Stack::new(&Server::tcp("h", 1883).proxy(proxy)).unwrap();
    asked(&mut stack);
    stack
}

fn failure(mut stack: Stack, answer: &[u8]) -> ProxyFailure {
    stack.received(answer.to_vec());
    match stack.failure() {
        Some(Failure::Proxy(failure)) => failure.clone(),
        other => panic!("{answer:?}: {other:?}"),
    }
}

#[test]
fn connect_is_asked_as_the_standard_wants() {
    assert_eq!(asked(&mut http()), b"CONNECT h:1883 HTTP/1.1\r\nHost: h:1883\r\n\r\n");
    let proxy = Proxy::http("p", 80).login("Aladdin", "open sesame").unwrap();
    let mut stack = Stack::new(&Server::tcp("::1", 1).proxy(proxy)).unwrap();
    let request = String::from_utf8(asked(&mut stack)).unwrap();
    assert_eq!(
        request,
        "CONNECT [::1]:1 HTTP/1.1\r\nHost: [::1]:1\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"
    );
}

#[test]
fn socks_takes_names_and_addresses() {
    for (host, request) in [
        ("h", &b"\x05\x01\x00\x03\x01h\x07\x5b"[..]),
        ("1.2.3.4", b"\x05\x01\x00\x01\x01\x02\x03\x04\x07\x5b"),
        ("::1", b"\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x07\x5b"),
    ] {
        let mut stack = Stack::new(&Server::tcp(host, 1883).proxy(Proxy::socks5("p", 1))).unwrap();
        assert_eq!(asked(&mut stack), b"\x05\x01\x00");
        stack.received(&b"\x05\x00"[..]);
        assert_eq!(asked(&mut stack), request);
        stack.received(&b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00 first"[..]);
        assert!(stack.is_up() && stack.is_bare());
        assert_eq!(stack.read().as_deref(), Some(&b" first"[..]));
    }
}

#[test]
fn http_refusals_are_told() {
    let status = |code: u16| failure(http(), format!("HTTP/1.1 {code} No\r\nRetry-After: 3\r\n\r\n<html>").as_bytes());
    assert_eq!(status(407), ProxyFailure::LoginMissing);
    for (code, class) in [(403, FailureClass::Lasting), (404, FailureClass::Lasting), (502, FailureClass::Passing)] {
        let failure = Failure::Proxy(status(code));
        assert_eq!(failure.class(), class);
        assert_eq!(failure.retry_after(), Some(std::time::Duration::from_secs(3)));
        assert!(failure.to_string().contains(&code.to_string()), "{failure}");
    }
    let proxy = Proxy::http("p", 80).login("u", "wrong").unwrap();
    let stack = Stack::new(&Server::tcp("h", 1).proxy(proxy)).unwrap();
    assert_eq!(failure(stack, b"HTTP/1.1 407 No\r\n\r\n"), ProxyFailure::LoginRefused);
}

#[test]
fn socks_refusals_are_told() {
    assert_eq!(failure(socks(false), b"\x05\xff"), ProxyFailure::LoginMissing);
    assert_eq!(failure(socks(false), b"\x05\x02"), ProxyFailure::LoginMissing);
    assert_eq!(failure(socks(true), b"\x05\xff"), ProxyFailure::LoginRefused);
    assert_eq!(failure(socks(true), b"\x05\x02\x01\x01"), ProxyFailure::LoginRefused);
    for reply in 1..=255 {
        assert_eq!(failure(socks(false), &[5, 0, 5, reply]), ProxyFailure::Socks(SocksReply(reply)));
    }
}

#[test]
fn hostile_answers_are_refused() {
    for answer in
        [&b"\x04\x00"[..], b"HTTP/1.1 400 Bad Request", b"\x05\x01", b"\x05\x00\x04", b"\x05\x00\x05\x00\x00\x09\x00"]
    {
        assert_eq!(failure(socks(false), answer), ProxyFailure::NotSocks5, "{answer:?}");
    }
    for answer in
        [&b"\x05\x00"[..], b"\x16\x03\x03", b"220 mail ESMTP", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 2000 x\r\n\r\n"]
    {
        assert_eq!(failure(http(), answer), ProxyFailure::Http(HttpProblem::NotHttp), "{answer:?}");
    }
    let mut stack = http();
    stack.received(&b"HTTP/1.1 200 OK\r\n"[..]);
    for _ in 0..1_000 {
        stack.received(&b"X-Endless: header\r\n"[..]);
    }
    assert_eq!(stack.failure(), Some(&Failure::Proxy(ProxyFailure::Http(HttpProblem::TooLong))));
}

#[test]
fn hosts_cannot_add_lines_to_a_request() {
    for host in ["a\r\nX: y", "a b", "", "a/b", "a@b", "a?b", "\u{fc}"] {
        assert_eq!(Stack::new(&Server::tcp(host, 1)).err(), Some(Failure::Host), "{host:?}");
    }
    let long = Server::tcp("a".repeat(256), 1).proxy(Proxy::socks5("p", 1));
    assert_eq!(Stack::new(&long).err(), Some(Failure::Host));
    assert_eq!(Stack::new(&Server::unix("/x").proxy(Proxy::http("p", 1))).err(), Some(Failure::ProxyToUnixSocket));
    for host in ["a-b.example", "10.0.0.1", "::1", "fe80::1%eth0", "under_score"] {
        assert!(Stack::new(&Server::tcp(host, 1)).is_ok(), "{host}");
    }
}
