//! Keeps addresses, tokens and passwords out of what is kept for people to read.
//!
//! Applied to every text of [`super::Details`]; never to a customer key, which is the advertiser's own.

use super::at_sign::at_signs;
use std::borrow::Cow;

/// Replaces the name before every at sign, however that is written, by its first character and three stars.
pub(super) fn mask_addresses(text: Cow<'_, str>) -> Cow<'_, str> {
    let signs = at_signs(&text);
    if signs.is_empty() {
        return text;
    }
    let mut masked = String::with_capacity(text.len() + 8);
    let mut done = 0;
    for sign in signs {
        let (before, after) = (&text[done..sign.start], &text[sign.end..]);
        let names_somebody = before.chars().next_back().is_some_and(|last| !last.is_whitespace())
            && after.chars().next().is_some_and(|next| !next.is_whitespace());
        if names_somebody {
            let name = name_start(before);
            masked.push_str(&before[..name]);
            masked.extend(before[name..].chars().next());
            masked.push_str("***");
        } else {
            masked.push_str(before);
        }
        done = sign.end;
        masked.push_str(&text[sign]);
    }
    masked.push_str(&text[done..]);
    Cow::Owned(masked)
}

/// Where the name before an at sign begins; it has at least the last character.
fn name_start(before: &str) -> usize {
    let breaks = |c: char| {
        c.is_whitespace()
            || matches!(c, '/' | '?' | '&' | '=' | '#' | ':' | ',' | ';' | '<' | '>' | '(' | ')' | '[' | ']' | '"')
    };
    let last = before.char_indices().next_back().map_or(0, |(at, _)| at);
    before[..last].char_indices().rev().find(|(_, c)| breaks(*c)).map_or(0, |(at, c)| at + c.len_utf8())
}

/// The address of a page as it is kept. Masked first: cutting could take an at sign away from its name.
pub(super) fn page_address(text: Cow<'_, str>) -> Cow<'_, str> {
    bare_url(mask_addresses(text))
}

/// An address of a page without user, password, fragment and the values of its query; their names stay.
fn bare_url(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains(['?', '#', '@']) {
        return text;
    }
    let address = text.split('#').next().unwrap_or_default();
    let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
    let mut bare = without_user(path);
    for (place, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        bare.push(if place == 0 { '?' } else { '&' });
        bare.push_str(pair.split('=').next().unwrap_or_default());
    }
    Cow::Owned(bare)
}

fn without_user(path: &str) -> String {
    let Some((scheme, rest)) = path.split_once("//") else { return path.to_owned() };
    let host_end = rest.find(['/', '\\']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(host_end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}//{host}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_before_an_at_sign_are_masked_wherever_they_stand() {
        for (text, masked) in [
            ("jane@example.com", "j***@example.com"),
            ("mail jane.d+x@example.com, or bob@b.de", "mail j***@example.com, or b***@b.de"),
            ("https://h/u/jane%40example.com/x", "https://h/u/j***%40example.com/x"),
            ("mailto:jane@example.com", "mailto:j***@example.com"),
            ("\"@example.com", "\"***@example.com"),
            ("ü@exämple.de", "ü***@exämple.de"),
            ("https://h/canary%2540pii.test", "https://h/c***%2540pii.test"),
            ("canary&#64;pii.test, canary&commat;pii.test", "c***&#64;pii.test, c***&commat;pii.test"),
            ("canary＠pii.test", "c***＠pii.test"),
            ("a@b@c", "a***@b***@c"),
            ("@handle and a @ b", "@handle and a @ b"),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(mask_addresses(text.into()), masked);
        }
    }

    #[test]
    fn a_page_address_keeps_the_names_of_its_query_only() {
        for (url, bare) in [
            ("https://h/p?token=secret&aff=A#frag", "https://h/p?token&aff"),
            ("https://user:pass@h:8080/p", "https://h:8080/p"),
            ("https://h/p", "https://h/p"),
            ("javascript:alert(1)", "javascript:alert(1)"),
            ("//u@h", "//h"),
            ("?a=b=c&&d", "?a&&d"),
        ] {
            assert_eq!(bare_url(url.into()), bare);
        }
    }

    /// An at sign, escaped for URLs and HTML any number of times in any order.
    fn at_sign() -> impl Strategy<Value = String> {
        let plain = prop::sample::select(vec!["@", "＠", "%40", "&#64;", "&#x40;", "&commat;", "\\u0040"]);
        let escape = |text: String, for_html: bool| match for_html {
            true => text.replace('&', "&amp;"),
            false => text.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        };
        (plain, prop::collection::vec(any::<bool>(), 0..3))
            .prop_map(move |(plain, escapes)| escapes.into_iter().fold(plain.to_owned(), escape))
    }

    proptest! {
        #[test]
        fn no_address_survives(before in ".{0,20}", name in "[a-z/?=:.]{1,8}", sign in at_sign(), host in "[a-z]{2,8}\\.de", after in ".{0,20}") {
            let text = format!("{before}{name}{sign}{host}{after}");
            let address = format!("{name}{sign}{host}");
            prop_assert!(!mask_addresses(text.as_str().into()).contains(&address));
            prop_assert!(!page_address(text.as_str().into()).contains(&address));
        }

        #[test]
        fn no_name_survives_in_a_page_address(name in "canary[a-z]{1,8}", sign in at_sign(), host in "[a-z]{2,8}\\.de") {
            let kept = page_address(format!("https://h/{name}{sign}{host}").into());
            prop_assert!(!kept.contains(&name), "{kept}");
        }
    }
}
