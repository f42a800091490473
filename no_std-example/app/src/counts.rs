//! What the board has done so far.

use core::fmt;

/// Counts since the reset.
#[derive(Clone, Copy, Default, Debug)]
pub struct Counts {
    /// Links that were opened.
    pub links: u32,
    /// Readings that the connection accepted, by quality of service.
    pub readings: [u32; 3],
    /// Messages that the server has acknowledged to the end.
    pub finished: u32,
    /// Commands that were answered.
    pub commands: u32,
    /// Messages that were no commands, or found no room.
    pub unreadable: u32,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [zero, one, two] = self.readings;
        write!(
            f,
            "links={} qos0={zero} qos1={one} qos2={two} commands={} unreadable={}",
            self.links, self.commands, self.unreadable
        )
    }
}
