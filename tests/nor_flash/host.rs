//! A journal in NOR flash: two areas of which one counts, in each a row of frames.
//!
//! ```text
//!   area:  number: u32 (the larger one counts) | its complement: u32 | frames
//!   frame: length: u16 | its complement: u16 | bytes of the journal | 0xFF up to a whole word
//! ```
//!
//! The number is written when everything else in the area is there, so an area that was being filled when the power failed doesn't count.

use embedded_storage::nor_flash::NorFlash;

const WORD: usize = 4;
/// The number of the area and its complement.
const HEAD: u32 = 8;
/// Room at the end of an area for the records that don't fit any more, so that a snapshot can follow.
const KEPT: u32 = 300;

pub struct Host<'f, F> {
    flash: &'f mut F,
    /// The area that counts.
    area: u32,
    number: u32,
    /// Where the next frame goes.
    position: u32,
}

impl<'f, F: NorFlash> Host<'f, F> {
    /// Finds the area that counts, and collects its records in `buffer`.
    pub fn open<'b>(flash: &'f mut F, buffer: &'b mut [u8]) -> Result<(Self, &'b [u8]), F::Error> {
        assert!(F::WRITE_SIZE <= WORD, "frames are made of words");
        let mut host = Self { flash, area: 0, number: 0, position: HEAD };
        for area in 0..2 {
            let number = host.number_of(area)?;
            if number > host.number {
                (host.area, host.number) = (area, number);
            }
        }
        let length = if host.number == 0 { 0 } else { host.collect(buffer)? };
        Ok((host, buffer.get(..length).unwrap_or_default()))
    }

    fn size(&self) -> u32 {
        self.flash.capacity() as u32 / 2
    }

    /// The number of an area; 0 if it doesn't count.
    fn number_of(&mut self, area: u32) -> Result<u32, F::Error> {
        let mut head = [0; HEAD as usize];
        self.flash.read(area * self.size(), &mut head)?;
        let [a, b, c, d, e, f, g, h] = head;
        let (number, complement) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        Ok(if number == !complement { number } else { 0 })
    }

    /// The frames one behind the other.
    fn collect(&mut self, buffer: &mut [u8]) -> Result<usize, F::Error> {
        let mut total = 0;
        while self.position < self.size() {
            let start = self.area * self.size() + self.position;
            let mut head = [0; WORD];
            self.flash.read(start, &mut head)?;
            let [a, b, c, d] = head;
            let (length, complement) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
            if head == [0xFF; WORD] {
                break;
            }
            let Some(room) = buffer.get_mut(total..total + usize::from(length)).filter(|_| length == !complement)
            else {
                // The head of a frame was being written: nothing is behind it, and nothing can go there.
                if let Some(byte) = buffer.get_mut(total) {
                    *byte = b'?';
                    total += 1;
                }
                break;
            };
            self.flash.read(start + WORD as u32, room)?;
            total += usize::from(length);
            self.position += frame_length(usize::from(length));
        }
        Ok(total)
    }

    /// Whether so many bytes may be appended, with something left for the last ones.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.number > 0 && self.position + frame_length(bytes) + KEPT <= self.size()
    }

    /// Appends records. When this returns they are durable.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), F::Error> {
        let start = self.area * self.size() + self.position;
        write_frame(self.flash, start, bytes)?;
        self.position += frame_length(bytes.len());
        Ok(())
    }

    /// Appends the last records before [`replace`](Self::replace).
    pub fn append_last(&mut self, bytes: &[u8]) -> Result<(), F::Error> {
        assert!(frame_length(bytes.len()) <= KEPT, "the journal's buffer is larger than what is kept for it");
        if self.number > 0 { self.append(bytes) } else { Ok(()) }
    }

    /// Fills the other area with a snapshot, and makes it the one that counts.
    pub fn replace(&mut self, snapshot: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Result<(), F::Error> {
        let (size, other) = (self.size(), 1 - self.area);
        let start = other * size;
        self.flash.erase(start, start + size)?;
        let (mut position, mut outcome) = (HEAD, Ok(()));
        let flash = &mut *self.flash;
        snapshot(&mut |bytes| {
            if outcome.is_ok() && !bytes.is_empty() {
                outcome = write_frame(flash, start + position, bytes);
                position += frame_length(bytes.len());
            }
        });
        outcome?;
        let number = self.number + 1;
        self.flash.write(start, &number.to_le_bytes())?;
        self.flash.write(start + WORD as u32, &(!number).to_le_bytes())?;
        (self.area, self.number, self.position) = (other, number, position);
        Ok(())
    }
}

fn frame_length(bytes: usize) -> u32 {
    (WORD + bytes.next_multiple_of(WORD)) as u32
}

fn write_frame<F: NorFlash>(flash: &mut F, start: u32, bytes: &[u8]) -> Result<(), F::Error> {
    let length = bytes.len() as u16;
    let [a, b] = length.to_le_bytes();
    let [c, d] = (!length).to_le_bytes();
    flash.write(start, &[a, b, c, d])?;
    for (word, place) in bytes.chunks(WORD).zip((start + WORD as u32..).step_by(WORD)) {
        let mut whole = [0xFF; WORD];
        whole.iter_mut().zip(word).for_each(|(place, byte)| *place = *byte);
        flash.write(place, &whole)?;
    }
    Ok(())
}
