//! The standard program with rust-mqtt.

#![no_std]
#![no_main]

use core::ptr;

use footprint::asynchronous::{Never, Uart, poll};
use footprint::start;
use rust_mqtt::buffer::BumpBuffer;
use rust_mqtt::client::Client;
use rust_mqtt::client::event::Event;
use rust_mqtt::client::options::{ConnectOptions, PublicationOptions, SubscriptionOptions, TopicReference};
use rust_mqtt::config::SessionExpiryInterval;
use rust_mqtt::types::{MqttString, TopicFilter, TopicName};

static mut MEMORY: [u8; 1024] = [0; 1024];

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
    let mut buffer = BumpBuffer::new(memory);
    let mut client = Client::<'_, '_, _, _, 2, 8, 8, 1, 1, 0, 0>::new(&mut buffer);
    let options = ConnectOptions::new().session_expiry_interval(SessionExpiryInterval::NeverEnd);
    client.connect(Uart, &options, MqttString::try_from("board-7").ok()).await.ok()?;
    let filter = TopicFilter::new(MqttString::try_from("board-7/command").ok()?)?;
    client.subscribe(filter, &SubscriptionOptions::new().exactly_once()).await.ok()?;
    loop {
        if let Event::Publish(message) = client.poll().await.ok()? {
            let topic = TopicName::new(MqttString::try_from("board-7/answer").ok()?)?;
            let options = PublicationOptions::new(TopicReference::Name(topic)).exactly_once();
            client.publish(&options, message.message.as_borrowed()).await.ok()?;
        }
        // SAFETY: nothing of the buffer is held here.
        unsafe { client.buffer_mut().reset() };
    }
}
