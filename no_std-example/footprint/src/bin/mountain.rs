//! The standard program with mountain-mqtt, which has no QoS 2, no session that outlives a link, and no keep alive of its own: at QoS 1.

#![no_std]
#![no_main]

use core::cell::RefCell;
use core::future::poll_fn;
use core::ptr;
use core::task::Poll;

use embedded_io_async::{Read, Write};
use footprint::asynchronous::{Never, Uart, poll};
use footprint::start;
use mountain_mqtt::client::{
    Client, ClientNoQueue, ClientReceivedEvent, ConnectionSettings, Delay, EventHandler, EventHandlerError,
};
use mountain_mqtt::data::quality_of_service::QualityOfService;
use mountain_mqtt::error::{PacketReadError, PacketWriteError};
use mountain_mqtt::packet_client::Connection;

/// Microseconds of a millisecond.
const MILLI: u32 = 1_000;
const KEEP_ALIVE: u32 = 30_000;

struct Line;

impl Connection for Line {
    async fn send(&mut self, bytes: &[u8]) -> Result<(), PacketWriteError> {
        Uart.write_all(bytes).await.map_err(|_| PacketWriteError::ConnectionSend)
    }

    async fn receive(&mut self, room: &mut [u8]) -> Result<(), PacketReadError> {
        Uart.read_exact(room).await.map_err(|_| PacketReadError::ConnectionReceive)
    }

    async fn receive_if_ready(&mut self, room: &mut [u8]) -> Result<bool, PacketReadError> {
        Ok(footprint::read(room) > 0)
    }
}

struct Tick;

impl Delay for Tick {
    async fn delay_us(&mut self, us: u32) {
        let start = footprint::tick();
        let is_over = || footprint::tick().wrapping_sub(start) >= us / MILLI;
        poll_fn(|_| if is_over() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// What is to be answered.
struct Commands<'a>(&'a RefCell<([u8; 64], Option<usize>)>);

impl EventHandler<4> for Commands<'_> {
    async fn handle_event(&mut self, event: ClientReceivedEvent<'_, 4>) -> Result<(), EventHandlerError> {
        if let ClientReceivedEvent::ApplicationMessage(message) = event {
            let mut place = self.0.borrow_mut();
            let length = message.payload.len().min(place.0.len());
            place.0[..length].copy_from_slice(&message.payload[..length]);
            place.1 = Some(length);
        }
        Ok(())
    }
}

static mut MEMORY: [u8; 1280] = [0; 1280];

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut run = start!(run());
    loop {
        poll(&mut run);
    }
}

async fn run() -> Never {
    // SAFETY: the only reference to the static, in a task that is started once.
    let memory = unsafe { &mut *ptr::addr_of_mut!(MEMORY) };
    loop {
        let _ = link(memory).await;
    }
}

/// One link, from CONNECT to its end.
async fn link(memory: &mut [u8]) -> Option<()> {
    let command = RefCell::new(([0; 64], None));
    let mut client = ClientNoQueue::<_, _, _, 4>::new(Line, memory, Tick, 5_000, Commands(&command));
    client.connect(&ConnectionSettings::unauthenticated("board-7")).await.ok()?;
    client.subscribe("board-7/command", QualityOfService::Qos1).await.ok()?;
    let mut pinged = footprint::tick();
    loop {
        client.poll(false).await.ok()?;
        let text = command.borrow_mut().1.take().map(|length| (command.borrow().0, length));
        if let Some((text, length)) = text {
            client.publish("board-7/answer", &text[..length], QualityOfService::Qos1, false).await.ok()?;
        }
        if footprint::tick().wrapping_sub(pinged) > KEEP_ALIVE {
            client.send_ping().await.ok()?;
            pinged = footprint::tick();
        }
    }
}
