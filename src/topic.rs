//! Topic names and topic filters (§4.7). They are checked once, when a value is made.

use core::fmt;

use crate::text::{Text, has_nul, has_wildcard, scan_topic};

/// The longest topic name or filter in bytes `[MQTT-4.7.3-3]`.
const MAX_LENGTH: usize = 65_535;

/// The topic name of a message: at least one character, no wildcard, no U+0000, at most 65,535 bytes.
///
/// ```
/// use pure_mqtt::{TopicError, TopicName};
///
/// fn main() -> Result<(), TopicError> {
///     assert_eq!(TopicName::new("plant/boiler/1")?.as_str(), "plant/boiler/1");
///     assert_eq!(TopicName::new("plant/+/1"), Err(TopicError::Wildcard));
///
///     const ALARM: TopicName<'_> = TopicName::from_static("plant/alarm"); // checked by the compiler
///     assert_eq!(ALARM.as_str(), "plant/alarm");
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TopicName<'a>(Text<'a>);

impl fmt::Display for TopicName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl AsRef<str> for TopicName<'_> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl<'a> TopicName<'a> {
    /// Checks `name`.
    ///
    /// # Errors
    /// [`TopicError`]: the rule of §4.7 that the name breaks.
    pub const fn new(name: &'a str) -> Result<Self, TopicError> {
        if let Err(error) = check_string(name) {
            return Err(error);
        }
        if has_wildcard(name.as_bytes()) {
            return Err(TopicError::Wildcard); // [MQTT-3.3.2-2] [MQTT-4.7.0-1]
        }
        Ok(Self(Text::new(name)))
    }

    /// Makes a topic name of a literal. In a `const` the check is made at compile time, and takes no flash.
    ///
    /// ```compile_fail,E0080
    /// # use pure_mqtt::TopicName;
    /// const ALARM: TopicName<'_> = TopicName::from_static("plant/+/alarm"); // does not compile
    /// # let _ = ALARM;
    /// ```
    ///
    /// # Panics
    /// If `name` is not a topic name. At run time use [`new`](Self::new) instead.
    #[allow(clippy::panic)] // meant for constants, where it is an error of the compiler
    pub const fn from_static(name: &'static str) -> TopicName<'static> {
        match TopicName::new(name) {
            Ok(name) => name,
            Err(_) => panic!("this is not a topic name"),
        }
    }

    /// Checks a name in bytes. Returns `None` if the bytes are not UTF-8 or break a rule of §4.7. On firmware this links
    /// only the check of UTF-8 that the codec has anyway.
    ///
    /// ```
    /// use pure_mqtt::TopicName;
    ///
    /// fn main() {
    ///     assert_eq!(TopicName::from_utf8(b"plant/alarm"), Some(TopicName::from_static("plant/alarm")));
    ///     assert_eq!(TopicName::from_utf8(b"plant/\xFF"), None);
    /// }
    /// ```
    pub fn from_utf8(name: &'a [u8]) -> Option<Self> {
        let marks = scan_topic(name);
        let is_allowed = matches!(name.len(), 1..=MAX_LENGTH) && !marks.has_nul(name) && !marks.has_wildcard(name);
        Text::of(name, &marks).filter(|_| is_allowed).map(Self)
    }

    /// Returns the name.
    pub const fn as_str(&self) -> &'a str {
        self.0.as_str()
    }

    /// Returns the name as checked bytes.
    pub(crate) const fn text(&self) -> Text<'a> {
        self.0
    }

    /// Makes a topic name of text that the codec has checked.
    pub(crate) const fn trusted(name: Text<'a>) -> Self {
        Self(name)
    }
}

/// A topic filter: `+` matches one level, `#` at the end matches all levels that follow.
///
/// `$share/group/filter` is a filter of a shared subscription (§4.8.2).
///
/// ```
/// use pure_mqtt::{TopicFilter, TopicName};
///
/// fn main() -> Result<(), pure_mqtt::TopicError> {
///     let filter = TopicFilter::new("plant/+/temperature")?;
///     assert!(filter.matches(TopicName::new("plant/boiler/temperature")?));
///     assert!(!filter.matches(TopicName::new("plant/boiler/pressure")?));
///
///     const ALARMS: TopicFilter<'_> = TopicFilter::from_static("plant/+/alarm/#"); // checked by the compiler
///     assert!(ALARMS.has_wildcard());
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TopicFilter<'a>(&'a str);

impl fmt::Display for TopicFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl AsRef<str> for TopicFilter<'_> {
    fn as_ref(&self) -> &str {
        self.0
    }
}

impl<'a> TopicFilter<'a> {
    /// Checks `filter`.
    ///
    /// # Errors
    /// [`TopicError`]: the rule of §4.7 or §4.8.2 that the filter breaks.
    pub const fn new(filter: &'a str) -> Result<Self, TopicError> {
        if let Err(error) = check_string(filter) {
            return Err(error);
        }
        let levels = match shared(filter.as_bytes()) {
            Some(shared) => match check_share_name(shared) {
                Ok(levels) => levels,
                Err(error) => return Err(error),
            },
            None => filter.as_bytes(),
        };
        match check_levels(levels) {
            Ok(()) => Ok(Self(filter)),
            Err(error) => Err(error),
        }
    }

    /// Makes a topic filter of a literal. In a `const` the check is made at compile time, and takes no flash.
    ///
    /// ```compile_fail,E0080
    /// # use pure_mqtt::TopicFilter;
    /// const ALARMS: TopicFilter<'_> = TopicFilter::from_static("plant/#/alarm"); // does not compile
    /// # let _ = ALARMS;
    /// ```
    ///
    /// # Panics
    /// If `filter` is not a topic filter. At run time use [`new`](Self::new) instead.
    #[allow(clippy::panic)] // meant for constants, where it is an error of the compiler
    pub const fn from_static(filter: &'static str) -> TopicFilter<'static> {
        match TopicFilter::new(filter) {
            Ok(filter) => filter,
            Err(_) => panic!("this is not a topic filter"),
        }
    }

    /// Makes a topic filter of text that was checked before.
    pub(crate) const fn trusted(filter: &'a str) -> Self {
        Self(filter)
    }

    /// Returns the filter as it is sent, with `$share/group/` for a shared subscription.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// Returns the share name and the filter behind it; `None` if the filter is not of a shared subscription.
    pub fn share(&self) -> Option<(&'a str, &'a str)> {
        let shared = self.0.get(SHARE.len()..).filter(|_| self.is_shared())?;
        let (name, _) = split_level(shared.as_bytes())?;
        Some((shared.get(..name.len())?, shared.get(name.len() + 1..)?))
    }

    /// Returns whether the filter is of a shared subscription.
    pub(crate) const fn is_shared(&self) -> bool {
        shared(self.0.as_bytes()).is_some()
    }

    /// Returns whether the filter contains `+` or `#`.
    pub fn has_wildcard(&self) -> bool {
        has_wildcard(self.0.as_bytes())
    }

    /// Returns whether a message published to `topic` matches. Levels are compared character by character
    /// `[MQTT-4.7.3-4]`. A wildcard in the first level does not match a topic that starts with `$` `[MQTT-4.7.2-1]`.
    /// `a/#` matches `a` too. For a shared subscription, the filter behind the share name is compared. Takes time
    /// linear in the two lengths.
    pub fn matches(&self, topic: TopicName<'_>) -> bool {
        let filter = self.share().map_or(self.0, |(_, filter)| filter).as_bytes();
        let topic = topic.text().as_bytes();
        if matches!((topic, filter), ([b'$', ..], [b'+' | b'#', ..])) {
            return false;
        }
        let mut levels = Levels(Some(topic));
        for wanted in Levels(Some(filter)) {
            match (wanted, levels.next()) {
                (b"#", _) => return true,
                (b"+", Some(_)) => {}
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
    /// The name or filter is empty `[MQTT-4.7.3-1]`.
    Empty,
    /// The name or filter is longer than 65,535 bytes `[MQTT-4.7.3-3]`.
    TooLong,
    /// The name or filter contains the character U+0000 `[MQTT-4.7.3-2]`.
    NulCharacter,
    /// A topic name contains `+` or `#`, or a filter contains one where it is not allowed `[MQTT-4.7.1-1]`
    /// `[MQTT-4.7.1-2]`.
    Wildcard,
    /// A shared filter lacks its share name or its filter, or the share name contains a wildcard `[MQTT-4.8.2-1]`
    /// `[MQTT-4.8.2-2]`.
    Share,
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the topic is empty",
            Self::TooLong => "the topic is longer than 65,535 bytes",
            Self::NulCharacter => "the topic contains the character U+0000",
            Self::Wildcard => "a wildcard stands where it may not",
            Self::Share => "a shared filter must be $share/name/filter, without wildcards in the name",
        })
    }
}

impl core::error::Error for TopicError {}

/// Checks that the text is not empty, fits the length field and has no U+0000. A `str` is UTF-8 already
/// `[MQTT-3.8.3-1]` `[MQTT-3.10.3-1]`.
const fn check_string(text: &str) -> Result<(), TopicError> {
    match text.len() {
        0 => Err(TopicError::Empty),
        1..=MAX_LENGTH if !has_nul(text.as_bytes()) => Ok(()),
        1..=MAX_LENGTH => Err(TopicError::NulCharacter),
        _ => Err(TopicError::TooLong),
    }
}

/// The prefix of the filter of a shared subscription.
const SHARE: &str = "$share/";

/// Returns the bytes after [`SHARE`], if the filter starts with that. (The standard library's comparison would link
/// `memcmp` into firmware.)
const fn shared(filter: &[u8]) -> Option<&[u8]> {
    match filter {
        [b'$', b's', b'h', b'a', b'r', b'e', b'/', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// Checks that there is a share name without wildcards `[MQTT-4.8.2-1]` and a filter behind it `[MQTT-4.8.2-2]`;
/// returns that filter.
const fn check_share_name(shared: &[u8]) -> Result<&[u8], TopicError> {
    let mut rest = shared;
    while let [byte, behind @ ..] = rest {
        match byte {
            b'/' if rest.len() < shared.len() && !behind.is_empty() => return Ok(behind),
            b'/' | b'#' | b'+' => break,
            _ => rest = behind,
        }
    }
    Err(TopicError::Share)
}

/// Checks that `#` is alone in the last level `[MQTT-4.7.1-1]`, and `+` alone in its level `[MQTT-4.7.1-2]`.
const fn check_levels(filter: &[u8]) -> Result<(), TopicError> {
    let mut begins_level = true;
    let mut rest = filter;
    while let [byte, behind @ ..] = rest {
        let may_stand = match (*byte, behind) {
            (b'#', []) | (b'+', [] | [b'/', ..]) => begins_level,
            (b'#' | b'+', _) => false,
            _ => true,
        };
        if !may_stand {
            return Err(TopicError::Wildcard);
        }
        begins_level = *byte == b'/';
        rest = behind;
    }
    Ok(())
}

/// Returns the bytes before the first `/` and those after it. (The standard library's `split` takes half a kilobyte of
/// flash.)
fn split_level(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let border = text.iter().position(|byte| *byte == b'/')?;
    let (level, rest) = text.split_at_checked(border)?;
    Some((level, rest.get(1..)?))
}

/// Iterates over the levels of a topic or filter.
struct Levels<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Levels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.0.take()?;
        let Some((level, rest)) = split_level(text) else { return Some(text) };
        self.0 = Some(rest);
        Some(level)
    }
}

/// Returns whether MQTT can express the string: at most 65,535 bytes, without U+0000.
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

    /// The rules in the standard's words, level by level.
    fn is_right(filter: &str) -> bool {
        let levels: std::vec::Vec<_> = filter.split('/').collect();
        let is_right = |(place, level): (usize, &&str)| match *level {
            "#" => place + 1 == levels.len(),
            level => level == "+" || !level.contains(['#', '+']),
        };
        levels.iter().enumerate().all(is_right)
    }

    #[test]
    fn every_short_filter() {
        const BYTES: &[u8; 4] = b"a/+#";
        for length in 1..7 {
            for number in 0..BYTES.len().pow(length) {
                let filter: std::string::String =
                    (0..length).map(|place| BYTES[number / BYTES.len().pow(place) % BYTES.len()] as char).collect();
                assert_eq!(TopicFilter::new(&filter).is_ok(), is_right(&filter), "{filter}");
                let is_name = !filter.contains(['#', '+']);
                assert_eq!(TopicName::new(&filter).is_ok(), is_name, "{filter}");
                assert_eq!(TopicName::from_utf8(filter.as_bytes()), TopicName::new(&filter).ok(), "{filter}");
                let (share, rest) = filter.split_once('/').unwrap_or((&filter, ""));
                let is_shared = !share.is_empty() && !share.contains(['#', '+']) && !rest.is_empty() && is_right(rest);
                let shared = std::format!("$share/{filter}");
                assert_eq!(TopicFilter::new(&shared).is_ok(), is_shared, "{shared}");
                let told = TopicFilter::trusted(&shared).share();
                assert_eq!(told, filter.split_once('/'), "{shared}");
            }
        }
    }

    #[test]
    fn names_in_bytes() {
        assert_eq!(TopicName::from_utf8("ä/日".as_bytes()), TopicName::new("ä/日").ok());
        let long = [b'a'; MAX_LENGTH + 1];
        assert!(TopicName::from_utf8(&long[1..]).is_some());
        for bytes in [&b""[..], b"a\0", b"a\xC0\x80", b"\xED\xA0\x80", b"a\xE6\x97", &long] {
            assert_eq!(TopicName::from_utf8(bytes), None, "{bytes:x?}");
        }
    }

    #[test]
    fn topics_in_the_source() {
        const FILTER: TopicFilter<'_> = TopicFilter::from_static("$share/g/a/+/#");
        const NAME: TopicName<'_> = TopicName::from_static("a/b");
        assert!(FILTER.matches(NAME));
    }

    #[test]
    #[should_panic(expected = "not a topic filter")]
    fn a_wrong_filter_in_the_source() {
        let _ = TopicFilter::from_static("a/#/b");
    }

    #[test]
    #[should_panic(expected = "not a topic name")]
    fn a_wrong_name_in_the_source() {
        let _ = TopicName::from_static("a/#");
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
