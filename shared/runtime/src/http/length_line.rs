//! Finds lines that begin with `Content-Length:` in the bytes of a connection, however they are cut into reads.
//!
//! It does not know where a header ends. A body that holds such a line, or a second request sent along with a first
//! one, can only make a chunked request look as if it had a length; no JSON holds such a line. Used by `wire`.

use memchr::memchr;

const NAME: &[u8] = b"content-length:";

/// How far the present line is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum LengthLine {
    /// Its first bytes are those of the name, so many.
    Matched(usize),
    /// It is another line, or its name was found.
    Passing,
}

impl Default for LengthLine {
    fn default() -> Self {
        Self::Matched(0)
    }
}

impl LengthLine {
    /// Reads on; whether the name has been found in these bytes.
    pub(super) fn find(&mut self, mut bytes: &[u8]) -> bool {
        let mut found = false;
        while let Some((first, rest)) = bytes.split_first() {
            match *self {
                Self::Matched(count) if first.eq_ignore_ascii_case(&NAME[count]) => {
                    let whole = count + 1 == NAME.len();
                    found |= whole;
                    *self = if whole { Self::Passing } else { Self::Matched(count + 1) };
                    bytes = rest;
                }
                Self::Matched(_) | Self::Passing => {
                    let Some(end) = memchr(b'\n', bytes) else {
                        *self = Self::Passing;
                        break;
                    };
                    *self = Self::Matched(0);
                    bytes = &bytes[end + 1..];
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_wherever_the_bytes_are_cut() {
        let text = b"POST / HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: 5\r\n\r\nhello";
        for cut in 0..text.len() {
            let mut line = LengthLine::default();
            let (first, second) = text.split_at(cut);
            assert!(line.find(first) ^ line.find(second), "cut at {cut}");
        }
    }

    #[test]
    fn nothing_else_is_taken_for_it() {
        for text in [
            &b"X-Content-Length: 5\r\n"[..],
            b"Content-Length-X: 5\r\n",
            b"Content\r\n-Length: 5\r\n",
            b"a content-length: 5\r\n",
            b"{\"content-length:\": 1}\n\n",
            b"",
        ] {
            assert!(!LengthLine::default().find(text), "{}", String::from_utf8_lossy(text));
        }
    }
}
