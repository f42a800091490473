//! One GET, as much of HTTP as a check of health takes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Whether `path` is answered with 200. A node that is frozen doesn't answer.
pub fn is_ok(port: u16, path: &str) -> bool {
    ask(port, path).is_ok_and(|answer| answer.split(' ').nth(1) == Some("200"))
}

fn ask(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
