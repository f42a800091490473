//! The arguments for how messages are printed.

use clap::Args;

use crate::format::{self, Format};

#[derive(Args, Clone, Debug)]
pub struct OutputArgs {
    /// How messages are printed: text, raw, hex, base64, json, pretty, or fields such as '%t %p'
    #[arg(short = 'F', long, value_name = "FORMAT", default_value = "text", value_parser = format::of_messages)]
    format: Format,
    /// Print topic and payload: --format '%t %p'
    #[arg(short, long, conflicts_with_all = ["format", "raw", "pretty"])]
    verbose: bool,
    /// Print only payloads, byte for byte: --format raw
    #[arg(long, conflicts_with_all = ["format", "pretty"])]
    raw: bool,
    /// Print messages as indented JSON, in which a JSON payload is not quoted: --format pretty
    #[arg(long, conflicts_with = "format")]
    pretty: bool,
    /// Add no line end after a message
    #[arg(short = 'N', long)]
    no_newline: bool,
}

impl OutputArgs {
    pub fn format(&self) -> Format {
        match self {
            Self { verbose: true, .. } => Format::verbose(),
            Self { raw: true, .. } => Format::Raw,
            Self { pretty: true, .. } => Format::Pretty,
            _ => self.format.clone(),
        }
    }

    pub fn ends_lines(&self) -> bool {
        !self.no_newline
    }

    pub fn is_json(&self) -> bool {
        matches!(self.format(), Format::Json)
    }
}
