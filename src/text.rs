//! Checks of strings from peers: whether they are UTF-8, and which characters they contain that the standard restricts.
//!
//! On 64-bit targets a string is scanned a word at a time, and the standard library checks UTF-8. On firmware, where
//! flash is scarcer than processor time, one loop over the characters makes all checks; `core::str::from_utf8`, which
//! takes 620 bytes, is linked only if a program asks for a `str`.

use core::fmt;

/// A text that was checked to be UTF-8. Firmware keeps bytes, and [`as_str`](Self::as_str) checks them once more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Text<'a>(Kept<'a>);

#[cfg(not(target_pointer_width = "32"))]
type Kept<'a> = &'a str;
#[cfg(target_pointer_width = "32")]
type Kept<'a> = &'a [u8];

#[cfg(not(target_pointer_width = "32"))]
impl<'a> Text<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Makes a text of bytes for which the scan returned `marks`; `None` if they are not UTF-8.
    #[inline(always)]
    pub(crate) fn of(bytes: &'a [u8], _: &Marks) -> Option<Self> {
        core::str::from_utf8(bytes).ok().map(Self)
    }

    /// Makes a text of bytes that were checked before.
    pub(crate) fn trusted(bytes: &'a [u8]) -> Self {
        Self(core::str::from_utf8(bytes).unwrap_or_default())
    }

    #[inline(always)]
    pub(crate) const fn as_str(self) -> &'a str {
        self.0
    }

    #[inline(always)]
    pub(crate) const fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }
}

#[cfg(target_pointer_width = "32")]
impl<'a> Text<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    /// Makes a text of bytes for which the scan returned `marks`; `None` if they are not UTF-8.
    pub(crate) fn of(bytes: &'a [u8], marks: &Marks) -> Option<Self> {
        marks.is_utf8(bytes).then_some(Self(bytes))
    }

    /// Makes a text of bytes that were checked before.
    pub(crate) const fn trusted(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_str(self) -> &'a str {
        match core::str::from_utf8(self.0) {
            Ok(text) => text,
            Err(_) => "", // never: it was checked
        }
    }

    pub(crate) const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Text<'a> {
    pub(crate) const EMPTY: Self = Self::new("");

    pub(crate) const fn is_empty(self) -> bool {
        self.as_bytes().is_empty()
    }

    pub(crate) const fn len(self) -> usize {
        self.as_bytes().len()
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Text<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::Format::format(self.as_str(), f);
    }
}

pub(crate) fn is_utf8(bytes: &[u8]) -> bool {
    if BY_WORDS { core::str::from_utf8(bytes).is_ok() } else { scan(bytes).is_utf8(bytes) }
}

pub(crate) const fn has_nul(bytes: &[u8]) -> bool {
    scan(bytes).has_nul(bytes)
}

pub(crate) const fn has_wildcard(text: &[u8]) -> bool {
    scan_topic(text).has_wildcard(text)
}

/// Returns whether the topic is not empty and contains neither U+0000 nor a wildcard.
#[inline(always)]
pub(crate) fn is_plain(topic: &[u8]) -> bool {
    !topic.is_empty() && scan_words(topic, true).special == 0
}

/// What a scan found in a text; 0 for nothing.
pub(crate) struct Marks {
    /// Scanned by words: not 0 if the text contains U+0000 or a wildcard. Scanned by characters: the bits from [`NUL`]
    /// on.
    special: usize,
    high: usize,
}

const NUL: usize = 1;
const WILDCARD: usize = 2;
/// Bit: the text contains a character that the standard discourages (§1.5.4).
const DISCOURAGED: usize = 4;
/// Bit: the text is not UTF-8.
const NO_TEXT: usize = 8;

const WORD: usize = size_of::<usize>();
/// A word whose bytes are all 1.
const ONES: usize = usize::MAX / 0xFF;
/// Whether a text is scanned a word at a time; on firmware that takes too much flash.
const BY_WORDS: bool = usize::BITS > 32;

/// Looks for U+0000 and for bytes that are not ASCII.
#[cfg_attr(not(target_pointer_width = "32"), inline)]
pub(crate) const fn scan(bytes: &[u8]) -> Marks {
    if BY_WORDS { scan_words(bytes, false) } else { scan_topic(bytes) }
}

/// Looks for U+0000, for bytes that are not ASCII, and for `#` and `+`.
#[inline(never)]
pub(crate) const fn scan_topic(bytes: &[u8]) -> Marks {
    if BY_WORDS { scan_words(bytes, true) } else { scan_characters(bytes) }
}

/// Scans by words; the last word overlaps the one before.
#[inline(always)]
const fn scan_words(bytes: &[u8], for_wildcards: bool) -> Marks {
    let mut marks = Marks::NONE;
    let mut rest = bytes;
    let Some(last) = bytes.last_chunk::<WORD>() else {
        while let [byte, behind @ ..] = rest {
            marks.add(ONES * *byte as usize, for_wildcards);
            rest = behind;
        }
        return marks;
    };
    while let Some((word, behind)) = rest.split_first_chunk() {
        if behind.is_empty() {
            break;
        }
        marks.add(usize::from_ne_bytes(*word), for_wildcards);
        rest = behind;
    }
    marks.add(usize::from_ne_bytes(*last), for_wildcards);
    marks
}

/// Scans by characters. A character of several bytes is decoded first and judged as a whole.
const fn scan_characters(bytes: &[u8]) -> Marks {
    let (mut special, mut number, mut more, mut missing) = (0, 0, 0, 0);
    let mut rest = bytes;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        let ones = byte.leading_ones();
        if missing > 0 && ones == 1 {
            number = number << 6 | *byte as u32 & 0x3F;
            missing -= 1;
        } else if missing > 0 || matches!(*byte, 0x80..=0xC1 | 0xF5..) {
            return Marks { special: NO_TEXT, ..Marks::NONE };
        } else {
            more = ones.saturating_sub(1);
            number = *byte as u32 & 0x7F >> ones;
            missing = more;
        }
        if missing == 0 {
            special |= judge(number, more);
        }
    }
    if missing > 0 {
        special = NO_TEXT;
    }
    Marks { special, ..Marks::NONE }
}

/// Returns the bits for a character with this code point, encoded as `more` bytes after its first.
const fn judge(number: u32, more: u32) -> usize {
    let is_too_long = more > 0 && number >> (5 * more + 1) == 0;
    match number {
        _ if is_too_long || char::from_u32(number).is_none() => NO_TEXT,
        0 => NUL,
        0x23 | 0x2B => WILDCARD,
        1..=0x1F | 0x7F..=0x9F | 0xFFFF => DISCOURAGED,
        _ => 0,
    }
}

impl Marks {
    const NONE: Self = Self { special: 0, high: 0 };

    /// `#` and `+` differ in one bit only.
    const fn add(&mut self, word: usize, for_wildcards: bool) {
        const BIT: usize = ONES * (b'+' ^ b'#') as usize;
        const BOTH: usize = ONES * (b'+' | b'#') as usize;
        self.special |= zeros(word);
        if for_wildcards {
            self.special |= zeros((word | BIT) ^ BOTH);
        }
        self.high |= word & TOPS;
    }

    pub(crate) const fn has_nul(&self, bytes: &[u8]) -> bool {
        if BY_WORDS { self.special != 0 && holds(bytes, 0, 0) } else { self.special & NUL != 0 }
    }

    pub(crate) const fn has_wildcard(&self, bytes: &[u8]) -> bool {
        if BY_WORDS { self.special != 0 && holds(bytes, b'#', b'+') } else { self.special & WILDCARD != 0 }
    }

    /// Returns whether the text is UTF-8.
    pub(crate) fn is_utf8(&self, bytes: &[u8]) -> bool {
        if BY_WORDS { self.high == 0 || core::str::from_utf8(bytes).is_ok() } else { self.special & NO_TEXT == 0 }
    }

    /// Returns whether the text contains characters that the standard discourages: U+0001 to U+001F, U+007F to U+009F,
    /// and the non-character U+FFFF (§1.5.4).
    pub(crate) fn has_discouraged(&self, bytes: &[u8]) -> bool {
        if BY_WORDS { has_discouraged(bytes) } else { self.special & DISCOURAGED != 0 }
    }
}

/// Characters that a receiver may refuse (§1.5.4): C0 and C1 controls, and the non-character U+FFFF.
fn has_discouraged(text: &[u8]) -> bool {
    let is_c1 = |pair: &[u8]| matches!(pair, [0xC2, 0x80..=0x9F]);
    text.iter().any(u8::is_ascii_control)
        || text.windows(2).any(is_c1)
        || text.windows(3).any(|three| three == b"\xEF\xBF\xBF")
}

/// Returns whether the text contains one of these bytes. Rarely called: only to tell which special byte was found.
#[cold]
#[inline(never)]
const fn holds(bytes: &[u8], one: u8, other: u8) -> bool {
    let mut rest = bytes;
    while let [byte, behind @ ..] = rest {
        if *byte == one || *byte == other {
            return true;
        }
        rest = behind;
    }
    false
}

/// The top bits of a word's bytes.
const TOPS: usize = ONES << 7;

/// Returns a value other than 0 if a byte of `word` is 0: only then does a borrow reach the top bit of a byte whose own
/// top bit was clear.
const fn zeros(word: usize) -> usize {
    word.wrapping_sub(ONES) & !word & TOPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_wherever_it_stands() {
        for length in 0..4 * WORD {
            for found in 0..length {
                for other in [1, b'a', b'*', b',', b'"', b'\'', 0x7F] {
                    let mut bytes = [other; 4 * WORD];
                    assert!(!has_nul(&bytes[..length]), "{length} bytes of {other}");
                    assert!(scan(&bytes[..length]).is_utf8(&bytes[..length]), "{length} bytes of {other}");
                    assert!(!has_wildcard(&bytes[..length]), "{length} bytes of {other}");
                    for wildcard in [b'+', b'#'] {
                        bytes[found] = wildcard;
                        assert!(has_wildcard(&bytes[..length]), "{found} of {length}");
                    }
                    bytes[found] = 0;
                    assert!(has_nul(&bytes[..length]), "{found} of {length} beside {other}");
                    bytes[found] = 0x80;
                    assert!(!scan(&bytes[..length]).is_utf8(&bytes[..length]), "{found} of {length} beside {other}");
                }
            }
        }
        assert!(!has_nul("\u{80}\u{FF}\u{800}\u{10000}".as_bytes()));
        assert!(!has_wildcard("\u{80}\u{AB}\u{A3}\u{10000}\u{2B0}\u{230}".as_bytes()));
    }

    #[test]
    fn discouraged_characters() {
        for number in (0..=0x2100).chain(0xFFF0..=0x1_0010) {
            let Some(character) = char::from_u32(number) else { continue };
            let mut bytes = [b'a'; 6];
            let length = 1 + character.encode_utf8(&mut bytes[1..]).len();
            let is_discouraged = character.is_control() || character == '\u{FFFF}';
            assert_eq!(has_discouraged(&bytes[..length]), is_discouraged, "{number:x}");
        }
    }

    /// Bytes that represent all others: the borders of the ranges allowed at each position.
    const BORDERS: [u8; 25] = [
        0x00, 0x01, 0x1F, b'#', b'+', 0x7E, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0,
        0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFE, 0xFF,
    ];

    #[test]
    fn every_kind_of_bytes() {
        for number in 0..BORDERS.len().pow(4) {
            let bytes = [0, 1, 2, 3].map(|place| BORDERS[number / BORDERS.len().pow(place) % BORDERS.len()]);
            (0..=4).for_each(|length| is_judged_right(&bytes[..length]));
            is_judged_right(&[&bytes[..], b"+"].concat());
        }
    }

    #[test]
    fn every_character() {
        for character in '\0'..=char::MAX {
            is_judged_right(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    fn is_judged_right(bytes: &[u8]) {
        let special = scan_characters(bytes).special;
        assert_eq!(special & NO_TEXT == 0, core::str::from_utf8(bytes).is_ok(), "{bytes:x?}");
        if special & NO_TEXT != 0 {
            return;
        }
        assert_eq!(special & NUL != 0, bytes.contains(&0), "{bytes:x?}");
        assert_eq!(special & WILDCARD != 0, bytes.iter().any(|byte| b"#+".contains(byte)), "{bytes:x?}");
        assert_eq!(special & (NUL | DISCOURAGED) != 0, has_discouraged(bytes), "{bytes:x?}");
    }
}
