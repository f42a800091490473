//! MQTT on a microcontroller with an async executor: one client, and five tasks that use it.

#![no_std]
#![no_main]

mod clock;
mod device;
mod ports;
mod tasks;

use board::{console, line, tick};
use cortex_m_rt::exception;
use embassy_executor::{SpawnError, SpawnToken, Spawner};
use lm3s6965::interrupt;
use pure_mqtt_embassy::Event;

use crate::device::MQTT;
use crate::ports::{Reader, Writer};

/// Tells what happens to the links, until the last one is over.
#[embassy_executor::main]
async fn main(spawner: Spawner) {
    if let Some(core) = cortex_m::Peripherals::take() {
        tick::start(core.SYST);
    }
    let (receiver, sender) = line::open();
    let wire = (Reader::new(receiver), Writer::new(sender));
    start(&spawner, device::run(wire));
    start(&spawner, tasks::publish_readings());
    start(&spawner, tasks::publish_alarms());
    start(&spawner, tasks::keep_settings());
    start(&spawner, tasks::answer_commands());
    start(&spawner, tasks::read_news());
    start(&spawner, tasks::leave());
    let mut link = 0;
    while !device::is_done() {
        match MQTT.event().await {
            Event::Connected(session) => {
                link += 1;
                console::tell(format_args!("link {link} is up: {session:?}"));
                #[cfg(feature = "defmt")]
                defmt::info!("link {} is up: {}", link, session);
            }
            Event::Disconnected(end) => {
                console::tell(format_args!("link {link} is over: {end:?}"));
                #[cfg(feature = "defmt")]
                defmt::info!("link {} is over: {}", link, end);
            }
            _ => {}
        }
    }
    console::tell(format_args!("done, overruns={}", line::overruns()));
    console::finish()
}

fn start<T>(spawner: &Spawner, task: Result<SpawnToken<T>, SpawnError>) {
    match task {
        Ok(task) => spawner.spawn(task),
        Err(error) => console::tell(format_args!("a task cannot be started: {error:?}")),
    }
}

#[interrupt]
fn UART0() {
    ports::on_interrupt();
}

#[exception]
fn SysTick() {
    clock::on_tick();
}
