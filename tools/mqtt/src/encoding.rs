//! Encodings of payloads for arguments and output.

use clap::ValueEnum;
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};

use crate::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    Text,
    Hex,
    Base64,
}

impl Encoding {
    /// Decodes a payload. White space at its ends is ignored, except in text.
    pub fn decode(self, given: Vec<u8>) -> Result<Vec<u8>, Failure> {
        let codec = match self {
            Self::Text => return Ok(given),
            Self::Hex => HEXLOWER_PERMISSIVE,
            Self::Base64 => BASE64,
        };
        codec.decode(given.trim_ascii()).map_err(|error| Failure::Encoding { encoding: self.name(), error })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Hex => "hex",
            Self::Base64 => "base64",
        }
    }
}

pub fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

pub fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}
