//! Finds a `Content-Length` in a request's header, in the bytes of its connection, however they are cut into reads.
//!
//! It reads until the empty line, and not on until the request is answered: where a body ends is for hyper to know. So
//! a second request that is sent along with a first one is not looked at, and keeps what hyper does to it: the length
//! is dropped and the connection closed, which lets nothing be smuggled in either. Used by `wire`.

use memchr::memchr;

const NAME: &[u8] = b"content-length:";

/// How far a header is read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HeaderLength {
    place: Place,
    /// Whether there has been a line: empty ones before the first are ignored.
    begun: bool,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// In a line that begins as the name does, after so many bytes of it.
    Name(usize),
    /// After a CR that began a line.
    Return,
    /// In any other line.
    Line,
    /// Behind the empty line.
    Body,
}

impl Default for Place {
    fn default() -> Self {
        Self::Name(0)
    }
}

impl HeaderLength {
    /// Reads on; whether the name has been found in these bytes.
    pub(super) fn find(&mut self, mut bytes: &[u8]) -> bool {
        let mut found = false;
        while let Some((&byte, rest)) = bytes.split_first() {
            self.place = match (self.place, byte) {
                (Place::Body, _) => break,
                (Place::Name(0), b'\r') => Place::Return,
                (Place::Name(0) | Place::Return, b'\n') if self.begun => Place::Body,
                (Place::Name(0) | Place::Return, b'\n') => Place::Name(0),
                (Place::Name(count), _) if byte.eq_ignore_ascii_case(&NAME[count]) => {
                    let whole = count + 1 == NAME.len();
                    found |= whole;
                    if whole { Place::Line } else { Place::Name(count + 1) }
                }
                (Place::Name(_) | Place::Return | Place::Line, _) => {
                    self.begun = true;
                    let Some(end) = memchr(b'\n', bytes) else {
                        self.place = Place::Line;
                        break;
                    };
                    self.place = Place::Name(0);
                    bytes = &bytes[end + 1..];
                    continue;
                }
            };
            bytes = rest;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_found_wherever_the_bytes_are_cut() {
        let text = b"\r\nPOST / HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: 5\r\n\r\nhello";
        for cut in 0..text.len() {
            let mut header = HeaderLength::default();
            let (first, second) = text.split_at(cut);
            assert!(header.find(first) ^ header.find(second), "cut at {cut}");
        }
    }

    #[test]
    fn nothing_else_is_taken_for_it() {
        for text in [
            &b"GET / HTTP/1.1\r\nX-Content-Length: 5\r\n"[..],
            b"GET / HTTP/1.1\r\nContent-Length-X: 5\r\n",
            b"GET / HTTP/1.1\r\nContent\r\n-Length: 5\r\n",
            b"GET / HTTP/1.1\r\nX: content-length: 5\r\n",
            b"GET / HTTP/1.1\r\nX: 1\r\n\r\ncontent-length: 5\r\n",
            b"GET / HTTP/1.1\nX: 1\n\ncontent-length: 5\n",
            b"",
        ] {
            for cut in 0..=text.len() {
                let mut header = HeaderLength::default();
                let (first, second) = text.split_at(cut);
                assert!(!header.find(first) && !header.find(second), "{} {cut}", String::from_utf8_lossy(text));
            }
        }
    }
}
