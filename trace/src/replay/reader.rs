//! A cursor over the bytes of a trace.

use pure_mqtt::{Properties, TopicFilter, TopicName};

use crate::answer::{Answer, MOST_NUMBERS};
use crate::check::{CHECK_START, check};
use crate::replay::error::{TraceError, TraceFault};

#[derive(Clone, Debug)]
pub(super) struct Reader<'t> {
    trace: &'t [u8],
    /// Where the record begins.
    record: usize,
    /// How far it was read.
    position: usize,
}

type Read<T> = Result<T, TraceError>;

impl<'t> Reader<'t> {
    pub(super) const fn new(trace: &'t [u8]) -> Self {
        Self { trace, record: 0, position: 0 }
    }

    /// Where the record begins that is being read.
    pub(super) const fn offset(&self) -> usize {
        self.record
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.position == self.trace.len()
    }

    pub(super) const fn fault(&self, fault: TraceFault) -> TraceError {
        TraceError { offset: self.record, fault }
    }

    /// What comes next is a record.
    pub(super) const fn begin_record(&mut self) {
        self.record = self.position;
    }

    /// The end of a record: its check value fits.
    pub(super) fn end_record(&mut self) -> Read<()> {
        let record = self.trace.get(self.record..self.position).unwrap_or_default();
        let expected = check(CHECK_START, record).to_be_bytes();
        if self.raw(2)? == expected { Ok(()) } else { Err(self.fault(TraceFault::Check)) }
    }

    pub(super) fn raw(&mut self, length: usize) -> Read<&'t [u8]> {
        let rest = self.trace.get(self.position..).unwrap_or_default();
        let bytes = rest.get(..length).ok_or(self.fault(TraceFault::Truncated))?;
        self.position += length;
        Ok(bytes)
    }

    pub(super) fn u8(&mut self) -> Read<u8> {
        self.raw(1)?.first().copied().ok_or(self.fault(TraceFault::Truncated))
    }

    pub(super) fn number(&mut self) -> Read<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.fault(TraceFault::Value))
    }

    /// A number that may be below zero.
    pub(super) fn signed(&mut self) -> Read<i64> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A number that fits `N`.
    pub(super) fn small<N: TryFrom<u64>>(&mut self) -> Read<N> {
        let number = self.number()?;
        N::try_from(number).map_err(|_| self.fault(TraceFault::Value))
    }

    pub(super) fn bytes(&mut self) -> Read<&'t [u8]> {
        let length = self.small()?;
        self.raw(length)
    }

    /// The value that a check has found, or a fault.
    pub(super) fn valid<T>(&self, value: Option<T>) -> Read<T> {
        value.ok_or(self.fault(TraceFault::Value))
    }

    pub(super) fn text(&mut self) -> Read<&'t str> {
        let bytes = self.bytes()?;
        self.valid(core::str::from_utf8(bytes).ok())
    }

    pub(super) fn topic(&mut self) -> Read<TopicName<'t>> {
        let name = self.text()?;
        self.valid(TopicName::new(name).ok())
    }

    pub(super) fn filter(&mut self) -> Read<TopicFilter<'t>> {
        let filter = self.text()?;
        self.valid(TopicFilter::new(filter).ok())
    }

    pub(super) fn properties(&mut self) -> Read<Properties<'t>> {
        let bytes = self.bytes()?;
        self.valid(Properties::from_bytes(bytes).ok())
    }

    pub(super) fn answer(&mut self) -> Read<Answer> {
        let (kind, count) = (self.u8()?, self.u8()?);
        let mut numbers = [0; MOST_NUMBERS];
        let places = numbers.get_mut(..usize::from(count));
        for place in self.valid(places)? {
            *place = self.number()?;
        }
        Ok(Answer { kind, count, numbers })
    }
}
