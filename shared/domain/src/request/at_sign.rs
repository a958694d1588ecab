//! Finds every at sign of a text, however it is written: plain, full width, or escaped for URLs, HTML or JSON, also
//! several times over. Used by [`super::privacy`] only.

use std::ops::Range;

/// Escapes of fixed form, in any case, and what they stand for. A character reference works without its semicolon too.
const ESCAPES: [(&[u8], u8); 9] = [
    ("＠".as_bytes(), b'@'),
    ("﹫".as_bytes(), b'@'),
    (b"&#64", b'@'),
    (b"&#x40", b'@'),
    (b"&commat;", b'@'),
    (b"&amp;", b'&'),
    (b"%u0040", b'@'),
    (b"\\u0040", b'@'),
    (b"\\x40", b'@'),
];

/// A byte as it is once nothing is escaped any more, and where it is written.
struct Decoded {
    byte: u8,
    at: Range<usize>,
}

/// The places of the at signs, in order.
pub(super) fn at_signs(text: &str) -> Vec<Range<usize>> {
    if may_have_one(text.as_bytes()) { search(text) } else { Vec::new() }
}

/// Whether it is worth a search: few texts are. An ampersand is in most addresses, and stands for nothing by itself.
fn may_have_one(text: &[u8]) -> bool {
    // No early end: so the compiler looks at many bytes at a time.
    let begins = |seen, byte: &u8| seen | matches!(byte, b'@' | b'%' | b'\\' | 0xef);
    let refers = |seen, pair: &[u8]| seen | matches!(pair, [b'&', b'#' | b'a' | b'A' | b'c' | b'C']);
    text.iter().fold(false, begins) || text.windows(2).fold(false, refers)
}

fn search(text: &str) -> Vec<Range<usize>> {
    let mut decoded: Vec<Decoded> = Vec::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        decoded.push(Decoded { byte, at: at..at + 1 });
        // What an escape stands for may end another one.
        while let Some((length, byte)) = escape_at_end(&decoded) {
            let start = decoded.len() - length;
            let at = decoded[start].at.start..at + 1;
            decoded.truncate(start);
            decoded.push(Decoded { byte, at });
        }
    }
    decoded.into_iter().filter(|one| one.byte == b'@').map(|one| one.at).collect()
}

/// The escape that the last bytes make: its length, and what it stands for.
fn escape_at_end(decoded: &[Decoded]) -> Option<(usize, u8)> {
    let ends_with = |escape: &[u8]| {
        decoded.len() >= escape.len()
            && decoded[decoded.len() - escape.len()..]
                .iter()
                .zip(escape)
                .all(|(one, byte)| one.byte.eq_ignore_ascii_case(byte))
    };
    // Most bytes end none: a text is read in one pass of little more than this comparison.
    if !decoded.last().is_some_and(|last| last.byte.is_ascii_hexdigit() || matches!(last.byte, b';' | 0xa0 | 0xab)) {
        return None;
    }
    if let [.., percent, high, low] = decoded
        && percent.byte == b'%'
        && let (Some(high), Some(low)) = (hex(high.byte), hex(low.byte))
    {
        return Some((3, high * 16 + low));
    }
    // Zeros before a reference's number mean nothing.
    if ends_with(b"&#0") || ends_with(b"&#x0") {
        return Some((2, decoded[decoded.len() - 2].byte));
    }
    ESCAPES.into_iter().find(|(escape, _)| ends_with(escape)).map(|(escape, byte)| (escape.len(), byte))
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn spellings(text: &str) -> Vec<&str> {
        at_signs(text).into_iter().map(|at| &text[at]).collect()
    }

    #[test]
    fn every_spelling_is_found_and_nothing_else() {
        for sign in [
            "@",
            "＠",
            "﹫",
            "%40",
            "%2540",
            "%25252540",
            "%25%34%30",
            "%EF%BC%A0",
            "%ef%b9%ab",
            "&#64",
            "&#00064",
            "&#x40",
            "&#X0040",
            "&commat;",
            "&amp;commat;",
            "&amp;amp;#64",
            "%26%2364",
            "%26commat%3B",
            "%26amp%3b%23x40",
            "\\u0040",
            "%5Cu0040",
            "%u0040",
            "\\x40",
        ] {
            assert_eq!(spellings(&format!("a{sign}b é{sign}")), [sign, sign], "{sign}");
        }
        for text in ["", "100%", "%4", "%2", "&#65;", "&at;", "\\u0041", "%41%30", "a % 40", "ü＃％", "&#6;4"] {
            assert!(at_signs(text).is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_not_searched_has_none(text in "[@%&#;aAcCmopt64\\\\u0＠é]{0,12}") {
            prop_assert!(may_have_one(text.as_bytes()) || search(&text).is_empty());
        }

        #[test]
        fn places_are_slices_of_the_text_in_order(text in "[@%&#;x\\\\u0-9a-f＠é]{0,60}") {
            let mut end = 0;
            for at in at_signs(&text) {
                prop_assert!(end <= at.start && text.get(at.clone()).is_some());
                end = at.end;
            }
        }
    }
}
