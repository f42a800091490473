//! The standard program without MQTT: what the frame alone takes.

#![no_std]
#![no_main]

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut room = [0; 16];
    loop {
        let count = footprint::read(&mut room);
        footprint::write(room.get(..count).unwrap_or_default());
        footprint::tick();
    }
}
