//! A packet, taken apart and not judged: what stands where, as far as it goes. The table of differences looks at it, so it shares nothing with either codec.

use pure_mqtt::Version;

/// The parts of the packet at the front of an input.
pub struct Anatomy<'a> {
    pub version: Version,
    /// The upper four bits of the first byte.
    pub kind: u8,
    /// The lower four.
    pub flags: u8,
    /// All bytes of the packet are there.
    pub is_whole: bool,
    /// The number of bytes behind the fixed header.
    pub remaining: usize,
    /// The variable byte integers, each with all its bytes: the remaining length, lengths of properties, subscription identifiers.
    pub integers: Vec<&'a [u8]>,
    /// The UTF-8 strings.
    pub texts: Vec<&'a [u8]>,
    /// Those of them that name a topic, without response topics.
    pub topics: Vec<&'a [u8]>,
    /// Those of them that are filters.
    pub filters: Vec<&'a [u8]>,
    pub password: Option<&'a [u8]>,
    pub id: Option<u16>,
    /// The reason codes or return codes.
    pub codes: Vec<u8>,
    /// The options of SUBSCRIBE.
    pub options: Vec<u8>,
    /// The flags of CONNECT or CONNACK.
    pub inner_flags: Option<u8>,
    /// The level of CONNECT.
    pub level: Option<u8>,
    pub blocks: Vec<Block<'a>>,
    /// What is behind the last field.
    pub rest: &'a [u8],
    /// The packet ends inside a field.
    pub is_cut: bool,
}

/// A block of properties.
pub struct Block<'a> {
    /// How long it says it is.
    pub declared: usize,
    pub properties: Vec<Property<'a>>,
    /// It ends inside a property.
    pub is_cut: bool,
}

/// A property, or what stands where one should.
pub struct Property<'a> {
    pub id: u8,
    /// How many bytes of the block stand before it.
    pub at: usize,
    /// Its value, if all of it is there.
    pub number: Option<u32>,
    pub text: Option<&'a [u8]>,
}

struct Cursor<'a> {
    rest: &'a [u8],
    is_cut: bool,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at_checked(count).unwrap_or_else(|| {
            self.is_cut = true;
            (&[], &[])
        });
        self.rest = rest;
        taken
    }

    fn number(&mut self, width: usize) -> u32 {
        self.take(width).iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).first().copied()
    }

    fn field(&mut self) -> &'a [u8] {
        let length = self.number(2);
        self.take(length as usize)
    }

    /// The bytes of a variable byte integer of any length.
    fn integer(&mut self) -> &'a [u8] {
        let last = self.rest.iter().take(4).position(|byte| byte & 0x80 == 0);
        self.take(last.map_or(usize::MAX, |last| last + 1))
    }

    fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

/// The value of a variable byte integer.
pub fn value(integer: &[u8]) -> usize {
    integer.iter().rev().fold(0, |number, byte| number << 7 | usize::from(byte & 0x7F))
}

impl<'a> Anatomy<'a> {
    /// `None` if there is no fixed header yet.
    pub fn of(input: &'a [u8], version: Version) -> Option<Self> {
        let (first, rest) = input.split_first()?;
        let mut header = Cursor { rest, is_cut: false };
        let integer = header.integer();
        let remaining = value(integer);
        let body = header.rest.get(..remaining);
        let mut packet = Self {
            version,
            kind: first >> 4,
            flags: first & 0x0F,
            is_whole: body.is_some() && !header.is_cut,
            remaining,
            integers: vec![integer],
            texts: Vec::new(),
            topics: Vec::new(),
            filters: Vec::new(),
            password: None,
            id: None,
            codes: Vec::new(),
            options: Vec::new(),
            inner_flags: None,
            level: None,
            blocks: Vec::new(),
            rest: &[],
            is_cut: false,
        };
        if packet.is_whole {
            packet.take_apart(body.unwrap_or_default());
        }
        Some(packet)
    }

    fn take_apart(&mut self, body: &'a [u8]) {
        let mut body = Cursor { rest: body, is_cut: false };
        match self.kind {
            1 => self.connect(&mut body),
            2 => {
                self.inner_flags = body.u8();
                self.codes.extend(body.u8());
                self.block(&mut body);
            }
            3 => self.publish(&mut body),
            4..=7 => {
                self.id(&mut body);
                self.tail(&mut body);
            }
            8..=11 => {
                self.id(&mut body);
                self.block(&mut body);
                self.entries(&mut body);
            }
            14 | 15 => self.tail(&mut body),
            _ => {}
        }
        self.rest = body.rest;
        self.is_cut = body.is_cut;
    }

    fn connect(&mut self, body: &mut Cursor<'a>) {
        self.text(body);
        self.level = body.u8();
        self.inner_flags = body.u8();
        body.take(2);
        let flags = self.inner_flags.unwrap_or_default();
        self.block(body);
        self.text(body);
        if flags & 0x04 != 0 {
            self.block(body);
            let topic = self.text(body);
            self.topics.push(topic);
            body.field();
        }
        if flags & 0x80 != 0 {
            self.text(body);
        }
        if flags & 0x40 != 0 {
            self.password = Some(body.field());
        }
    }

    fn publish(&mut self, body: &mut Cursor<'a>) {
        let topic = self.text(body);
        self.topics.push(topic);
        if self.flags & 0b0110 != 0 {
            self.id(body);
        }
        self.block(body);
        body.rest = &[];
    }

    fn entries(&mut self, body: &mut Cursor<'a>) {
        while !body.is_empty() {
            match self.kind {
                9 => self.codes.extend(body.u8()),
                11 if self.version == Version::V5 => self.codes.extend(body.u8()),
                11 => break,
                _ => {
                    let filter = self.text(body);
                    self.filters.push(filter);
                    if self.kind == 8 {
                        self.options.extend(body.u8());
                    }
                }
            }
        }
    }

    /// A reason code and properties that may be left out.
    fn tail(&mut self, body: &mut Cursor<'a>) {
        if self.version != Version::V5 || body.is_empty() {
            return;
        }
        self.codes.extend(body.u8());
        if !body.is_empty() {
            self.block(body);
        }
    }

    fn id(&mut self, body: &mut Cursor<'a>) {
        let id = body.number(2);
        self.id = (!body.is_cut).then_some(id as u16);
    }

    fn text(&mut self, body: &mut Cursor<'a>) -> &'a [u8] {
        let text = body.field();
        self.texts.push(text);
        text
    }

    fn block(&mut self, body: &mut Cursor<'a>) {
        if self.version != Version::V5 {
            return;
        }
        let integer = body.integer();
        self.integers.push(integer);
        let declared = value(integer);
        let whole = body.rest.len();
        let mut inside = Cursor { rest: body.take(declared), is_cut: body.is_cut };
        let whole = whole - body.rest.len();
        let mut properties = Vec::new();
        while let Some(id) = inside.rest.first() {
            let at = whole - inside.rest.len();
            let (number, text) = Some(self.property(&mut inside)).filter(|_| !inside.is_cut).unwrap_or_default();
            properties.push(Property { id: *id, at, number, text });
        }
        self.blocks.push(Block { declared, properties, is_cut: inside.is_cut });
    }

    /// The value of the next property, a number or a text. Behind one that the standard doesn't know, nothing can be made out.
    fn property(&mut self, inside: &mut Cursor<'a>) -> (Option<u32>, Option<&'a [u8]>) {
        match inside.u8() {
            Some(0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28..=0x2A) => return (Some(inside.number(1)), None),
            Some(0x13 | 0x21..=0x23) => return (Some(inside.number(2)), None),
            Some(0x02 | 0x11 | 0x18 | 0x27) => return (Some(inside.number(4)), None),
            Some(0x0B) => {
                let integer = inside.integer();
                self.integers.push(integer);
                return (Some(value(integer) as u32), None);
            }
            Some(0x03 | 0x08 | 0x12 | 0x15 | 0x1A | 0x1C | 0x1F) => return (None, Some(self.text(inside))),
            Some(0x09 | 0x16) => drop(inside.field()),
            Some(0x26) => {
                self.text(inside);
                self.text(inside);
            }
            _ => inside.rest = &[],
        }
        (None, None)
    }

    /// A CONNECT that names another version than the one that the link has.
    pub fn is_of_another_version(&self) -> bool {
        self.kind == 1 && self.level.is_some_and(|level| level & 0x7F != self.version.level())
    }

    /// Those of all blocks.
    pub fn properties(&self) -> impl Iterator<Item = &Property<'a>> {
        self.blocks.iter().flat_map(|block| &block.properties)
    }

    /// It has a property with this identifier.
    pub fn has(&self, id: u8) -> bool {
        self.properties().any(|property| property.id == id)
    }
}
