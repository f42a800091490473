//! The bytes between a link's packets and its transport: what is late, slow, cut or stalled.

/// What happens when so many bytes have left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    /// The link is cut.
    Cut,
    /// Nothing leaves any more.
    Mute,
}

/// The end of a transport that the broker holds.
#[derive(Clone, Default, Debug)]
pub struct Line {
    /// Whether nothing is read any more.
    pub is_deaf: bool,
    wire: Vec<u8>,
    late: Vec<(u64, Vec<u8>)>,
    limit: Option<(usize, Then)>,
    hears: Option<usize>,
    pause_ms: Option<u64>,
    next_ms: u64,
}

impl Line {
    /// Bytes that leave now.
    pub fn put(&mut self, bytes: &[u8]) {
        self.wire.extend(bytes);
    }

    /// Bytes that leave at `due_ms`.
    pub fn put_late(&mut self, due_ms: u64, bytes: Vec<u8>) {
        self.late.push((due_ms, bytes));
    }

    /// Lets this many bytes leave behind those that wait.
    pub fn limit(&mut self, bytes: usize, then: Then) {
        self.limit = Some((self.wire.len() + bytes, then));
    }

    /// Lets this many bytes of the client come.
    pub fn limit_hearing(&mut self, bytes: usize) {
        self.hears = Some(bytes);
    }

    /// One byte leaves at a time, with this pause behind it.
    pub fn trickle(&mut self, pause_ms: u64) {
        self.pause_ms = Some(pause_ms);
    }

    /// The part of what came that is still heard.
    pub fn hear<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(left) = &mut self.hears else { return bytes };
        let heard = bytes.get(..*left).unwrap_or(bytes);
        *left -= heard.len();
        heard
    }

    /// What leaves now.
    pub fn take(&mut self, now_ms: u64) -> Vec<u8> {
        let (due, late) = std::mem::take(&mut self.late).into_iter().partition(|(due_ms, _)| *due_ms <= now_ms);
        self.late = late;
        let due: Vec<(u64, Vec<u8>)> = due;
        due.iter().for_each(|(_, bytes)| self.wire.extend(bytes));
        let mut count = self.open();
        if let Some(pause_ms) = self.pause_ms.filter(|_| count > 0) {
            if now_ms < self.next_ms {
                return Vec::new();
            }
            self.next_ms = now_ms + pause_ms;
            count = 1;
        }
        if let Some((left, _)) = &mut self.limit {
            *left -= count;
        }
        self.wire.drain(..count).collect()
    }

    /// Whether bytes wait that may leave, now or after a pause.
    pub fn has_output(&self) -> bool {
        self.open() > 0
    }

    /// How many bytes wait.
    pub fn waiting(&self) -> usize {
        self.wire.len()
    }

    /// Whether the script wants the link cut, as all bytes before have passed.
    pub fn is_cut(&self) -> bool {
        self.limit == Some((0, Then::Cut)) || self.hears == Some(0)
    }

    /// When something is to leave.
    pub fn deadline(&self) -> Option<u64> {
        let trickle = self.pause_ms.filter(|_| self.has_output()).map(|_| self.next_ms);
        self.late.iter().map(|(due_ms, _)| *due_ms).chain(trickle).min()
    }

    /// How many of the bytes may leave.
    fn open(&self) -> usize {
        self.limit.map_or(self.wire.len(), |(left, _)| left.min(self.wire.len()))
    }
}
