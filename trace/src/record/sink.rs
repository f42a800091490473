//! Where a trace goes.

/// Receives a trace. Records arrive in many small pieces, so a sink that writes to a device should buffer them.
///
/// The sink handles write errors itself. A trace that ends too early can be read up to there.
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
    /// Receives the next bytes of the trace.
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
