//! `--format`: how messages are printed.

use crate::fields::{self, FIELDS, Field, Shown};

#[derive(Clone)]
pub enum Format {
    /// One object a line.
    Json,
    /// These pieces in one line.
    Template(Vec<Piece>),
}

#[derive(Clone)]
pub enum Piece {
    Text(String),
    Field(&'static Field),
}

impl Format {
    /// Topic and payload.
    pub fn verbose() -> Self {
        of_messages("%t %p").unwrap_or_else(|_| unreachable!("both are fields"))
    }

    pub fn is_json(&self) -> bool {
        matches!(self, Self::Json)
    }

    /// The message with the end of its line.
    pub fn line(&self, shown: &Shown<'_>) -> Vec<u8> {
        let Self::Template(pieces) = self else { return fields::json(shown).into_bytes() };
        let mut line = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => line.extend(text.as_bytes()),
                Piece::Field(field) => field.print(shown, &mut line),
            }
        }
        line.push(b'\n');
        line
    }
}

/// `text`, `json` or a template.
pub fn of_messages(text: &str) -> Result<Format, String> {
    match text {
        "json" => Ok(Format::Json),
        "text" => template("%p"),
        _ => template(text),
    }
}

/// Only `text` or `json`.
pub fn of_results(text: &str) -> Result<Format, &'static str> {
    match text {
        "json" => Ok(Format::Json),
        "text" => Ok(Format::Template(Vec::new())),
        _ => Err("text or json is meant"),
    }
}

fn template(text: &str) -> Result<Format, String> {
    let mut pieces = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let piece = match letter {
            '%' => after_percent(letters.next())?,
            '\\' => Piece::Text(after_backslash(letters.next())?.to_owned()),
            letter => Piece::Text(letter.to_string()),
        };
        pieces.push(piece);
    }
    if pieces.iter().any(|piece| matches!(piece, Piece::Field(_))) {
        Ok(Format::Template(pieces))
    } else {
        Err("text, json or fields such as '%t %p' are meant".to_owned())
    }
}

fn after_percent(letter: Option<char>) -> Result<Piece, String> {
    let letter = letter.ok_or("a letter is missing after the last %; a percent sign is written %%")?;
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
        _ => Err("after a backslash comes n, t, 0 or another backslash".to_owned()),
    }
}
