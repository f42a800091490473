//! How much memory a client takes, as `const` functions: a program can assert its budget at compile time.
//!
//! ```
//! use pure_mqtt_embassy::raw::CriticalSectionRawMutex;
//! use pure_mqtt_embassy::{EmbassyClock, Fixed, Mqtt, ram};
//!
//! type Client = Mqtt<CriticalSectionRawMutex, EmbassyClock, Fixed<2048, 16, 16, 128>, 1024, 16, 4, 8>;
//! const _: () = assert!(size_of::<Client>() <= 8 * 1024); // all of it: nothing is allocated
//! const _: () = assert!(size_of::<Client>() <= ram::client(pure_mqtt::ram::fixed(2048, 16, 16, 128, 0, 0), 1024, 16, 4, 8));
//! ```

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use pure_mqtt::Fixed;
#[cfg(feature = "flash")]
use pure_mqtt::storage::Journaled;
use pure_mqtt::subscriptions::{FixedList, Subscriptions};

#[cfg(feature = "flash")]
use crate::flash::FlashJournal;
use crate::inbox::Entry;
use crate::mqtt::Mqtt;
use crate::place::Place;
use crate::tickets::Ticket;

/// Bytes that each message in the ring takes beside its topic, properties and payload.
///
/// ```
/// use pure_mqtt_embassy::ram;
///
/// /// For 100 messages of 20 bytes the places take twice as much as the bytes.
/// const RING: usize = 100 * 20;
/// const PLACES: usize = 100 * ram::MESSAGE;
/// const _: () = assert!(PLACES >= 2 * RING);
/// ```
pub const MESSAGE: usize = size_of::<Option<Entry>>();
/// Bytes that each receiver takes.
///
/// ```
/// use pure_mqtt_embassy::ram;
///
/// const TEN_TOPICS: usize = 10 * ram::RECEIVER;
/// ```
pub const RECEIVER: usize = size_of::<Place>() + size_of::<Subscriptions<FixedList<'static, 2>>>()
    - size_of::<Subscriptions<FixedList<'static, 1>>>();
/// Bytes that each ticket takes.
///
/// ```
/// use pure_mqtt_embassy::ram;
///
/// /// Two for each task that publishes.
/// const PUBLISHERS: usize = 3;
/// const TICKETS: usize = 2 * PUBLISHERS * ram::TICKET;
/// ```
pub const TICKET: usize = size_of::<Ticket>();
/// Bytes that a client takes beside its tables, its ring and the engine.
///
/// ```
/// use pure_mqtt_embassy::ram;
///
/// const ENGINE: usize = pure_mqtt_embassy::pure_mqtt::ram::fixed(512, 4, 4, 128, 0, 0);
/// /// What is left of 4 kB for the tables and the ring.
/// const REST: usize = 4_096 - ENGINE - ram::CLIENT;
/// ```
pub const CLIENT: usize =
    size_of::<Mqtt<NoopRawMutex, (), Smallest, 8, 1, 1, 1>>() - ENGINE - 8 - MESSAGE - RECEIVER - TICKET;

type Smallest = Fixed<0, 1, 1, 16>;

const ENGINE: usize = size_of::<pure_mqtt::Connection<Smallest>>();

/// Returns the size of a [`Mqtt`] with these parameters in bytes, without its clock, and with up to 16 bytes for alignment. `engine` is
/// [`pure_mqtt::ram::fixed`] of the storage's parameters.
///
/// ```text
///   engine + CLIENT + ring + messages × MESSAGE + receivers × RECEIVER + tickets × TICKET
/// ```
///
/// ```
/// use pure_mqtt_embassy::ram;
///
/// const ENGINE: usize = pure_mqtt::ram::fixed(1024, 8, 8, 128, 0, 0);
/// const SMALL: usize = ram::client(ENGINE, 512, 8, 2, 4);
/// const TWICE_THE_RING: usize = ram::client(ENGINE, 1024, 8, 2, 4);
/// const _: () = assert!(TWICE_THE_RING - SMALL == 512);
/// ```
pub const fn client(engine: usize, ring: usize, messages: usize, receivers: usize, tickets: usize) -> usize {
    engine + CLIENT + ring + messages * MESSAGE + receivers * RECEIVER + tickets * TICKET + ALIGNMENT
}

const ALIGNMENT: usize = 16;

/// Bytes that a journal adds to the engine, beside its `N` bytes for records. The `engine` of [`client`] is then `pure_mqtt::ram::fixed(..) + JOURNALED + N`,
/// and up to 8 bytes for alignment.
///
/// ```
/// use pure_mqtt_embassy::ram;
///
/// const RECORDS: usize = 320;
/// const ENGINE: usize = pure_mqtt_embassy::pure_mqtt::ram::fixed(1024, 8, 8, 128, 0, 0) + ram::JOURNALED + RECORDS + 8;
/// const CLIENT: usize = ram::client(ENGINE, 1024, 16, 4, 8);
/// ```
#[cfg(feature = "flash")]
pub const JOURNALED: usize = size_of::<Journaled<Smallest, 80>>() - size_of::<Smallest>() - 80;

/// Returns the size of a [`FlashJournal`] with a buffer of `log` bytes, without its flash driver, and with up to 8 bytes for alignment.
///
/// ```
/// use pure_mqtt_embassy::ram;
///
/// const LOG: usize = 2_000;
/// const _: () = assert!(ram::journal(LOG) <= LOG + 128);
/// ```
#[cfg(feature = "flash")]
pub const fn journal(log: usize) -> usize {
    log + JOURNAL + 8
}

#[cfg(feature = "flash")]
const JOURNAL: usize = size_of::<FlashJournal<(), 128>>() - 128;

/// Returns the minimum `LOG` of a [`FlashJournal`] for a storage with these parameters: the longest session, and the head of a frame. A larger `LOG` erases fewer
/// pages; one and a half times the minimum is a good start.
///
/// ```
/// use pure_mqtt_embassy::ram;
///
/// const LEAST: usize = ram::log(1024, 8, 8);
/// const LOG: usize = LEAST + LEAST / 2;
/// ```
#[cfg(feature = "flash")]
pub const fn log(arena: usize, send: usize, recv: usize) -> usize {
    pure_mqtt::ram::snapshot(arena, send, recv) + 72
}

/// The formula holds on every platform that this is compiled for.
const _: () = {
    let engine = pure_mqtt::ram::fixed(77, 16, 32, 99, 0, 0);
    type One = Mqtt<NoopRawMutex, (), Fixed<77, 16, 32, 99>, 333, 7, 5, 9>;
    assert!(size_of::<One>() <= client(engine, 333, 7, 5, 9));
    assert!(size_of::<One>() + 3 * ALIGNMENT >= client(engine, 333, 7, 5, 9));
};

#[cfg(feature = "flash")]
const _: () = {
    let engine = pure_mqtt::ram::fixed(77, 16, 32, 99, 0, 0) + JOURNALED + 300 + 8;
    type One = Mqtt<NoopRawMutex, (), Journaled<Fixed<77, 16, 32, 99>, 300>, 333, 7, 5, 9>;
    assert!(size_of::<One>() <= client(engine, 333, 7, 5, 9));
    assert!(size_of::<One>() + 4 * ALIGNMENT >= client(engine, 333, 7, 5, 9));
    assert!(size_of::<FlashJournal<u32, 700>>() <= journal(700) + size_of::<u32>());
};
