//! Traces as a fuzzer can change them: records with a length before each, and without the check value that would catch every change.

use pure_mqtt_trace::Recorder;
use pure_mqtt_trace::Trace;
use pure_mqtt::{Fixed, Heap, Limits, Version};

/// The small storage of half of the traces.
pub type Small = Fixed<256, 4, 4, 128, 2, 8>;

pub fn limits() -> Limits {
    Limits { version: Version::V5, manual_acks: true, topic_alias_maximum: 2, outbound_aliases: 2, ..Limits::DEFAULT }
}

/// The trace that `data` stands for: a byte that picks the storage, then records.
pub fn assemble(data: &[u8]) -> Vec<u8> {
    let (choice, mut rest) = data.split_first().map_or((0, data), |(choice, rest)| (*choice, rest));
    let mut trace = match choice % 2 {
        0 => Recorder::new(Heap::new(), limits(), Vec::new()).into_parts().1,
        _ => Recorder::new(Small::new(), limits(), Vec::new()).into_parts().1,
    };
    while let Some((length, more)) = rest.split_first() {
        let (record, more) = more.split_at(usize::from(*length).min(more.len()));
        trace.extend_from_slice(record);
        trace.extend(check(record).to_be_bytes());
        rest = more;
    }
    trace
}

/// The same backwards; records that are longer than a byte can tell are left out.
pub fn disassemble(choice: u8, trace: &[u8]) -> Vec<u8> {
    let entries = Trace::read(trace).expect("a trace").entries();
    let mut offsets: Vec<usize> = entries.map(|entry| entry.expect("a record").offset).collect();
    offsets.push(trace.len());
    let mut data = vec![choice];
    for span in offsets.windows(2) {
        let record = &trace[span[0]..span[1] - 2];
        if let Ok(length) = u8::try_from(record.len()) {
            data.push(length);
            data.extend_from_slice(record);
        }
    }
    data
}

/// CRC-16, CCITT-FALSE.
fn check(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |check, byte| {
        (0..8).fold(
            check ^ u16::from(*byte) << 8,
            |check, _| {
                if check & 0x8000 != 0 { check << 1 ^ 0x1021 } else { check << 1 }
            },
        )
    })
}
