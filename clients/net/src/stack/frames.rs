//! The frames of WebSocket (RFC 6455 §5): payload is passed on as it comes, however long its frame or message is.

use std::io::Cursor;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::failure::{FrameProblem, WebSocketFailure};

/// The longest header of a frame.
const LONGEST_HEADER: usize = 14;
const LONGEST_CONTROL: u64 = 125;

/// Pieces from this size on are shared with what came from the socket; smaller ones are copied together, so that a few of them
/// don't keep a large buffer.
const WORTH_SHARING: usize = 4 * 1024;

/// Where such a copy begins, so that it needn't grow often.
const FIRST_CAPACITY: usize = 1024;

/// Reading: what is known of the frame under way.
#[derive(Default)]
pub(super) struct Frames {
    /// The beginning of a header.
    header: BytesMut,
    frame: Option<Frame>,
    /// A message in fragments is under way.
    is_in_message: bool,
    /// The last ping that is not answered. Only the last one has to be (§5.5.3).
    pub(super) ping: Option<Bytes>,
    /// What the server said when it closed.
    pub(super) close: Option<Close>,
}

struct Frame {
    opcode: OpCode,
    left: u64,
    /// The payload of a control frame.
    collected: BytesMut,
}

/// A close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: Option<u16>,
    pub(super) reason: String,
}

impl Frames {
    /// Takes what came, and appends the payload of binary frames to `output`. Nothing counts that comes behind a close frame.
    pub(super) fn received(&mut self, mut input: Bytes, output: &mut Payload) -> Result<(), WebSocketFailure> {
        while self.close.is_none() && !input.is_empty() {
            let frame = match &mut self.frame {
                Some(frame) => frame,
                None => match self.read_header(&mut input)? {
                    Some(frame) => self.frame.insert(frame),
                    None => break,
                },
            };
            let piece = input.split_to(usize::try_from(frame.left).map_or(input.len(), |left| left.min(input.len())));
            frame.left -= piece.len() as u64;
            match frame.opcode {
                OpCode::Data(_) => output.push(piece),
                OpCode::Control(_) => frame.collected.extend_from_slice(&piece),
            }
            if frame.left == 0 {
                self.end_frame();
            }
        }
        Ok(())
    }

    fn read_header(&mut self, input: &mut Bytes) -> Result<Option<Frame>, WebSocketFailure> {
        let kept = self.header.len();
        let new = input.get(..LONGEST_HEADER - kept).unwrap_or(input);
        self.header.extend_from_slice(new);
        let mut cursor = Cursor::new(&self.header);
        match FrameHeader::parse(&mut cursor) {
            Ok(None) => {
                input.clear();
                Ok(None)
            }
            Ok(Some((header, length))) => {
                let used = usize::try_from(cursor.position()).unwrap_or(LONGEST_HEADER);
                input.advance(used.saturating_sub(kept));
                self.header.clear();
                self.judge(&header, length)?;
                Ok(Some(Frame { opcode: header.opcode, left: length, collected: BytesMut::new() }))
            }
            Err(_) => Err(WebSocketFailure::Frame(FrameProblem::Opcode)), // the parser refuses nothing else
        }
    }

    fn judge(&mut self, header: &FrameHeader, length: u64) -> Result<(), WebSocketFailure> {
        let problem = if header.mask.is_some() {
            FrameProblem::Masked
        } else if header.rsv1 || header.rsv2 || header.rsv3 {
            FrameProblem::ReservedBit
        } else if length > u64::MAX >> 1 {
            FrameProblem::Length
        } else {
            match header.opcode {
                OpCode::Control(_) if header.is_final && length <= LONGEST_CONTROL => return Ok(()),
                OpCode::Control(_) => FrameProblem::Control,
                OpCode::Data(Data::Text) => return Err(WebSocketFailure::Text),
                OpCode::Data(opcode) if (opcode == Data::Continue) == self.is_in_message => {
                    self.is_in_message = !header.is_final;
                    return Ok(());
                }
                OpCode::Data(_) => FrameProblem::Order,
            }
        };
        Err(WebSocketFailure::Frame(problem))
    }

    fn end_frame(&mut self) {
        match self.frame.take() {
            Some(Frame { opcode: OpCode::Control(Control::Ping), collected, .. }) => {
                self.ping = Some(collected.freeze())
            }
            Some(Frame { opcode: OpCode::Control(Control::Close), mut collected, .. }) => {
                let code = (collected.len() >= 2).then(|| collected.get_u16());
                let reason = String::from_utf8_lossy(&collected).chars().filter(|c| !c.is_control()).collect();
                self.close = Some(Close { code, reason });
            }
            _ => {}
        }
    }
}

/// Payload on its way up, in as few pieces as are worth it.
#[derive(Default)]
pub(super) struct Payload {
    pub(super) pieces: Vec<Bytes>,
    small: BytesMut,
}

impl Payload {
    fn push(&mut self, piece: Bytes) {
        if piece.len() < WORTH_SHARING {
            if self.small.is_empty() {
                self.small.reserve(FIRST_CAPACITY);
            }
            self.small.extend_from_slice(&piece);
        } else {
            self.seal();
            self.pieces.push(piece);
        }
    }

    /// No more comes.
    pub(super) fn seal(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push(self.small.split().freeze());
        }
    }
}

/// Returns the header of a frame for this payload, and masks the payload.
pub(super) fn frame(opcode: OpCode, payload: &mut [u8]) -> Bytes {
    let mask: [u8; 4] = rand::random();
    apply(mask, payload);
    let header = FrameHeader { is_final: true, opcode, mask: Some(mask), ..FrameHeader::default() };
    let mut out = BytesMut::with_capacity(LONGEST_HEADER).writer();
    let _ = header.format(payload.len() as u64, &mut out); // memory takes everything
    out.into_inner().freeze()
}

fn apply(mask: [u8; 4], payload: &mut [u8]) {
    let wide = [mask; 8]; // as much as processors take at once
    let wide = wide.as_flattened();
    let mut chunks = payload.chunks_exact_mut(wide.len());
    for chunk in &mut chunks {
        chunk.iter_mut().zip(wide).for_each(|(byte, mask)| *byte ^= mask);
    }
    chunks.into_remainder().iter_mut().zip(wide).for_each(|(byte, mask)| *byte ^= mask);
}

/// A whole control frame.
pub(super) fn control(control: Control, payload: &[u8]) -> Bytes {
    let mut payload = BytesMut::from(payload);
    let header = frame(OpCode::Control(control), &mut payload);
    [&header[..], &payload[..]].concat().into()
}
