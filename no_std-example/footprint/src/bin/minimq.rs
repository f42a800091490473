//! The standard program with minimq.

#![no_std]
#![no_main]

use core::future::pending;
use core::ptr;
use core::task::Waker;

use embassy_time_driver::Driver;
use footprint::asynchronous::{Never, Uart, poll};
use footprint::start;
use minimq::{ConfigBuilder, ConnectEvent, Publication, QoS, Session, SubscriptionOptions, TopicFilter};

struct Clock;

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock);

impl Driver for Clock {
    fn now(&self) -> u64 {
        footprint::tick().into()
    }

    fn schedule_wake(&self, _: u64, _: &Waker) {} // everything is polled all the time
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
    let Ok(config) = ConfigBuilder::from_buffer(memory, 256) else { return pending().await };
    let Ok(config) = config.session_expiry_interval(3600).client_id("board-7") else { return pending().await };
    let mut session = Session::new(config);
    loop {
        let Ok(mut connection) = session.connect(Uart).await else { continue };
        if connection.connect_event() == ConnectEvent::Connected {
            let options = SubscriptionOptions::default().maximum_qos(QoS::ExactlyOnce);
            let _ = connection.subscribe(&[TopicFilter::new("board-7/command").options(options)], &[]).await;
        }
        let mut text = [0; 64];
        loop {
            let Ok(message) = connection.recv().await else { break };
            let length = message.payload().len().min(text.len());
            text[..length].copy_from_slice(&message.payload()[..length]);
            let answer = Publication::bytes("board-7/answer", &text[..length]).qos(QoS::ExactlyOnce);
            let _ = connection.publish(answer).await;
        }
    }
}
