//! `--format`: how messages are printed.

use std::str::Chars;

use crate::encoding::{base64, hex};
use crate::fields::{self, FIELDS, Field, Shown};

#[derive(Clone, Debug)]
pub enum Format {
    /// The payload, one per line; a payload that is not text is printed byte for byte, without a line end.
    Text,
    /// Only the payload, byte for byte.
    Raw,
    Hex,
    Base64,
    /// One JSON object per line.
    Json,
    /// A JSON object over several lines.
    Pretty,
    /// These parts in one line.
    Template(Vec<Piece>),
}

#[derive(Clone, Debug)]
pub enum Piece {
    Text(String),
    Field(&'static Field),
}

impl Format {
    /// Returns the format of topic and payload.
    pub fn verbose() -> Self {
        template("%t %p").unwrap_or_else(|_| unreachable!("both are fields"))
    }

    /// Returns what is printed for a message, with a line end if `ends_lines`.
    pub fn print(&self, shown: &Shown<'_>, ends_lines: bool) -> Vec<u8> {
        let payload = &shown.message.payload;
        let mut printed = match self {
            Self::Text | Self::Raw => payload.to_vec(),
            Self::Hex => hex(payload).into_bytes(),
            Self::Base64 => base64(payload).into_bytes(),
            Self::Json => return fields::json(shown).into_bytes(),
            Self::Pretty => return fields::pretty(shown).into_bytes(),
            Self::Template(pieces) => fill(pieces, shown),
        };
        let is_line = match self {
            Self::Raw => false,
            Self::Text => std::str::from_utf8(payload).is_ok(),
            _ => true,
        };
        if is_line && ends_lines {
            printed.push(b'\n');
        }
        printed
    }
}

fn fill(pieces: &[Piece], shown: &Shown<'_>) -> Vec<u8> {
    let mut line = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => line.extend(text.as_bytes()),
            Piece::Field(field) => field.print(shown, &mut line),
        }
    }
    line
}

/// Parses the name of a format, or a template.
pub fn of_messages(text: &str) -> Result<Format, String> {
    Ok(match text {
        "text" => Format::Text,
        "raw" => Format::Raw,
        "hex" => Format::Hex,
        "base64" => Format::Base64,
        "json" => Format::Json,
        "pretty" => Format::Pretty,
        _ => template(text)?,
    })
}

fn template(text: &str) -> Result<Format, String> {
    if !text.contains(['%', '@', '\\']) {
        return Err("expected text, raw, hex, base64, json, pretty, or fields such as '%t %p'".to_owned());
    }
    let mut pieces = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let piece = match letter {
            '%' => after_percent(letters.next())?,
            '@' => Piece::Text(after_at(&mut letters)?.to_owned()),
            '\\' => Piece::Text(after_backslash(letters.next())?.to_owned()),
            letter => Piece::Text(letter.to_string()),
        };
        pieces.push(piece);
    }
    Ok(Format::Template(pieces))
}

/// Parses what follows an @. The letters that mosquitto's clients have after it are refused.
fn after_at(letters: &mut Chars<'_>) -> Result<&'static str, String> {
    match letters.clone().next() {
        Some('@') => letters.next(),
        Some(letter) if letter.is_ascii_alphabetic() => {
            return Err(format!("@{letter} is a field of mosquitto; use %I for the time, or @@ for an @"));
        }
        _ => None,
    };
    Ok("@")
}

fn after_percent(letter: Option<char>) -> Result<Piece, String> {
    let letter = letter.ok_or("a letter is missing after the last %; write %% for a percent sign")?;
    if letter == '%' {
        return Ok(Piece::Text("%".to_owned()));
    }
    let field = FIELDS.iter().find(|field| field.letter == letter).map(Piece::Field);
    let letters = || FIELDS.iter().map(|field| format!(" %{}", field.letter)).collect::<String>();
    field.ok_or_else(|| format!("there is no field %{letter}; the fields are{}", letters()))
}

fn after_backslash(letter: Option<char>) -> Result<&'static str, String> {
    match letter {
        Some('n') => Ok("\n"),
        Some('t') => Ok("\t"),
        Some('0') => Ok("\0"),
        Some('\\') => Ok("\\"),
        _ => Err("after a backslash, expected n, t, 0 or another backslash".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_without_a_field_is_one_if_it_has_an_escape() {
        let text = |template: &str| match of_messages(template) {
            Ok(Format::Template(pieces)) => pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.clone(),
                    Piece::Field(field) => field.name.to_owned(),
                })
                .collect(),
            Ok(other) => format!("{other:?}"),
            Err(error) => error,
        };
        assert_eq!(text("a%%b @@"), "a%b @");
        assert_eq!(text("%t@5 @"), "topic@5 @");
        assert_eq!(text("plain\\n"), "plain\n");
        assert!(text("jsno").starts_with("expected text, raw"));
        assert!(text("@Y-@m-@d %p").starts_with("@Y is a field of mosquitto"));
    }
}
