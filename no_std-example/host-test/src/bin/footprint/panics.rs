//! Which functions of a program can panic: those outside `core` that call what ends in `core::panicking`.
//!
//! Names alone don't say it. The compiler puts `core::panicking` into its callers, and makes one of functions that differ in their message alone; and each
//! `async fn` has a call for whoever polls it after its end, which no executor does. So calls are followed, in the code of Arm's Thumb targets.

use std::collections::BTreeSet;

/// A function of the program.
pub struct Function<'p> {
    pub name: &'p str,
    pub address: u64,
    pub code: &'p [u8],
}

/// What the names of these functions have in them.
const PANICKING: &str = "core9panicking";
/// What may panic: an `async fn` that is polled after its end; and the standard library's parser of IP addresses, in calls that never happen, since its slices
/// are long enough. `nal::dial` uses it, in one function.
const EXEMPT: [&str; 3] = ["async_fn_resumed", "core3net6parser", "nal10ip_address"];

/// The names of those that can panic.
pub fn can_panic<'p>(functions: &[Function<'p>]) -> BTreeSet<&'p str> {
    let functions = || functions.iter().filter(|function| !EXEMPT.iter().any(|name| function.name.contains(name)));
    let panicking = functions().filter(|function| function.name.contains(PANICKING));
    let mut ends: BTreeSet<_> = panicking.map(|function| function.address).collect();
    let mut ours = BTreeSet::new();
    loop {
        let count = ends.len();
        for function in functions() {
            if ends.contains(&function.address) || !targets(function).any(|target| ends.contains(&target)) {
                continue;
            }
            if is_of_core(function.name) {
                ends.insert(function.address);
            } else {
                ours.insert(function.name);
            }
        }
        if ends.len() == count {
            return ours;
        }
    }
}

/// In both ways in which the compiler writes names.
fn is_of_core(name: &str) -> bool {
    name.starts_with("_ZN4core") || name.starts_with("_R") && name.contains("_4core") && !name.contains("pure_mqtt")
}

/// Where a function jumps to. What is a constant among the code seldom looks like a jump, and never like one to a certain place.
fn targets<'f>(function: &Function<'f>) -> impl Iterator<Item = u64> + use<'f> {
    let start = function.address;
    let halves = |bytes: &[u8]| [u16::from_le_bytes([bytes[0], bytes[1]]), u16::from_le_bytes([bytes[2], bytes[3]])];
    let places = function.code.windows(4).enumerate().step_by(2);
    places.filter_map(move |(offset, bytes)| target(start + offset as u64, halves(bytes)))
}

/// The target of a `BL` or `B.W`, if these two halves at this address are one.
fn target(address: u64, [first, second]: [u16; 2]) -> Option<u64> {
    let is_jump = first >> 11 == 0b11110 && second & 0b1001 << 12 == 0b1001 << 12;
    if !is_jump {
        return None;
    }
    let bit = |half: u16, place: u16| i64::from(half >> place & 1);
    let sign = bit(first, 10);
    let (high, low) = (1 ^ bit(second, 13) ^ sign, 1 ^ bit(second, 11) ^ sign);
    let rest = i64::from(first & 0x3FF) << 12 | i64::from(second & 0x7FF) << 1;
    let distance = (high << 23 | low << 22 | rest) - (sign << 24);
    address.checked_add_signed(4 + distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_go_where_the_disassembler_says() {
        assert_eq!(target(0x1b4ae, [0xf7ff, 0xfffe]), Some(0x1b4ae)); // bl .
        assert_eq!(target(0x100, [0xf000, 0xf800]), Some(0x104)); // bl .+4
        assert_eq!(target(0x1000, [0xf7ff, 0xbffe]), Some(0x1000)); // b.w .
        assert_eq!(target(0x1000, [0xf000, 0xf87e]), Some(0x1100)); // bl .+0x100
        assert_eq!(target(0x1000, [0x4770, 0xbf00]), None); // bx lr; nop
    }

    #[test]
    fn callers_are_followed_through_core_and_no_further() {
        let call = |from: u64, to: u64| {
            let distance = (to.wrapping_sub(from + 4)) as i64;
            let first = 0xf000 | (u16::from(distance < 0)) << 10 | (distance >> 12 & 0x3FF) as u16;
            let second = 0xf800 | (distance >> 1 & 0x7FF) as u16;
            [first.to_le_bytes(), second.to_le_bytes()].concat()
        };
        let none: &[u8] = &[];
        let (resumed, helper) = (call(0x180, 0x100), call(0x200, 0x100));
        let (ours, other) = (call(0x300, 0x200), call(0x400, 0x180));
        let functions = [
            Function { name: "_ZN4core9panicking9panic_fmt17hE", address: 0x100, code: none },
            Function {
                name: "_ZN4core9panicking11panic_const28panic_const_async_fn_resumedE",
                address: 0x180,
                code: &resumed,
            },
            Function { name: "_ZN4core5slice5index16slice_index_failE", address: 0x200, code: &helper },
            Function { name: "_ZN9pure_mqtt4sendE", address: 0x300, code: &ours },
            Function { name: "_ZN9pure_mqtt4waitE", address: 0x400, code: &other },
        ];
        assert_eq!(can_panic(&functions), BTreeSet::from(["_ZN9pure_mqtt4sendE"]));
    }
}
