//! Web servers that answer something else, and frames that are wrong.

use pure_mqtt_net::{Closed, Failure, FailureClass, FrameProblem, Server, Stack, WebSocketFailure};
use tungstenite::Message;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::support::chain::{Chain, Through, World};
use crate::support::{self, settle};

fn stack() -> Stack {
    Stack::new(&Server::tcp("h", 80).websocket("/mqtt").unwrap()).unwrap()
}

/// The request, and the key in it.
fn request(stack: &mut Stack) -> (String, String) {
    let request = String::from_utf8(stack.transmit().to_vec()).unwrap();
    stack.advance(request.len());
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap().to_owned();
    (request, key)
}

fn answered(answer: impl Fn(&str) -> String) -> Stack {
    let mut stack = stack();
    let (_, key) = request(&mut stack);
    stack.received(answer(&derive_accept_key(key.as_bytes())).into_bytes());
    stack
}

fn up_with(lines: &str) -> Stack {
    answered(|accept| {
        format!(
            "HTTP/1.1 101 x\r\nUPGRADE: WebSocket\r\nconnection: keep-alive, Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{lines}\r\n"
        )
    })
}

fn failure(stack: &Stack) -> WebSocketFailure {
    match stack.failure() {
        Some(Failure::WebSocket(failure)) => failure.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_request_is_the_standards() {
    let server = Server::tcp("h", 8080).websocket("/a?b=c").unwrap().header("Authorization", "Bearer x").unwrap();
    let (text, key) = request(&mut Stack::new(&server).unwrap());
    assert!(text.starts_with("GET /a?b=c HTTP/1.1\r\nHost: h:8080\r\n"), "{text}");
    assert!(text.contains("\r\nSec-WebSocket-Protocol: mqtt\r\n") && text.contains("\r\nauthorization: Bearer x\r\n"));
    assert_eq!(data_encoding::BASE64.decode(key.as_bytes()).unwrap().len(), 16);
    let hosts = [("ws://h", "h"), ("ws://[::1]", "[::1]"), ("ws://h:443", "h:443"), ("ws://h:180", "h:180")];
    for (url, host) in hosts {
        let (text, _) = request(&mut Stack::new(&url.parse().unwrap()).unwrap());
        assert!(text.contains(&format!("\r\nHost: {host}\r\n")), "{text}");
    }
    let own = Server::tcp("h", 80).websocket("/").unwrap().header("Host", "other").unwrap();
    let (text, _) = request(&mut Stack::new(&own).unwrap());
    assert!(text.contains("host: other\r\n") && !text.contains("Host: h"), "{text}");
}

#[test]
fn web_servers_that_answer_something_else_are_told() {
    for (line, more, class, words) in [
        ("401 Unauthorized", "", FailureClass::Credentials, "`Authorization`"),
        ("404 Not Found", "", FailureClass::Lasting, "/mqtt"),
        ("500 Oops", "", FailureClass::Passing, "later"),
        ("200 OK", "", FailureClass::Lasting, "web server"),
        (
            "301 Moved",
            "Location: wss://other.example/mqtt?key=hunter2\r\n",
            FailureClass::Lasting,
            "wss://other.example/mqtt now",
        ),
        ("503 Busy", "Retry-After: 120\r\n", FailureClass::Passing, "broker"),
    ] {
        let stack = answered(|_| format!("HTTP/1.1 {line}\r\n{more}Content-Length: 5\r\n\r\nhello"));
        let failure = stack.failure().unwrap();
        let text = failure.to_string();
        assert_eq!(failure.class(), class, "{text}");
        assert!(text.contains(words) && text.contains(&line[..3]) && !text.contains("hunter2"), "{text}");
        let seconds = failure.retry_after().map(|time| time.as_secs());
        assert_eq!(seconds, line.starts_with("503").then_some(120));
        assert!(!stack.wants_input());
    }
    let mut stack = stack();
    stack.received(&b"\x20\x02\x00\x00"[..]); // MQTT without WebSocket
    assert!(stack.failure().unwrap().to_string().contains("mqtt://"));
}

/// Field row 43: as paho, which does not look.
#[test]
fn subprotocols_that_mean_mqtt_are_accepted() {
    for lines in [
        "",
        "Sec-WebSocket-Protocol: mqtt\r\n",
        "Sec-WebSocket-Protocol: mqttv3.1\r\n",
        "Sec-WebSocket-Protocol: MQTT\r\n",
    ] {
        assert!(up_with(lines).is_up(), "{lines}");
    }
    let refused = up_with("Sec-WebSocket-Protocol: chat\r\n");
    assert_eq!(failure(&refused), WebSocketFailure::Subprotocol("chat".into()));
}

#[test]
fn an_agreement_that_is_none_is_refused() {
    for answer in [
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ] {
        assert_eq!(failure(&answered(|_| answer.into())), WebSocketFailure::NoUpgrade);
    }
    for left_out in ["Upgrade: websocket", "Connection: Upgrade"] {
        let stack = answered(|accept| {
            format!(
                "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            )
            .replace(left_out, "X: y")
        });
        assert_eq!(failure(&stack), WebSocketFailure::NoUpgrade);
    }
    let refused = up_with("Sec-WebSocket-Extensions: permessage-deflate\r\n");
    assert_eq!(failure(&refused), WebSocketFailure::Extension);
}

#[test]
fn frames_that_break_a_rule_are_refused_after_what_was_right() {
    use FrameProblem::*;
    let long = [&[0x89, 126, 0, 126][..], &[0; 126]].concat();
    let endless = [&[0x82, 127][..], &[0xFF; 8]].concat();
    for (frame, problem) in [
        (&[0x82, 0x81, 1, 2, 3, 4, 5][..], Masked),
        (&[0xC2, 1, 0], ReservedBit),
        (&[0xA2, 1, 0], ReservedBit),
        (&[0x92, 1, 0], ReservedBit),
        (&[0x83, 1, 0], Opcode),
        (&[0x8F, 1, 0], Opcode),
        (&[0x09, 0], Control),
        (&long, Control),
        (&[0x80, 1, 0], Order),
        (&[0x02, 1, 0, 0x82, 1, 0], Order),
        (&endless, Length),
    ] {
        for piece in [1, 1_000] {
            let mut stack = up_with("");
            for bytes in [&[0x82, 2, 7, 7], frame].concat().chunks(piece) {
                stack.received(bytes.to_vec());
            }
            assert_eq!(failure(&stack), WebSocketFailure::Frame(problem), "{frame:?}");
            assert_eq!(stack.failure().unwrap().class(), FailureClass::Lasting);
            let read: Vec<u8> = std::iter::from_fn(|| stack.read()).flatten().collect();
            assert_eq!(&read[..2], [7, 7]);
        }
    }
    let mut stack = up_with("");
    stack.received(&b"\x81\x02hi"[..]);
    assert_eq!(failure(&stack), WebSocketFailure::Text); // [MQTT-6.0.0-1]
}

#[test]
fn messages_may_be_in_fragments_with_pings_between() {
    let bytes = b"\x02\x02ab\x89\x01p\x00\x00\x80\x01c\x82\x00\x82\x7e\x00\x01d";
    for piece in 1..=bytes.len() {
        let mut stack = up_with("");
        bytes.chunks(piece).for_each(|bytes| stack.received(bytes.to_vec()));
        let read: Vec<u8> = std::iter::from_fn(|| stack.read()).flatten().collect();
        assert_eq!((read, stack.failure()), (b"abcd".to_vec(), None));
    }
}

#[test]
fn pings_are_answered_and_the_last_one_is_enough() {
    let chain = Chain { through: Through::Nothing, tls: false, websocket: true };
    let (mut stack, mut server) = World::new().pair(chain);
    settle(&mut stack, &mut server);
    server.write_message(Message::Ping(vec![1].into()));
    settle(&mut stack, &mut server);
    assert_eq!(server.others, [Message::Pong(vec![1].into())]);
    for index in 0..100_000_u32 {
        stack.received([&[0x89, 4][..], &index.to_be_bytes()].concat());
    }
    stack.send(b"x");
    assert!(stack.transmit().len() < 30, "a pong for each ping would be no bound");
    settle(&mut stack, &mut server);
    assert_eq!(server.others[1..], [Message::Pong(99_999_u32.to_be_bytes().to_vec().into())]);
    assert_eq!(server.read, b"x");
}

/// A server that pings and doesn't read.
#[test]
fn answers_to_pings_do_not_pile_up() {
    let mut stack = up_with("").with_limits(1_000, 1_000);
    for _ in 0..10_000 {
        stack.received(&b"\x89\x01p"[..]);
        assert!(stack.transmit().len() < 1_200);
    }
}

#[test]
fn a_close_is_answered_with_its_code() {
    let chain = Chain { through: Through::Nothing, tls: false, websocket: true };
    for (code, reason) in [(CloseCode::Away, "restart"), (CloseCode::Normal, "")] {
        let (mut stack, mut server) = World::new().pair(chain);
        settle(&mut stack, &mut server);
        stack.send(b"pending");
        server.write_message(Message::Close(Some(CloseFrame { code, reason: reason.into() })));
        let bytes = server.take();
        stack.received([&bytes[..], b"\x82\x01x"].concat());
        assert_eq!(stack.closed(), Some(&Closed::WebSocket { code: Some(code.into()), reason: reason.into() }));
        assert_eq!((stack.is_up(), stack.read()), (false, None));
        assert!(stack.closed().unwrap().to_string().contains(reason));
        assert_eq!(stack.transmit().len(), 8, "a close frame with its code, and nothing after it");
        stack.finish();
        settle(&mut stack, &mut server);
        assert!(stack.is_finished() && server.is_finished, "{:?}", server.error);
        assert_eq!(
            server.others,
            [Message::Close(Some(CloseFrame { code, reason: reason.into() }))]
                .map(|_| Message::Close(Some(CloseFrame { code, reason: "".into() })))
        );
    }
    let mut stack = up_with("");
    stack.received(&b"\x88\x00"[..]);
    assert_eq!(stack.closed(), Some(&Closed::WebSocket { code: None, reason: String::new() }));
    assert_eq!(stack.transmit().len(), 6);
}

/// Code 1005 must not be sent (§7.4.1); and after a close frame nothing is.
#[test]
fn a_close_is_the_last_frame() {
    let mut stack = up_with("");
    stack.received(&b"\x88\x02\x03\xed"[..]);
    assert_eq!(stack.closed(), Some(&Closed::WebSocket { code: Some(1005), reason: String::new() }));
    assert_eq!(stack.transmit().len(), 6, "a close frame without a code");
    let mut stack = up_with("");
    stack.finish();
    stack.received(&b"\x89\x01p\x82\x01x"[..]);
    assert_eq!((stack.transmit().len(), stack.read().as_deref()), (8, Some(&b"x"[..])));
}

#[test]
fn our_close_is_a_frame() {
    let chain = Chain { through: Through::Nothing, tls: true, websocket: true };
    let (mut stack, mut server) = World::new().pair(chain);
    settle(&mut stack, &mut server);
    stack.send(b"bye");
    stack.finish();
    stack.finish();
    settle(&mut stack, &mut server);
    assert_eq!(server.read, b"bye");
    let normal = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    assert_eq!(server.others, [Message::Close(Some(normal))]);
    // The server's answer is its close.
    assert_eq!(stack.closed(), Some(&Closed::WebSocket { code: Some(1000), reason: String::new() }));
    let _: &support::Server = &server;
}
