//! The fields of CONNECT that are kept from link to link.

use pure_mqtt::wire::{Packet, Violation};
use pure_mqtt::{Connect, OpenError, Property, PropertyError, Version, Will};

use crate::kept::Kept;

/// A CONNECT that owns its fields. Values that can't be encoded are reported when a link is opened.
#[derive(Clone)]
pub(crate) struct OwnedConnect {
    kept: Option<Kept>,
    fault: Option<OpenError>,
}

impl OwnedConnect {
    pub(crate) fn new(client_id: &str) -> Self {
        Self { kept: None, fault: None }.keep(&Connect::new(Version::V5, client_id))
    }

    /// Returns a copy with the changes made by `change`.
    pub(crate) fn with(&self, change: impl for<'a> FnOnce(Connect<'a>) -> Connect<'a>) -> Self {
        self.keep(&change(self.said()))
    }

    pub(crate) fn user_name(&self, user_name: &str) -> Self {
        self.keep(&self.said().user_name(user_name))
    }

    pub(crate) fn password(&self, password: &[u8]) -> Self {
        self.keep(&self.said().password(password))
    }

    pub(crate) fn will(&self, will: &Will<'_>) -> Self {
        self.keep(&self.said().will(*will))
    }

    pub(crate) fn properties(&self, properties: &[Property<'_>]) -> Self {
        self.keep(&self.said().properties(properties))
    }

    /// Returns the CONNECT, for the engine.
    pub(crate) fn connect(&self) -> Result<Connect<'_>, OpenError> {
        self.fault.map_or(Ok(self.said()), Err)
    }

    /// Returns the current fields.
    pub(crate) fn said(&self) -> Connect<'_> {
        match self.kept.as_ref().and_then(Kept::packet) {
            Some(Packet::Connect(connect)) => connect,
            _ => Connect::new(Version::V5, ""),
        }
    }

    fn keep(&self, connect: &Connect<'_>) -> Self {
        match keep(connect) {
            Ok(kept) => Self { kept: Some(kept), fault: self.fault },
            Err(fault) => Self { kept: self.kept.clone(), fault: self.fault.or(Some(fault)) },
        }
    }
}

fn keep(connect: &Connect<'_>) -> Result<Kept, OpenError> {
    let kept = Kept::new(&Packet::Connect(*connect)).map_err(|_| OpenError::Field)?;
    match kept.packet() {
        Some(_) => Ok(kept),
        None => Err(fault_in(connect)),
    }
}

/// Returns the error of a CONNECT that can be written but not read: a property, or U+0000.
fn fault_in(connect: &Connect<'_>) -> OpenError {
    let blank = Connect::new(Version::V5, "");
    let is_fine = |connect: Connect<'_>| Kept::new(&Packet::Connect(connect)).is_ok_and(|kept| kept.packet().is_some());
    let own = connect.properties.iter().find(|property| !is_fine(blank.properties(&[*property])));
    let of_will = connect.will.and_then(|will| {
        will.properties
            .iter()
            .find(|property| !is_fine(blank.will(Will::new(will.topic, b"").properties(&[*property]))))
    });
    match own.or(of_will) {
        Some(property) => OpenError::Property(PropertyError { id: property.id(), violation: Violation::PropertyValue }),
        None => OpenError::Field,
    }
}

#[cfg(test)]
mod tests {
    use pure_mqtt::TopicName;

    use super::*;

    #[test]
    fn all_that_was_said_is_kept() {
        let properties = [Property::SessionExpiryInterval(60)];
        let will = Will::new(TopicName::new("gone").unwrap(), b"yes").retain(true);
        let introduction = OwnedConnect::new("me").user_name("ada").password(b"x").will(&will).properties(&properties);
        let connect = introduction.with(|connect| connect.keep_alive(7)).connect().map(|connect| connect.keep_alive);
        assert_eq!(connect, Ok(7));
        let connect = introduction.connect().unwrap();
        assert_eq!((connect.client_id, connect.user_name, connect.password), ("me", Some("ada"), Some(&b"x"[..])));
        assert_eq!(connect.will, Some(will));
        assert_eq!(connect.properties.session_expiry_interval(), Some(60));
    }

    #[test]
    fn the_first_fault_is_told_and_the_rest_is_kept() {
        let introduction = OwnedConnect::new("me").properties(&[Property::ServerKeepAlive(9)]).user_name("ada\0");
        let Err(OpenError::Property(error)) = introduction.connect() else { panic!("a property is wrong") };
        assert_eq!(error.id, 0x13);
        assert_eq!(introduction.said().client_id, "me");
        assert_eq!(OwnedConnect::new(&"x".repeat(70_000)).connect(), Err(OpenError::Field));
    }
}
