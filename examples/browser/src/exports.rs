//! The functions that JavaScript calls. Numbers are passed as `f64`, bytes in two buffers in the module's memory: the script writes its input to `mqtt_room`, and reads at
//! `mqtt_answer` as many bytes as the last call returned.
#![allow(unsafe_code, reason = "an exported name is an unsafe attribute; nothing else here is")]

use std::cell::RefCell;

use pure_mqtt::{Instant, QoS};

use crate::Client;

#[derive(Default)]
struct Page {
    client: Client,
    room: Vec<u8>,
    answer: Vec<u8>,
}

thread_local! {
    static PAGE: RefCell<Page> = RefCell::default();
}

fn with<R>(work: impl FnOnce(&mut Page) -> R) -> R {
    PAGE.with_borrow_mut(work)
}

/// The first `count` bytes of the room, as text.
fn said(page: &Page, count: usize) -> String {
    String::from_utf8_lossy(page.room.get(..count).unwrap_or_default()).into_owned()
}

fn at(now: f64) -> Instant {
    Instant::from_millis(now as u64)
}

/// Where so many bytes may be written. It moves with each call.
#[unsafe(no_mangle)]
extern "C" fn mqtt_room(count: usize) -> *mut u8 {
    with(|page| {
        page.room.resize(count, 0);
        page.room.as_mut_ptr()
    })
}

/// Where the last answer stands.
#[unsafe(no_mangle)]
extern "C" fn mqtt_answer() -> *const u8 {
    with(|page| page.answer.as_ptr())
}

/// The socket is open; the room holds the client identifier.
#[unsafe(no_mangle)]
extern "C" fn mqtt_open(now: f64, length: usize) -> bool {
    with(|page| {
        let id = said(page, length);
        page.client.open(at(now), &id).is_ok()
    })
}

/// The socket is closed.
#[unsafe(no_mangle)]
extern "C" fn mqtt_closed(now: f64) {
    with(|page| page.client.handle_close(at(now)));
}

/// The room holds bytes that came.
#[unsafe(no_mangle)]
extern "C" fn mqtt_input(now: f64, count: usize) {
    with(|page| page.client.input(at(now), page.room.get(..count).unwrap_or_default()));
}

/// Time has passed.
#[unsafe(no_mangle)]
extern "C" fn mqtt_timeout(now: f64) {
    with(|page| page.client.timeout(at(now)));
}

/// When to call `mqtt_timeout` next; negative for never.
#[unsafe(no_mangle)]
extern "C" fn mqtt_deadline() -> f64 {
    with(|page| page.client.deadline().map_or(-1.0, |at| at.as_millis() as f64))
}

/// The answer is what is to be sent.
#[unsafe(no_mangle)]
extern "C" fn mqtt_output(now: f64) -> usize {
    with(|page| {
        page.answer = page.client.output(at(now));
        page.answer.len()
    })
}

/// The socket is to be closed.
#[unsafe(no_mangle)]
extern "C" fn mqtt_should_close() -> bool {
    with(|page| page.client.should_close())
}

/// The room holds a topic of so many bytes, and behind it the payload.
#[unsafe(no_mangle)]
extern "C" fn mqtt_publish(now: f64, topic: usize, count: usize, qos: u8) -> bool {
    with(|page| {
        let (name, all) = (said(page, topic), said(page, count));
        let payload = all.get(name.len()..).unwrap_or_default();
        page.client.publish(at(now), &name, payload, QoS::from_bits(qos).unwrap_or_default())
    })
}

/// The room holds a topic filter.
#[unsafe(no_mangle)]
extern "C" fn mqtt_subscribe(now: f64, length: usize) -> bool {
    with(|page| {
        let filter = said(page, length);
        page.client.subscribe(at(now), &filter)
    })
}

/// The answer is what the page shows, as JSON.
#[unsafe(no_mangle)]
extern "C" fn mqtt_report() -> usize {
    with(|page| {
        page.answer = page.client.report().into_bytes();
        page.answer.len()
    })
}
