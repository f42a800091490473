//! The nodes of a cluster, which share a session.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use pure_mqtt_client::pure_mqtt::QoS;
use pure_mqtt_client::{Client, Options};

use crate::support::{PATIENCE, eventually};

/// A link that has come, with the address of its node.
type Link = (SocketAddr, TcpStream);

/// A node: it hands its links over until it is to end.
fn node(links: Sender<Link>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((link, _)) = listener.accept() {
            link.set_read_timeout(Some(PATIENCE)).unwrap();
            if links.send((address, link)).is_err() {
                return;
            }
        }
    });
    address
}

/// The next link and its Connect Flags, accepted.
fn next(links: &Receiver<Link>, session_present: u8) -> (SocketAddr, TcpStream, u8) {
    let (address, mut link) = links.recv_timeout(PATIENCE).unwrap();
    let flags = packet(&mut link)[9];
    link.write_all(&[0x20, 2, session_present, 0]).unwrap();
    (address, link, flags)
}

/// The next packet, of fewer than 128 bytes.
fn packet(link: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 2];
    link.read_exact(&mut head).unwrap();
    let mut packet = vec![0; 2 + usize::from(head[1])];
    packet[..2].copy_from_slice(&head);
    link.read_exact(&mut packet[2..]).unwrap();
    packet
}

const CLEAN: u8 = 2;

#[test]
fn with_nothing_set_but_the_nodes_a_session_goes_on_at_another_one() {
    let (sender, links) = channel();
    let nodes = [node(sender.clone()), node(sender.clone()), node(sender)];
    let client =
        Client::with(Options::new("member").reconnect_delay(Duration::from_millis(1), Duration::from_millis(1)));
    client.loop_start().unwrap();
    client.connect_to_cluster(nodes).unwrap();
    let (_, mut link, flags) = next(&links, 0);
    assert_eq!(flags & CLEAN, CLEAN, "an earlier life of the program is over");
    assert_eq!(packet(&mut link), [0xE0, 0], "before 5.0 such a session ends with its link");
    let (first, mut link, flags) = next(&links, 0);
    assert_eq!(flags & CLEAN, 0);
    eventually(|| client.server().is_some_and(|server| server.to_string() == format!("mqtt://{first}")));
    client.publish("a", "1", QoS::AtLeastOnce, false).unwrap();
    assert_eq!(packet(&mut link)[0], 0x32);
    drop(link);
    let (second, mut link, flags) = next(&links, 1);
    assert!(nodes.contains(&second) && second != first, "a link that was short is not tried again at that node");
    assert_eq!(flags & CLEAN, 0, "the session goes on");
    assert_eq!(packet(&mut link)[0], 0x3A, "with DUP");
    client.disconnect();
    client.loop_stop();
    assert!(client.server().is_none());
}
