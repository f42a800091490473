//! The configuration file, addresses, certificates and encodings, where no server is needed: each mistake has a sentence, and no secret is shown.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/program.rs"]
mod program;

use std::process::Output;

use program::{call, closed_port, errors, printed, run};

/// A configuration file with this text, and what `mqtt LINE` says to it.
fn with_config(text: &str, line: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    std::fs::write(&file, text).expect("the file can be written");
    let mut command = call(line);
    command.env("MQTT_CONFIG", &file);
    run(command, "")
}

#[test]
fn a_configuration_gives_defaults_and_the_command_line_goes_before() {
    let port = closed_port();
    let text = format!("host = '127.0.0.1'\nport = {port}\npassword = 'lovelace'\n[pub]\ntopic = 'a'\n");
    let output = with_config(&text, &["pub", "-m", "x"]);
    assert!(errors(&output).contains(&format!("cannot connect to mqtt://127.0.0.1:{port}: ")), "{}", errors(&output));
    let other = closed_port();
    let output = with_config(&text, &["pub", "-m", "x", "-p", &other]);
    assert!(errors(&output).contains(&format!("127.0.0.1:{other}: ")), "{}", errors(&output));
    let help = printed(with_config(&text, &["pub", "--help"]));
    assert!(help.contains(&port) && !help.contains("lovelace"), "{help}");
}

#[test]
fn mistakes_in_a_configuration_have_a_sentence_and_show_no_secret() {
    for (text, sentence) in [
        ("password = lovelace", "is not valid TOML in line 1"),
        ("hots = 'lovelace'", "has \"hots\", which is neither a command nor an option"),
        ("retain = 'yes'", "retain must be true or false"),
        ("qos = 7", "the QoS is 0, 1 or 2"),
        ("[pub]\nfilter-out = 'a'", "filter-out"),
    ] {
        let output = with_config(text, &["pub", "-t", "a", "-m", "x"]);
        assert_eq!(output.status.code(), Some(2), "{text}: {}", errors(&output));
        assert!(errors(&output).contains(sentence), "{text}: {}", errors(&output));
        assert!(
            errors(&output).contains("config.toml") && !errors(&output).contains("lovelace"),
            "{}",
            errors(&output)
        );
    }
    let missing = run(call(&["pub", "-t", "a", "-m", "x", "--config", "/no/such/file"]), "");
    assert!(errors(&missing).contains("cannot read the configuration /no/such/file"), "{}", errors(&missing));
}

#[test]
fn wrong_addresses_and_certificates_have_a_sentence_and_show_no_password() {
    for (options, sentence) in [
        ("-L broker:1883", "write mqtt://HOST"),
        ("-L http://broker", "MQTT over WebSocket is ws"),
        ("-L mqtt://ada:love lace@broker", "percent-encode it"),
        ("-L mqtt://ada:lovelace@broker/path", "takes no path"),
        ("-h localhost --proxy ftp://ada:lovelace@proxy", "the address of the proxy: unknown scheme"),
        ("-h localhost --cafile /no/such/file", "/no/such/file"),
        ("-h localhost --cert /no/such/file --key /no/such/key", "/no/such/"),
        ("-h localhost --pin abc", "fingerprint"),
        ("-h localhost --password-file /no/such/file", "cannot read /no/such/file"),
    ] {
        let mut command = call(&["pub", "-t", "a", "-m", "x"]);
        let (name, value) = options.split_once(' ').expect("an option has a value");
        if name == "-L" {
            command.args([name, value])
        } else {
            command.args(options.split(' '))
        };
        let errors = errors(&run(command, ""));
        assert!(errors.contains(sentence), "{options}: {errors}");
        assert!(!errors.contains("love"), "{options}: {errors}");
    }
}

#[test]
fn what_is_not_as_it_was_said_is_told() {
    for (line, sentence) in [
        ("pub -t a -m 0x --encoding hex", "a payload is not valid hex"),
        ("pub -t a -l --durable box", "--durable needs --qos 1 or 2"),
        ("pub -t a -l -q 1 --refeed", "--durable <FOLDER>"),
        ("pub -t a -m x -n", "cannot be used with"),
    ] {
        let output = run(call(&line.split(' ').collect::<Vec<_>>()), "");
        assert_eq!(output.status.code(), Some(2), "{line}: {}", errors(&output));
        assert!(errors(&output).contains(sentence), "{line}: {}", errors(&output));
    }
}

#[test]
fn shells_get_a_script() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = printed(run(call(&["completions", shell]), ""));
        assert!(script.contains("retained-only"), "{shell}");
    }
}
