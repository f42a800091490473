//! A web server for the page's few files.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Each file with its type.
const FILES: [(&str, &str, &str); 4] = [
    ("/", "text/html", include_str!("../../static/index.html")),
    ("/page.css", "text/css", include_str!("../../static/page.css")),
    ("/page.js", "text/javascript", include_str!("../../static/page.js")),
    ("/scene.js", "text/javascript", include_str!("../../static/scene.js")),
];

/// Serves them, and `browser.wasm`, until the test ends.
pub fn serve(module: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer(stream, &module); // a browser that has gone away is no fault of the page
        }
    });
    address
}

fn answer(mut stream: TcpStream, module: &[u8]) -> Result<()> {
    let mut lines = BufReader::new(&stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request
        .split(' ')
        .nth(1)
        .and_then(|path| path.split('?').next())
        .unwrap_or_default();
    let (status, kind, body) = match FILES.iter().find(|(name, ..)| *name == path) {
        Some((_, kind, text)) => ("200 OK", *kind, text.as_bytes()),
        None if path == "/browser.wasm" => ("200 OK", "application/wasm", module),
        None => ("404 Not Found", "text/plain", &b""[..]),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(body)
}
