//! A browser without a window, told what to do over the WebDriver protocol.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use base64::Engine;
use serde_json::{Value, json};

use super::{Killed, PATIENCE, start};

pub struct Browser {
    port: u16,
    session: String,
    _driver: Killed,
}

impl Browser {
    pub fn start() -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut driver = start(&mut command, "chromium-driver");
        let output = driver.0.stdout.take().expect("it is a pipe");
        let port = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                line.rsplit_once("successfully on port ")?
                    .1
                    .trim_end_matches('.')
                    .parse()
                    .ok()
            })
            .expect("the driver names its port");
        let mut browser = Self { port, session: String::new(), _driver: driver };
        let answer = browser.request("POST", "", &capabilities());
        browser.session = answer["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("no browser: {answer}"))
            .to_owned();
        browser
    }

    pub fn visit(&mut self, address: &str) {
        self.request("POST", "/url", &json!({ "url": address }));
    }

    /// Waits until the page has this title, and returns its `report`.
    pub fn wait_for_report(&mut self, title: &str) -> Value {
        let script = "const [title, done] = arguments;
            const look = () => document.title === title ? done(window.report) : setTimeout(look, 20);
            look();";
        let report = self.request(
            "POST",
            "/execute/async",
            &json!({ "script": script, "args": [title] }),
        );
        assert!(
            report["state"].is_string(),
            "the page got no further: {report}\n{}\n{:?}",
            self.now(),
            self.complaints()
        );
        report
    }

    /// How far the page is.
    fn now(&mut self) -> Value {
        self.request(
            "POST",
            "/execute/sync",
            &json!({ "script": "return window.report", "args": [] }),
        )
    }

    /// Errors that the browser has noted.
    pub fn complaints(&mut self) -> Vec<String> {
        let entries = self.request("POST", "/se/log", &json!({ "type": "browser" }));
        let entries =
            entries.as_array().cloned().unwrap_or_else(|| panic!("no log: {entries}"));
        entries
            .iter()
            .filter(|entry| entry["level"] == "SEVERE")
            .map(Value::to_string)
            .collect()
    }

    /// What the window would show, as PNG.
    pub fn screenshot(&mut self) -> Vec<u8> {
        let answer = self.request("GET", "/screenshot", &Value::Null);
        base64::engine::general_purpose::STANDARD
            .decode(answer.as_str().expect("text"))
            .expect("base64")
    }

    /// One request about the session; the value of the answer.
    fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let session = if self.session.is_empty() {
            String::new()
        } else {
            format!("/{}", self.session)
        };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream =
            TcpStream::connect(("127.0.0.1", self.port)).expect("the driver listens");
        stream.set_read_timeout(Some(2 * PATIENCE)).expect("a duration");
        write!(
            stream,
            "{method} /session{session}{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .expect("the driver takes a request");
        let mut answer: Value = serde_json::from_slice(&read_body(stream))
            .expect("the driver answers in JSON");
        answer["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            self.request("DELETE", "", &Value::Null); // the browser ends with its session
        }
    }
}

fn capabilities() -> Value {
    // Without a sandbox, since that can't be had by an administrator or in a container;
    // it shows nothing but the page.
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=900,860",
    ];
    json!({ "capabilities": { "alwaysMatch": {
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
        "timeouts": { "script": PATIENCE.as_millis() as u64 },
    }}})
}

fn read_body(stream: TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("the driver answers");
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().expect("a number");
            }
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the whole answer");
    body
}
