//! Progress on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const REDRAW: Duration = Duration::from_millis(200);

/// Creates a bar if the length is known, otherwise a counter. Draws nothing if it is not wanted or there is no terminal.
pub fn bar(is_wanted: bool, length: Option<u64>, what: &'static str) -> ProgressBar {
    if !is_wanted {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{msg} {wide_bar} {human_pos}/{human_len}, {per_sec}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} {msg}, {per_sec}"),
    };
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what);
    bar
}

/// Creates a bar whose clock is updated while nothing happens.
pub fn ticking(is_wanted: bool, length: Option<u64>, what: &'static str) -> ProgressBar {
    let bar = bar(is_wanted, length, what);
    if !bar.is_hidden() {
        bar.enable_steady_tick(REDRAW);
    }
    bar
}
