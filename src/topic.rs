//! Topic names and topic filters (§4.7), checked once: a value of these types cannot be wrong.

use core::fmt;

/// The longest topic name or filter in bytes `[MQTT-4.7.3-3]`.
const MAX_LENGTH: usize = 65_535;

/// A name that a message is published to: at least one character, no wildcard, no U+0000, at most 65,535 bytes.
///
/// ```
/// use pure_mqtt::{TopicError, TopicName};
///
/// assert_eq!(TopicName::new("plant/boiler/1")?.as_str(), "plant/boiler/1");
/// assert_eq!(TopicName::new("plant/+/1"), Err(TopicError::Wildcard));
/// # Ok::<(), TopicError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TopicName<'a>(&'a str);

impl<'a> TopicName<'a> {
    /// Checks `name`.
    ///
    /// # Errors
    /// [`TopicError`] says which rule of §4.7 the name breaks.
    pub fn new(name: &'a str) -> Result<Self, TopicError> {
        check_string(name)?;
        if has_wildcard(name.as_bytes()) {
            return Err(TopicError::Wildcard); // [MQTT-3.3.2-2] [MQTT-4.7.0-1]
        }
        Ok(Self(name))
    }

    /// The name.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// For names that the codec has checked already.
    pub(crate) const fn trusted(name: &'a str) -> Self {
        Self(name)
    }
}

/// A pattern that topics are matched against: `+` stands for one level, `#` at the end for all that follow.
///
/// A filter may name a shared subscription: `$share/group/filter` (§4.8.2).
///
/// ```
/// use pure_mqtt::{TopicFilter, TopicName};
///
/// let filter = TopicFilter::new("plant/+/temperature")?;
/// assert!(filter.matches(TopicName::new("plant/boiler/temperature")?));
/// assert!(!filter.matches(TopicName::new("plant/boiler/pressure")?));
/// # Ok::<(), pure_mqtt::TopicError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TopicFilter<'a>(&'a str);

impl<'a> TopicFilter<'a> {
    /// Checks `filter`.
    ///
    /// # Errors
    /// [`TopicError`] says which rule of §4.7 or §4.8.2 the filter breaks.
    pub fn new(filter: &'a str) -> Result<Self, TopicError> {
        check_string(filter)?;
        if let Some(shared) = shared(filter) {
            let (group, rest) = split_level(shared).ok_or(TopicError::Share)?; // [MQTT-4.8.2-2]
            if group.is_empty() || has_wildcard(group.as_bytes()) || rest.is_empty() {
                return Err(TopicError::Share); // [MQTT-4.8.2-1]
            }
            check_levels(rest)?;
        } else {
            check_levels(filter)?;
        }
        Ok(Self(filter))
    }

    /// For filters that were checked already.
    pub(crate) const fn trusted(filter: &'a str) -> Self {
        Self(filter)
    }

    /// The filter as it is sent, with `$share/group/` if it is shared.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// The share name and the filter proper of a shared subscription.
    pub fn share(&self) -> Option<(&'a str, &'a str)> {
        split_level(shared(self.0)?)
    }

    /// Whether the filter holds `+` or `#`.
    pub fn has_wildcard(&self) -> bool {
        has_wildcard(self.0.as_bytes())
    }

    /// Whether a message published to `topic` matches. Levels are compared character by character `[MQTT-4.7.3-4]`; a wildcard in
    /// the first place doesn't match a topic that starts with `$` `[MQTT-4.7.2-1]`; `a/#` matches `a` too.
    /// Takes time linear in the two lengths.
    pub fn matches(&self, topic: TopicName<'_>) -> bool {
        let filter = self.share().map_or(self.0, |(_, filter)| filter);
        let topic = topic.as_str();
        if topic.as_bytes().first() == Some(&b'$') && matches!(filter.as_bytes().first(), Some(b'+' | b'#')) {
            return false;
        }
        let mut levels = Levels(Some(topic));
        for wanted in Levels(Some(filter)) {
            match (wanted, levels.next()) {
                ("#", _) => return true,
                ("+", Some(_)) => {}
                (_, Some(level)) if level == wanted => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }
}

/// What is wrong with a topic name or a topic filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TopicError {
    /// It is empty `[MQTT-4.7.3-1]`.
    Empty,
    /// It is longer than 65,535 bytes `[MQTT-4.7.3-3]`.
    TooLong,
    /// It holds the character U+0000 `[MQTT-4.7.3-2]`.
    NulCharacter,
    /// A topic name holds `+` or `#`; or a filter holds one where it may not stand `[MQTT-4.7.1-1]` `[MQTT-4.7.1-2]`.
    Wildcard,
    /// A shared filter lacks its share name or its filter, or the name holds a wildcard `[MQTT-4.8.2-1]` `[MQTT-4.8.2-2]`.
    Share,
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the topic is empty",
            Self::TooLong => "the topic is longer than 65,535 bytes",
            Self::NulCharacter => "the topic holds the character U+0000",
            Self::Wildcard => "a wildcard stands where it may not",
            Self::Share => "a shared filter must be $share/name/filter, without wildcards in the name",
        })
    }
}

impl core::error::Error for TopicError {}

/// A `str` is UTF-8 already `[MQTT-3.8.3-1]` `[MQTT-3.10.3-1]`; that it can be told and is something remains to be checked.
fn check_string(text: &str) -> Result<(), TopicError> {
    match text.len() {
        0 => Err(TopicError::Empty),
        1..=MAX_LENGTH if !has_nul(text.as_bytes()) => Ok(()),
        1..=MAX_LENGTH => Err(TopicError::NulCharacter),
        _ => Err(TopicError::TooLong),
    }
}

/// `#` only alone and last `[MQTT-4.7.1-1]`, `+` only alone in its level `[MQTT-4.7.1-2]`.
fn check_levels(filter: &str) -> Result<(), TopicError> {
    let mut open = true;
    for level in Levels(Some(filter)) {
        if !open || level.len() > 1 && has_wildcard(level.as_bytes()) {
            return Err(TopicError::Wildcard);
        }
        open = level != "#";
    }
    Ok(())
}

/// What follows `$share/`, if the filter begins so. The standard library's `strip_prefix` would bring `memcmp` into firmware.
fn shared(filter: &str) -> Option<&str> {
    const SHARE: &str = "$share/";
    let rest = filter.get(SHARE.len()..)?;
    filter.bytes().zip(SHARE.bytes()).all(|(byte, expected)| byte == expected).then_some(rest)
}

/// What stands before the first `/`, and what behind it. (The standard library's way to split a string takes half a kilobyte of flash.)
fn split_level(text: &str) -> Option<(&str, &str)> {
    let border = text.bytes().position(|byte| byte == b'/')?;
    let (level, rest) = text.split_at_checked(border)?;
    Some((level, rest.get(1..)?))
}

/// The levels of a topic or filter one by one.
struct Levels<'a>(Option<&'a str>);

impl<'a> Iterator for Levels<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.0.take()?;
        let Some((level, rest)) = split_level(text) else { return Some(text) };
        self.0 = Some(rest);
        Some(level)
    }
}

pub(crate) fn has_nul(bytes: &[u8]) -> bool {
    scan(bytes).has_nul(bytes)
}

pub(crate) fn has_wildcard(text: &[u8]) -> bool {
    scan_topic(text).has_wildcard(text)
}

/// It isn't empty, and holds neither U+0000 nor a wildcard.
#[inline(always)]
pub(crate) fn is_plain(topic: &[u8]) -> bool {
    !topic.is_empty() && scan_words(topic, true).special == 0
}

/// What was found in a text: 0 for nothing.
#[derive(Default)]
pub(crate) struct Marks {
    /// U+0000, or a wildcard; taken byte by byte, [`NUL`] and [`WILDCARD`].
    special: usize,
    high: usize,
}

const NUL: usize = 1;
const WILDCARD: usize = 2;

const WORD: usize = size_of::<usize>();
/// A word of bytes that are 1.
const ONES: usize = usize::MAX / 0xFF;
/// A text is taken a word at a time. Firmware has less flash than time for that.
const BY_WORDS: bool = usize::BITS > 32;

/// Looks for U+0000, and what isn't ASCII.
#[cfg_attr(not(target_pointer_width = "32"), inline)]
pub(crate) fn scan(bytes: &[u8]) -> Marks {
    if BY_WORDS { scan_words(bytes, false) } else { scan_topic(bytes) }
}

/// Looks for U+0000, what isn't ASCII, and `#` and `+`.
#[inline(never)]
pub(crate) fn scan_topic(bytes: &[u8]) -> Marks {
    if BY_WORDS { scan_words(bytes, true) } else { scan_bytes(bytes) }
}

/// The last word overlaps the one before.
#[inline(always)]
fn scan_words(bytes: &[u8], for_wildcards: bool) -> Marks {
    let mut marks = Marks::default();
    let Some(last) = bytes.last_chunk::<WORD>() else {
        bytes.iter().for_each(|byte| marks.add(ONES * usize::from(*byte), for_wildcards));
        return marks;
    };
    let mut rest = bytes;
    while let Some((word, behind)) = rest.split_first_chunk().filter(|_| rest.len() > WORD) {
        marks.add(usize::from_ne_bytes(*word), for_wildcards);
        rest = behind;
    }
    marks.add(usize::from_ne_bytes(*last), for_wildcards);
    marks
}

fn scan_bytes(bytes: &[u8]) -> Marks {
    let mut marks = Marks::default();
    for byte in bytes {
        match byte {
            0 => marks.special |= NUL,
            b'#' | b'+' => marks.special |= WILDCARD,
            _ => marks.high |= usize::from(byte & 0x80),
        }
    }
    marks
}

impl Marks {
    /// `#` and `+` differ in one bit alone.
    const fn add(&mut self, word: usize, for_wildcards: bool) {
        const BIT: usize = ONES * (b'+' ^ b'#') as usize;
        const BOTH: usize = ONES * (b'+' | b'#') as usize;
        self.special |= zeros(word);
        if for_wildcards {
            self.special |= zeros((word | BIT) ^ BOTH);
        }
        self.high |= word & TOPS;
    }

    pub(crate) fn has_nul(&self, bytes: &[u8]) -> bool {
        if BY_WORDS { self.special != 0 && holds(bytes, [0, 0]) } else { self.special & NUL != 0 }
    }

    pub(crate) fn has_wildcard(&self, bytes: &[u8]) -> bool {
        if BY_WORDS { self.special != 0 && holds(bytes, *b"#+") } else { self.special & WILDCARD != 0 }
    }

    pub(crate) const fn is_ascii(&self) -> bool {
        self.high == 0
    }
}

/// Which of the special bytes it is: a question that is seldom asked.
#[cold]
#[inline(never)]
fn holds(bytes: &[u8], either: [u8; 2]) -> bool {
    bytes.iter().any(|byte| either.contains(byte))
}

/// The top bits of a word's bytes.
const TOPS: usize = ONES << 7;

/// Not 0 if a byte of `word` is: only then does a borrow reach the top of a byte whose own top bit was clear.
const fn zeros(word: usize) -> usize {
    word.wrapping_sub(ONES) & !word & TOPS
}

/// A string that MQTT can express.
pub(crate) fn is_mqtt_string(text: &str) -> bool {
    text.len() <= MAX_LENGTH && !has_nul(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(filter: &str, topic: &str) -> bool {
        TopicFilter::new(filter).unwrap().matches(TopicName::new(topic).unwrap())
    }

    #[test]
    fn matching() {
        for (filter, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/c", false),
            ("a/b", "a/b/c", false),
            ("a/b/c", "a/b", false),
            ("+", "a", true),
            ("+", "a/b", false),
            ("+/b", "a/b", true),
            ("a/+/c", "a//c", true),
            ("#", "a/b/c", true),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "ab", false),
            ("/+", "/a", true),
            ("+/+", "/a", true),
            ("+", "/a", false),
            ("#", "$SYS/x", false), // [MQTT-4.7.2-1]
            ("+/x", "$SYS/x", false),
            ("$SYS/#", "$SYS/x", true),
            ("$share/g/a/+", "a/b", true),
            ("$share/g/#", "$SYS/x", false),
            ("a", "A", false), // [MQTT-4.7.3-4]
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} against {topic}");
        }
    }

    #[test]
    fn a_byte_is_found_wherever_it_stands() {
        for length in 0..4 * WORD {
            for found in 0..length {
                for other in [1, b'a', b'*', b',', b'"', b'\'', 0x7F] {
                    let mut bytes = [other; 4 * WORD];
                    assert!(!has_nul(&bytes[..length]), "{length} bytes of {other}");
                    assert!(scan(&bytes[..length]).is_ascii(), "{length} bytes of {other}");
                    assert!(!has_wildcard(&bytes[..length]), "{length} bytes of {other}");
                    for wildcard in [b'+', b'#'] {
                        bytes[found] = wildcard;
                        assert!(has_wildcard(&bytes[..length]), "{found} of {length}");
                    }
                    bytes[found] = 0;
                    assert!(has_nul(&bytes[..length]), "{found} of {length} beside {other}");
                    bytes[found] = 0x80;
                    assert!(!scan(&bytes[..length]).is_ascii(), "{found} of {length} beside {other}");
                }
            }
        }
        assert!(!has_nul("\u{80}\u{FF}\u{800}\u{10000}".as_bytes()));
        assert!(!has_wildcard("\u{80}\u{AB}\u{A3}\u{10000}\u{2B0}\u{230}".as_bytes()));
    }

    #[test]
    fn faults() {
        for (filter, error) in [
            ("", TopicError::Empty),
            ("a/#/b", TopicError::Wildcard),
            ("a+", TopicError::Wildcard),
            ("a/b#", TopicError::Wildcard),
            ("#/", TopicError::Wildcard),
            ("$share//x", TopicError::Share),
            ("$share/g/", TopicError::Share),
            ("$share/g", TopicError::Share),
            ("$share/g+/x", TopicError::Share),
            ("$share/g/a+", TopicError::Wildcard),
            ("a\0", TopicError::NulCharacter),
        ] {
            assert_eq!(TopicFilter::new(filter), Err(error), "{filter:?}");
        }
        assert_eq!(TopicName::new("a/#"), Err(TopicError::Wildcard));
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes there")]
    fn the_longest_topic() {
        let long = [b'/'; 65_536];
        let long = core::str::from_utf8(&long).unwrap();
        assert_eq!(TopicName::new(long), Err(TopicError::TooLong));
        assert!(TopicName::new(&long[1..]).is_ok());
        assert!(matches(&long[1..], &long[1..]));
    }
}
