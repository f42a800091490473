//! What is left of a store after a crash.

use std::fmt;

use bytes::Bytes;

use crate::store::StoreError;
use crate::store::error::Operation;
use crate::store::files::Files;
use crate::store::names;
use crate::store::record::{self, Frame, HEAD, Head};

/// The data of a store when it was opened.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// The last durable snapshot; `None` if the store is new.
    pub snapshot: Option<Bytes>,
    /// The records after it, in order: all that were durable, and possibly some that were written later.
    pub records: Vec<Bytes>,
    /// The header that was stored with the snapshot.
    pub header: Bytes,
    /// The wall clock that was stored with the snapshot, in seconds since 1970.
    pub wall_clock: u64,
    /// The incomplete tail that was cut, if there was one.
    pub cut: Option<Cut>,
}

/// An incomplete tail. Unless the file was damaged, nothing in it was reported as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The offset in the file, in bytes.
    pub offset: u64,
    /// Its length in bytes, without trailing zeros.
    pub length: u64,
}

impl Recovered {
    /// Returns snapshot and records as one sequence of bytes, as `Connection::recover` of the engine expects its journal.
    pub fn concatenated(&self) -> Vec<u8> {
        self.snapshot.iter().chain(&self.records).flatten().copied().collect()
    }
}

/// Without what is stored.
impl fmt::Debug for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovered")
            .field("snapshot", &self.snapshot.as_ref().map(Bytes::len))
            .field("records", &self.records.len())
            .field("wall_clock", &self.wall_clock)
            .field("cut", &self.cut)
            .finish_non_exhaustive()
    }
}

/// Reads what is there, and changes nothing. Also returns the generation that it is of; 0 if there is none.
pub(super) fn recover<F: Files>(files: &F) -> Result<(Recovered, u64), StoreError> {
    let names = files.names().map_err(|error| StoreError::io(Operation::Read, files.path(""), &error))?;
    // A file gets its name when it is durable: so the last one is whole, and those before it are not needed any more.
    let Some(generation) = names.iter().filter_map(|name| names::generation(name)).max() else {
        return Ok((Recovered::default(), 0));
    };
    let name = names::log(generation);
    let file = files.read(&name).map_err(|error| StoreError::io(Operation::Read, files.path(&name), &error))?;
    let recovered = read(file.into(), generation).map_err(|fault| match fault {
        Fault::Damaged { offset } => StoreError::Damaged { path: files.path(&name), offset },
        Fault::Newer { format } => StoreError::NewerFormat { path: files.path(&name), format },
    })?;
    Ok((recovered, generation))
}

enum Fault {
    Damaged { offset: u64 },
    Newer { format: u32 },
}

fn read(file: Bytes, generation: u64) -> Result<Recovered, Fault> {
    let wall_clock = match record::parse_head(&file) {
        Head::Good { generation: written, wall_clock } if written == generation => wall_clock,
        Head::Newer { format } => return Err(Fault::Newer { format }),
        _ => return Err(Fault::Damaged { offset: 0 }),
    };
    let mut reader = Reader { file, generation, offset: HEAD as u64 };
    // These two were durable before the file got its name.
    let header = reader.next().ok_or(Fault::Damaged { offset: reader.offset })?;
    let snapshot = reader.next().ok_or(Fault::Damaged { offset: reader.offset })?;
    let records = std::iter::from_fn(|| reader.next()).collect();
    match reader.tail() {
        Some(tail) if reader.was_durable_beyond(tail) => Err(Fault::Damaged { offset: tail.offset }),
        cut => Ok(Recovered { snapshot: Some(snapshot), records, header, wall_clock, cut }),
    }
}

struct Reader {
    file: Bytes,
    generation: u64,
    offset: u64,
}

impl Reader {
    /// The record here, if it is whole.
    fn next(&mut self) -> Option<Bytes> {
        let frame = self.frame(self.offset)?;
        let payload = frame.payload(&self.file, self.offset)?;
        self.offset = payload.end as u64;
        Some(self.file.slice(payload))
    }

    fn frame(&self, offset: u64) -> Option<Frame> {
        record::parse_frame(&self.file, self.generation, offset)
    }

    /// What lies behind the last record, without the zeros at the end, which are space that was reserved.
    fn tail(&self) -> Option<Cut> {
        let rest = usize::try_from(self.offset).ok().and_then(|offset| self.file.get(offset..))?;
        let length = rest.iter().rposition(|byte| *byte != 0)? + 1;
        Some(Cut { offset: self.offset, length: length as u64 })
    }

    /// Whether some record says that the file was durable beyond the place where reading ended: then it is no tail that was
    /// cut, but damage.
    fn was_durable_beyond(&self, tail: Cut) -> bool {
        let mut frames = (tail.offset..tail.offset + tail.length).filter_map(|offset| self.frame(offset));
        frames.any(|frame| frame.durable > tail.offset)
    }
}
