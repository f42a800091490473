//! The standard program with mqtt-protocol-core, and the smallest allocator there is.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::ptr;

use mqtt_protocol_core::mqtt;
use mqtt_protocol_core::mqtt::connection::Event;
use mqtt_protocol_core::mqtt::packet::{Packet, Qos, SubEntry, SubOpts};
use mqtt_protocol_core::mqtt::prelude::*;

/// Never gives anything back: a real one is larger.
struct Bump(Cell<usize>);

// SAFETY: the program has one thread.
unsafe impl Sync for Bump {}

// SAFETY: memory from the measured board, each piece once.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = (self.0.get() + layout.align() - 1) & !(layout.align() - 1);
        self.0.set(start + layout.size());
        if self.0.get() > 0x2001_0000 { ptr::null_mut() } else { start as *mut u8 }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Bump = Bump(Cell::new(0x2000_1000));

static mut ROOM: [u8; 256] = [0; 256];

type Connection = mqtt::Connection<mqtt::role::Client>;

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    loop {
        run();
    }
}

fn run() -> Option<()> {
    let mut connection = Connection::new(mqtt::Version::V5_0);
    connection.set_auto_pub_response(true);
    let connect = mqtt::packet::v5_0::Connect::builder().client_id("board-7").ok()?.clean_start(false).build().ok()?;
    let events = connection.checked_send(connect);
    handle(&mut connection, events)?;
    // SAFETY: the only reference to the static, in a function that runs once at a time.
    let room = unsafe { &mut *ptr::addr_of_mut!(ROOM) };
    loop {
        let count = footprint::read(room);
        let mut cursor = mqtt::common::Cursor::new(room.get(..count)?);
        let events = connection.recv(&mut cursor);
        handle(&mut connection, events)?;
    }
}

fn handle(connection: &mut Connection, events: Vec<Event>) -> Option<()> {
    for event in events {
        match event {
            Event::RequestSendPacket { packet, .. } => {
                footprint::write(&packet.to_continuous_buffer());
            }
            Event::NotifyPacketReceived(Packet::V5_0Connack(_)) => {
                let options = SubOpts::new().set_qos(Qos::ExactlyOnce);
                let entries = Vec::from([SubEntry::new("board-7/command", options).ok()?]);
                let id = connection.acquire_packet_id().ok()?;
                let subscribe = mqtt::packet::v5_0::Subscribe::builder().entries(entries).packet_id(id).build().ok()?;
                let events = connection.checked_send(subscribe);
                handle(connection, events)?;
            }
            Event::NotifyPacketReceived(Packet::V5_0Publish(message)) => {
                let publish = mqtt::packet::v5_0::Publish::builder()
                    .topic_name("board-7/answer")
                    .ok()?
                    .qos(Qos::ExactlyOnce)
                    .packet_id(connection.acquire_packet_id().ok()?)
                    .payload(message.payload().as_slice())
                    .build()
                    .ok()?;
                let events = connection.checked_send(publish);
                handle(connection, events)?;
            }
            Event::NotifyError(_) | Event::RequestClose => return None,
            _ => {}
        }
    }
    Some(())
}
