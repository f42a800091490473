//! The standard program with minimq.

#![no_std]
#![no_main]

use core::task::Waker;

use embassy_time_driver::Driver;
use footprint::asynchronous::{Uart, block_on};
use minimq::{ConfigBuilder, ConnectEvent, Publication, QoS, Session, SubscriptionOptions, TopicFilter};

struct Clock;

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock);

impl Driver for Clock {
    fn now(&self) -> u64 {
        footprint::tick().into()
    }

    fn schedule_wake(&self, _: u64, _: &Waker) {} // everything is polled all the time
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut memory = [0; 1280];
    block_on(run(&mut memory));
    loop {
        core::hint::spin_loop();
    }
}

async fn run(memory: &mut [u8]) {
    let Ok(config) = ConfigBuilder::from_buffer(memory, 256) else { return };
    let Ok(config) = config.session_expiry_interval(3600).client_id("board-7") else { return };
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
