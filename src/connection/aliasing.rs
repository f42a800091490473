//! Topic aliases in use: replaces the topic of a staged message by an alias, and resolves the aliases of the server.

use crate::connection::core::{Aliasing, Core};
use crate::event::{Topic, TopicAlias};
use crate::session::{AliasState, Aliases, Outbound};
use crate::storage::{NameStore, Parts, Side};
use crate::types::Version;
use crate::wire::{Layout, Violation, ids, varint_len};

pub(super) static ALIASING: Aliasing = Aliasing {
    shorten: Core::alias_topic,
    take_back: Core::take_alias_back,
    resolve: Core::resolve_alias,
    bind: Core::bind_alias_of_server,
};

impl Core {
    fn resolve_alias(&mut self, parts: &mut Parts<'_>, topic: &mut Topic<'_>, alias: u16) -> Result<(), Violation> {
        let names = parts.names.as_deref().ok_or(Violation::UnknownTopicAlias)?;
        *topic = self.look_up_alias(names, alias)?.map_or(Topic::Invalid(&[]), Topic::Alias);
        Ok(())
    }

    /// Binds an alias to the topic of the same message `[MQTT-3.3.2-10]`, even if the topic is invalid: the next
    /// message may have only the alias.
    fn bind_alias_of_server(&mut self, parts: &mut Parts<'_>, topic: &Topic<'_>, alias: u16) {
        let name = match topic {
            Topic::Name(name) => name.text().as_bytes(),
            Topic::Invalid(_) => &[],
            Topic::Alias(_) => return,
        };
        if let Some(names) = parts.names.as_deref_mut() {
            self.aliases.bind(names, Side::Server, alias, name);
        }
    }

    /// Returns the binding of the server's alias; `None` if it is bound to an invalid topic. If its topic was too long
    /// for the storage, the link must end, and the next links announce no aliases: otherwise they would all end in this
    /// way.
    fn look_up_alias(&mut self, names: &dyn NameStore, alias: u16) -> Result<Option<TopicAlias>, Violation> {
        match Aliases::lookup(names, alias) {
            (serial, AliasState::Name) => Ok(Some(TopicAlias { alias, serial })),
            (_, AliasState::Invalid) => Ok(None),
            (_, AliasState::TooLong) => {
                self.aliases.has_forgotten = true;
                Err(Violation::ForgottenTopicAlias)
            }
            (_, AliasState::Unbound) => Err(Violation::UnknownTopicAlias),
        }
    }

    /// Replaces the start of the staged PUBLISH, up to its properties, by one with a topic alias. The arena keeps the
    /// topic for the next link.
    fn alias_topic(&mut self, parts: &mut Parts<'_>) {
        let Some(frame) = self.outgoing.staged_publish(parts.slots, parts.arena) else { return };
        let head = Layout::of(frame, Version::V5);
        let total = self.outgoing.run_left();
        if head.block >= total {
            return; // the whole packet would be in the control area; without a payload it is short anyway
        }
        let topic = frame.get(head.start + 2..head.id).unwrap_or_default();
        let Some(names) = parts.names.as_deref_mut() else { return };
        let outbound = self.aliases.outbound(names, topic, self.link.peer.topic_aliases);
        let (alias, shown) = match outbound {
            Outbound::Known(alias) => (alias, &[][..]),
            Outbound::New(alias) => (alias, topic),
            Outbound::None => return,
        };
        let id = frame.get(head.id..head.properties).unwrap_or_default();
        let properties = head.rest - head.block + ALIAS_LENGTH;
        let remaining = 2 + shown.len() + id.len() + varint_len(properties) + ALIAS_LENGTH + total - head.block;
        let fits = self.link.peer.takes_length(remaining + 5);
        let mut writer = self.link.control.writer(parts.control);
        writer.u8(head.first_byte);
        writer.varint(remaining as u32);
        writer.binary(shown);
        writer.bytes(id);
        writer.varint(properties as u32);
        writer.u8(ids::TopicAlias);
        writer.u16(alias);
        let written = writer.finish();
        let before = self.link.control.len();
        if let Some(length) = written.ok().filter(|_| fits) {
            self.link.control.append(length, false);
            self.link.control.note_prefix(self.link.control.len() - before);
            self.outgoing.skip(head.block);
        } else {
            self.take_alias_back(parts);
        }
    }

    /// Undoes the binding of the last alias, which was not sent.
    fn take_alias_back(&mut self, parts: &mut Parts<'_>) {
        if let Some(names) = parts.names.as_deref_mut() {
            self.aliases.take_back(names);
        }
    }
}

/// A Topic Alias with its identifier.
const ALIAS_LENGTH: usize = 3;
