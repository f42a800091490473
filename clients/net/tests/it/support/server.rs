//! Servers made of rustls and tungstenite over memory, behind scripted proxies.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tungstenite::handshake::server::{NoCallback, ServerHandshake};
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::{Bytes, Message, WebSocket};

/// A socket in memory. Reading never waits.
#[derive(Clone, Default)]
pub struct Pipe(Rc<RefCell<Buffers>>);

#[derive(Default)]
struct Buffers {
    incoming: VecDeque<u8>,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.0.borrow_mut().incoming.read(room) {
            Ok(0) => Err(ErrorKind::WouldBlock.into()),
            other => other,
        }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().outgoing.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// With TLS or without.
pub enum Stream {
    Plain(Pipe),
    Tls(Box<StreamOwned<ServerConnection, Pipe>>),
}

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(pipe) => pipe.read(room),
            Self::Tls(stream) => stream.read(room),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(pipe) => pipe.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(pipe) => pipe.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

enum Top {
    Stream(Stream),
    Greeting(Box<MidHandshake<ServerHandshake<Stream, NoCallback>>>),
    WebSocket(Box<WebSocket<Stream>>),
    Gone,
}

/// A proxy answers after each line of its script has come in full; what follows the last one is the server's.
pub struct Script(pub VecDeque<(Expect, Vec<u8>)>);

pub enum Expect {
    Exactly(Vec<u8>),
    /// Up to an empty line.
    Head,
}

/// A server that keeps what it reads.
pub struct Server {
    pipe: Pipe,
    top: Top,
    script: Script,
    at_proxy: Vec<u8>,
    from_proxy: Vec<u8>,
    /// What proxies were asked.
    pub asked: Vec<Vec<u8>>,
    /// What came as MQTT.
    pub read: Vec<u8>,
    /// Frames or reads that brought it.
    pub reads: usize,
    /// Other messages than binary ones.
    pub others: Vec<Message>,
    pub error: Option<String>,
    /// The client has said that nothing more comes.
    pub is_finished: bool,
}

impl Server {
    pub fn new(tls: Option<Arc<ServerConfig>>, websocket: bool) -> Self {
        let pipe = Pipe::default();
        let stream = match tls {
            None => Stream::Plain(pipe.clone()),
            Some(config) => {
                let connection = ServerConnection::new(config).expect("it is a configuration");
                Stream::Tls(Box::new(StreamOwned::new(connection, pipe.clone())))
            }
        };
        let top = if websocket {
            Top::Greeting(Box::new(ServerHandshake::start(stream, NoCallback, None)))
        } else {
            Top::Stream(stream)
        };
        Self {
            pipe,
            top,
            script: Script(VecDeque::new()),
            at_proxy: Vec::new(),
            from_proxy: Vec::new(),
            asked: Vec::new(),
            read: Vec::new(),
            reads: 0,
            others: Vec::new(),
            error: None,
            is_finished: false,
        }
    }

    pub fn behind(mut self, script: impl Into<VecDeque<(Expect, Vec<u8>)>>) -> Self {
        self.script = Script(script.into());
        self
    }

    /// Bytes of the client's.
    pub fn received(&mut self, bytes: &[u8]) {
        if self.script.0.is_empty() {
            self.pipe.0.borrow_mut().incoming.extend(bytes);
            return;
        }
        self.at_proxy.extend(bytes);
        while let Some((expect, answer)) = self.script.0.front() {
            let length = match expect {
                Expect::Exactly(bytes) => Some(bytes.len()).filter(|length| self.at_proxy.len() >= *length),
                Expect::Head => self.at_proxy.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4),
            };
            let Some(length) = length else { return };
            let asked: Vec<u8> = self.at_proxy.drain(..length).collect();
            if let Expect::Exactly(bytes) = expect {
                assert_eq!(&asked, bytes);
            }
            self.asked.push(asked);
            self.from_proxy.extend(answer);
            self.script.0.pop_front();
        }
        let rest = std::mem::take(&mut self.at_proxy);
        self.pipe.0.borrow_mut().incoming.extend(rest);
    }

    /// Bytes for the client.
    pub fn take(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.from_proxy);
        bytes.append(&mut self.pipe.0.borrow_mut().outgoing);
        bytes
    }

    /// Writes to the client whatever it is, below all layers.
    pub fn write_raw(&mut self, bytes: &[u8]) {
        self.pipe.0.borrow_mut().outgoing.extend(bytes);
    }

    /// Writes to the client what may be a message in part, as one frame of WebSocket if that is spoken.
    pub fn write(&mut self, bytes: &[u8]) {
        match &mut self.top {
            Top::Stream(stream) => stream.write_all(bytes).expect("it goes to memory"),
            Top::WebSocket(_) => self.write_message(Message::Binary(Bytes::copy_from_slice(bytes))),
            _ => panic!("it is not up"),
        }
    }

    pub fn write_message(&mut self, message: Message) {
        let Top::WebSocket(websocket) = &mut self.top else { panic!("it is not up") };
        let _ = websocket.send(message); // a close frame answers with an error that says so
    }

    pub fn is_up(&self) -> bool {
        match &self.top {
            Top::Stream(Stream::Tls(stream)) => !stream.conn.is_handshaking(),
            Top::Stream(_) => self.script.0.is_empty(),
            Top::WebSocket(_) => true,
            _ => false,
        }
    }

    pub fn tls(&mut self) -> &mut ServerConnection {
        let stream = match &mut self.top {
            Top::Stream(stream) => stream,
            Top::WebSocket(websocket) => websocket.get_mut(),
            _ => panic!("it is not up"),
        };
        let Stream::Tls(stream) = stream else { panic!("there is no TLS") };
        &mut stream.conn
    }

    /// Says that nothing more comes, as TLS does.
    pub fn close_tls(&mut self) {
        self.tls().send_close_notify();
        self.step();
    }

    /// Does what can be done.
    pub fn step(&mut self) {
        match std::mem::replace(&mut self.top, Top::Gone) {
            Top::Greeting(handshake) => match handshake.handshake() {
                Ok(websocket) => {
                    self.top = Top::WebSocket(Box::new(websocket));
                    self.step();
                }
                Err(HandshakeError::Interrupted(handshake)) => self.top = Top::Greeting(Box::new(handshake)),
                Err(HandshakeError::Failure(error)) => self.error = Some(error.to_string()),
            },
            Top::Stream(stream) => {
                self.top = Top::Stream(stream);
                self.read_stream();
            }
            Top::WebSocket(websocket) => {
                self.top = Top::WebSocket(websocket);
                self.read_frames();
            }
            Top::Gone => {}
        }
    }

    fn read_stream(&mut self) {
        let Top::Stream(stream) = &mut self.top else { return };
        let mut room = [0; 4096];
        loop {
            match stream.read(&mut room) {
                Ok(0) => return self.is_finished = true,
                Ok(count) => {
                    self.read.extend(&room[..count]);
                    self.reads += 1;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => {
                    self.error = Some(error.to_string());
                    break;
                }
            }
        }
        let _ = stream.flush();
    }

    fn read_frames(&mut self) {
        let Top::WebSocket(websocket) = &mut self.top else { return };
        loop {
            match websocket.read() {
                Ok(Message::Binary(bytes)) => {
                    self.read.extend(&bytes);
                    self.reads += 1;
                }
                Ok(other) => self.others.push(other),
                Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => break,
                Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed) => {
                    return self.is_finished = true;
                }
                Err(error) => {
                    self.error = Some(error.to_string());
                    break;
                }
            }
        }
        let _ = websocket.flush();
    }
}
