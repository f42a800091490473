//! The codec alone, both directions: what a broker or a test peer takes of it.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::ptr;

use pure_mqtt::Version;
use pure_mqtt::wire::{Decoded, Packet, Rules};

static mut INPUT: [u8; 256] = [0; 256];
static mut OUTPUT: [u8; 256] = [0; 256];

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    // SAFETY: the only references to the statics, in a function that runs once.
    let (input, output) = unsafe { (&mut *ptr::addr_of_mut!(INPUT), &mut *ptr::addr_of_mut!(OUTPUT)) };
    loop {
        let count = footprint::read(input);
        let version = black_box(Version::V5);
        let Some(bytes) = input.get(..count) else { continue };
        match Packet::decode(bytes, Rules { version, strict: black_box(false) }) {
            Ok(Decoded::Packet { packet, .. }) => match packet.encode(version, output) {
                Ok(length) => {
                    footprint::write(output.get(..length).unwrap_or_default());
                }
                Err(error) => {
                    black_box(error);
                }
            },
            Ok(partial) => {
                black_box(partial);
            }
            Err(error) => {
                black_box(error.reason());
            }
        }
    }
}
