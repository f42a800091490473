//! The number of a link.

use std::fmt;

/// The number of a link, counted from 1; never used twice.
///
/// ```
/// use pure_mqtt_test_broker::LinkId;
///
/// fn is_first(link: LinkId) -> bool {
///     link.number() == 1
/// }
///
/// fn main() {
///     let _ = is_first;
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkId(u32);

impl LinkId {
    pub(super) fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number, as [`When::on_link`](super::When::on_link) takes it.
    ///
    /// ```
    /// use pure_mqtt_test_broker::Broker;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     let broker = Broker::start()?;
    ///     assert_eq!(broker.see(|seen| seen.link("meter").map(|link| link.number())), None);
    ///     Ok(())
    /// }
    /// ```
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}
