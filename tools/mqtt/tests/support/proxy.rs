//! A proxy on loopback that leads every link to one port, whatever name it is asked for.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Http,
    Socks,
}

pub struct Proxy {
    url: String,
    asked_for: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// It takes one link.
    pub fn start(kind: Kind, target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let asked_for: Arc<Mutex<Vec<String>>> = Arc::default();
        let note = Arc::clone(&asked_for);
        thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            let name = match kind {
                Kind::Http => http(&mut client),
                Kind::Socks => socks(&mut client),
            };
            note.lock().expect("no panic").push(name);
            join(client, TcpStream::connect(("127.0.0.1", target)).expect("the server"));
        });
        let scheme = match kind {
            Kind::Http => "http",
            Kind::Socks => "socks5",
        };
        Self { url: format!("{scheme}://127.0.0.1:{port}"), asked_for }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    pub fn asked_for(&self) -> Vec<String> {
        self.asked_for.lock().expect("no panic").clone()
    }
}

/// CONNECT (RFC 9110, 9.3.6).
fn http(client: &mut TcpStream) -> String {
    let mut lines = BufReader::with_capacity(1, client.try_clone().expect("a second handle")).lines();
    let first = lines.next().expect("a request").expect("of text");
    let _headers = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).count();
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").expect("the client reads");
    first.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// A name and a port, without a password (RFC 1928).
fn socks(client: &mut TcpStream) -> String {
    let methods = read(client, 2)[1];
    read(client, methods.into());
    client.write_all(&[5, 0]).expect("the client reads");
    let length = read(client, 5)[4];
    let name = String::from_utf8(read(client, length.into())).expect("a name");
    let port = read(client, 2);
    client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).expect("the client reads");
    format!("{name}:{}", u16::from_be_bytes([port[0], port[1]]))
}

fn read(client: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    client.read_exact(&mut bytes).expect("the client goes on");
    bytes
}

/// Copies both ways until one side ends.
fn join(client: TcpStream, server: TcpStream) {
    let [mut up, mut down] = [&client, &server].map(|stream| stream.try_clone().expect("a second handle"));
    let (mut from_client, mut from_server) = (client, server);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut down); // either side may end it
        let _ = down.shutdown(std::net::Shutdown::Both);
    });
    let _ = std::io::copy(&mut from_server, &mut up);
    let _ = up.shutdown(std::net::Shutdown::Both);
}
