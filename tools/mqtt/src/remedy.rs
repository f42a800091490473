//! Remedies in terms of this program's options: errors of the client name the methods of its API.

use std::fmt::Display;

/// What an error names, and what to write on the command line.
const OPTIONS: [(&str, &str); 7] = [
    ("`ca_file`", "--cafile"),
    ("`client_certificate`", "--cert and --key"),
    ("`server_name`", "--server-name"),
    ("`alpn`", "--alpn"),
    ("`pin_sha256`", "--pin"),
    ("`Proxy::login`", "--proxy http://USER:PASSWORD@HOST:PORT"),
    ("call `websocket` first", "add --websocket"),
];

/// Returns the error's text with options instead of methods.
pub fn in_options(error: &impl Display) -> String {
    OPTIONS.iter().fold(error.to_string(), |text, (method, option)| text.replace(method, option))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_become_options() {
        assert_eq!(in_options(&"name it with `ca_file`, or `pin_sha256`"), "name it with --cafile, or --pin");
        assert_eq!(in_options(&"see `man mqtt`"), "see `man mqtt`");
    }
}
