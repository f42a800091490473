//! The head of an HTTP answer, collected up to a bound.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::failure::{HttpProblem, HttpStatus};

/// A head is not longer than this.
const LONGEST: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
const BEGINNING: &[u8] = b"HTTP/1.";

/// Collects the bytes of a head.
#[derive(Default)]
pub(super) struct HeadReader {
    collected: BytesMut,
    /// No head ends before here.
    searched: usize,
}

pub(super) struct Head {
    pub(super) code: u16,
    pub(super) headers: HeaderMap,
}

impl HeadReader {
    /// Takes bytes from the front of `input` up to the end of the head; `None` while that has not come. Interim answers are
    /// skipped, but for 101.
    pub(super) fn received(&mut self, input: &mut Bytes) -> Result<Option<Head>, HttpProblem> {
        loop {
            let before = self.collected.len();
            let room = LONGEST - before;
            self.collected.extend_from_slice(input.get(..room).unwrap_or(input));
            if !self.collected.iter().zip(BEGINNING).all(|(is, should)| is == should) {
                return Err(HttpProblem::NotHttp);
            }
            let Some(end) = self.end() else {
                let is_too_long = input.len() >= room;
                input.clear();
                return if is_too_long { Err(HttpProblem::TooLong) } else { Ok(None) };
            };
            input.advance(end - before);
            let head = parse(&self.collected)?;
            *self = Self::default();
            if !(100..200).contains(&head.code) || head.code == 101 {
                return Ok(Some(head));
            }
        }
    }

    /// Where the empty line ends, behind which the body begins. What is behind it is not kept.
    fn end(&mut self) -> Option<usize> {
        let unsearched = self.collected.get(self.searched..)?;
        let found = unsearched.iter().enumerate().filter(|(_, byte)| **byte == b'\n').find_map(|(index, _)| {
            match unsearched.get(index + 1..)? {
                [b'\n', ..] => Some(index + 2),
                [b'\r', b'\n', ..] => Some(index + 3),
                _ => None,
            }
        });
        match found {
            Some(index) => {
                let end = self.searched + index;
                self.collected.truncate(end);
                Some(end)
            }
            None => {
                self.searched = self.collected.len().saturating_sub(2);
                None
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Head, HttpProblem> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(HttpProblem::TooLong),
        _ => return Err(HttpProblem::NotHttp),
    }
    let code = response.code.ok_or(HttpProblem::NotHttp)?;
    let mut headers = HeaderMap::new();
    for field in response.headers.iter() {
        let name = HeaderName::try_from(field.name).map_err(|_| HttpProblem::NotHttp)?;
        headers.append(name, HeaderValue::from_bytes(field.value).map_err(|_| HttpProblem::NotHttp)?);
    }
    Ok(Head { code, headers })
}

impl Head {
    /// What an answer says that refuses.
    pub(super) fn status(&self) -> HttpStatus {
        let text = |name: HeaderName| self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let seconds = text(http::header::RETRY_AFTER).and_then(|text| text.parse().ok());
        // A location may be signed or hold a token; it is shown to people.
        let location = text(http::header::LOCATION)
            .map(|text| text.chars().take_while(|c| !"?#".contains(*c)).take(200).collect());
        HttpStatus { code: self.code, location, retry_after: seconds.map(std::time::Duration::from_secs) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n\
        HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nLocation: wss://h/x?token=hunter2\r\n\r\nrest";

    fn feed(reader: &mut HeadReader, bytes: &[u8]) -> (Result<Option<Head>, HttpProblem>, usize) {
        let mut input = Bytes::copy_from_slice(bytes);
        let result = reader.received(&mut input);
        (result, input.len())
    }

    #[test]
    fn a_head_may_be_cut_anywhere() {
        for cut in 0..=ANSWER.len() {
            let (first, rest) = ANSWER.split_at(cut);
            let mut reader = HeadReader::default();
            let (mut result, mut left) = feed(&mut reader, first);
            if matches!(result, Ok(None)) {
                assert_eq!(left, 0);
                (result, left) = feed(&mut reader, rest);
            } else {
                left += rest.len();
            }
            let status = result.unwrap().unwrap().status();
            assert_eq!((status.code, left), (503, 4), "{cut}");
            assert_eq!(status.retry_after, Some(std::time::Duration::from_secs(7)));
            assert_eq!(status.location.as_deref(), Some("wss://h/x"));
        }
    }

    #[test]
    fn bare_line_feeds_will_do() {
        let mut reader = HeadReader::default();
        let (result, left) = feed(&mut reader, b"HTTP/1.0 200 OK\nA: b\n\nxy");
        assert_eq!((result.unwrap().unwrap().code, left), (200, 2));
    }

    #[test]
    fn what_has_no_end_ends_at_the_bound() {
        for piece in [1, 7, 4096, 100_000] {
            let mut reader = HeadReader::default();
            let mut taken = feed(&mut reader, b"HTTP/1.1 200 OK\r\n").0.map(|_| ());
            let mut count = 17;
            while taken.is_ok() {
                taken = feed(&mut reader, &b"a".repeat(piece)).0.map(|_| ());
                count += piece;
            }
            assert_eq!(taken, Err(HttpProblem::TooLong));
            assert!(count <= LONGEST + piece, "{count}");
        }
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(65));
        assert_eq!(feed(&mut HeadReader::default(), many.as_bytes()).0.err(), Some(HttpProblem::TooLong));
        // A hundred interim answers are as long as one.
        let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1000);
        assert!(matches!(feed(&mut HeadReader::default(), interim.as_bytes()).0, Ok(None)));
    }

    #[test]
    fn garbage_is_refused_at_its_first_byte() {
        for garbage in [
            &b"\x16\x03\x01"[..],
            b"SSH-2.0",
            b"HTTP/2 200",
            b"\0",
            b"HTTP/1.1 xx\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        ] {
            assert_eq!(feed(&mut HeadReader::default(), garbage).0.err(), Some(HttpProblem::NotHttp), "{garbage:?}");
        }
    }
}
