//! SRV records from the system's name servers.

use std::io;
use std::time::Duration;

use domain::base::iana::{Rcode, Rtype};
use domain::base::name::Name;
use domain::rdata::Srv;
use domain::resolv::StubResolver;
use domain::resolv::stub::conf::ResolvConf;

use crate::resolve::SrvRecord;

/// Where the name servers are. It is read for each look-up, since it changes with the network.
const CONFIGURATION: &str = "/etc/resolv.conf";

/// Asks the system's name servers.
///
/// # Errors
/// There are none, they don't answer, or they know no such name.
pub(crate) async fn look_up(name: String) -> io::Result<Vec<SrvRecord>> {
    let configuration = tokio::task::spawn_blocking(system).await.map_err(io::Error::other)??;
    ask(&StubResolver::from_conf(configuration), &name).await
}

fn system() -> io::Result<ResolvConf> {
    let mut configuration = ResolvConf::new();
    configuration.parse_file(CONFIGURATION).map_err(|error| {
        let why = format!(
            "the name servers can't be read from {CONFIGURATION}: {error}; give a resolver to Options::resolver"
        );
        io::Error::new(io::ErrorKind::Unsupported, why)
    })?;
    configuration.finalize();
    Ok(configuration)
}

async fn ask(resolver: &StubResolver, name: &str) -> io::Result<Vec<SrvRecord>> {
    let wrong = |error| io::Error::new(io::ErrorKind::InvalidInput, format!("{name} is no name: {error}"));
    let question = name.parse::<Name<Vec<u8>>>().map_err(wrong)?;
    let answer = resolver.query((question, Rtype::SRV)).await?;
    match answer.header().rcode() {
        Rcode::NOERROR => {}
        Rcode::NXDOMAIN => return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such name")),
        code => return Err(io::Error::other(format!("the name server answered {code}"))),
    }
    let owner = answer.canonical_name();
    let mut records = Vec::new();
    for record in answer.answer().map_err(io::Error::other)?.limit_to_in::<Srv<_>>() {
        let record = record.map_err(io::Error::other)?;
        if owner.as_ref().is_some_and(|owner| record.owner() == owner) {
            let data = record.data();
            records.push(SrvRecord {
                host: data.target().to_string(),
                port: data.port(),
                priority: data.priority(),
                weight: data.weight(),
                ttl: Duration::from_secs(record.ttl().as_secs().into()),
            });
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use domain::resolv::stub::conf::{ServerConf, Transport};
    use tokio::net::UdpSocket;

    use super::*;

    /// A name server that answers one question with this code and these answers.
    async fn name_server(code: u8, answers: Vec<Vec<u8>>) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut room = [0; 1_500];
            loop {
                let (length, from) = socket.recv_from(&mut room).await.unwrap();
                // The header and the question, without the record for EDNS behind it (RFC 1035, 4.1).
                let question = room[12..length].iter().position(|byte| *byte == 0).unwrap() + 12 + 5;
                let mut packet = room[..question].to_vec();
                packet[2] = 0x81; // an answer
                packet[3] = 0x80 | code;
                packet[6..12].copy_from_slice(&[0, answers.len() as u8, 0, 0, 0, 0]);
                packet.extend(answers.concat());
                socket.send_to(&packet, from).await.unwrap();
            }
        });
        address
    }

    /// A record at the name of the question.
    fn record(kind: u8, ttl: u32, data: &[u8]) -> Vec<u8> {
        let (ttl, length) = (ttl.to_be_bytes(), (data.len() as u16).to_be_bytes());
        [&[0xC0, 12, 0, kind, 0, 1][..], &ttl, &length, data].concat()
    }

    async fn asked(code: u8, answers: Vec<Vec<u8>>) -> io::Result<Vec<SrvRecord>> {
        let mut configuration = ResolvConf::new();
        let address = name_server(code, answers).await;
        configuration.servers.push(ServerConf::new(address, Transport::UdpTcp));
        configuration.finalize();
        ask(&StubResolver::from_conf(configuration), "_mqtt._tcp.example.com").await
    }

    #[tokio::test]
    async fn records_are_as_the_name_server_says() {
        let first = record(33, 300, b"\0\x0A\0\x05\x07\x5B\x01a\x07example\x03com\0");
        let absent = record(33, 60, b"\0\0\0\0\0\0\0");
        let foreign = [&b"\x05other\0"[..], &record(33, 1, b"\0\0\0\0\0\x01\x01x\0")[2..]].concat();
        let records = asked(0, vec![first, absent, foreign]).await.unwrap();
        let expected = SrvRecord {
            priority: 10,
            weight: 5,
            ttl: Duration::from_secs(300),
            ..SrvRecord::new("a.example.com", 1883)
        };
        assert_eq!(records[0], expected);
        assert_eq!((records[1].host.trim_matches('.'), records.len()), ("", 2), "the root: there is no such service");
    }

    #[tokio::test]
    async fn names_that_there_are_not_and_servers_that_fail_are_told_apart() {
        assert_eq!(asked(3, vec![]).await.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(asked(2, vec![]).await.unwrap_err().to_string().contains("SERVFAIL"));
        assert!(asked(0, vec![]).await.unwrap().is_empty());
        let long = "x".repeat(64);
        let resolver = StubResolver::from_conf(ResolvConf::new());
        assert_eq!(ask(&resolver, &long).await.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
