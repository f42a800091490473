//! The destination of a trace.

/// The destination of a trace. Records are written in many small parts, so buffer them before writing to a device.
///
/// The recorder does not see write errors: the sink must keep them. A truncated trace can be read up to its end.
///
/// ```
/// use std::fs::File;
/// use std::io::{self, BufWriter, Write};
///
/// use pure_mqtt_trace::TraceSink;
///
/// struct TraceFile {
///     file: BufWriter<File>,
///     result: io::Result<()>,
/// }
///
/// impl TraceSink for TraceFile {
///     fn write(&mut self, bytes: &[u8]) {
///         if self.result.is_ok() {
///             self.result = self.file.write_all(bytes);
///         }
///     }
/// }
/// ```
pub trait TraceSink {
    /// Writes the next bytes of the trace.
    fn write(&mut self, bytes: &[u8]);
}

#[cfg(feature = "alloc")]
impl TraceSink for alloc::vec::Vec<u8> {
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl<W: TraceSink + ?Sized> TraceSink for &mut W {
    fn write(&mut self, bytes: &[u8]) {
        W::write(self, bytes);
    }
}
