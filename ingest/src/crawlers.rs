//! Visitors that say themselves that they are no people: crawlers, link previews, prefetches.
//!
//! Their clicks are stored as such and never attract a lead. HTTP libraries, curl and headless browsers are not
//! listed: integrations and tests use them.

/// Parts of user agents, lower case. Names are written so that no phone or browser matches (there is a phone "CUBOT").
const NAMES: [&str; 42] = [
    "; +http", // a crawler's contact address after its name, by convention; HTTP libraries write "(+http"
    "scrapy",
    "bot/",
    "bot-",
    "crawler",
    "spider",
    "googlebot",
    "google-inspectiontool",
    "googleother",
    "mediapartners-google",
    "feedfetcher-google",
    "google-read-aloud",
    "chrome-lighthouse",
    "bingpreview",
    "msnbot",
    "slurp",
    "duckduckbot",
    "yandexbot",
    "applebot",
    "ahrefsbot",
    "semrushbot",
    "mj12bot",
    "dotbot",
    "petalbot",
    "ccbot",
    "gptbot",
    "ia_archiver",
    "archive.org_bot",
    "facebookexternalhit",
    "facebookcatalog",
    "meta-externalagent",
    "slackbot",
    "slack-imgproxy",
    "twitterbot",
    "telegrambot",
    "discordbot",
    "linkedinbot",
    "skypeuripreview",
    "microsoftpreview",
    "embedly",
    "iframely",
    "whatsapp/",
];

/// Whether a user agent names a crawler or a link preview.
pub(crate) fn names_itself(user_agent: &str) -> bool {
    let lower = user_agent.to_ascii_lowercase();
    NAMES.iter().any(|name| lower.contains(name))
}

/// Whether `Sec-Purpose` says that no person looks at the page (yet).
pub(crate) fn is_prefetch(sec_purpose: &[u8]) -> bool {
    let purpose = String::from_utf8_lossy(sec_purpose).to_ascii_lowercase();
    ["prefetch", "prerender", "preview"].iter().any(|kind| purpose.contains(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crawlers_and_previews_are_known() {
        for agent in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 AppleWebKit/537.36 (compatible; bingbot/2.0)",
            "facebookexternalhit/1.1",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "WhatsApp/2.23.20.0",
            "Mozilla/5.0 (compatible; SomeNewCrawler/1.0)",
            "TelegramBot (like TwitterBot)",
            "Mozilla/5.0 (compatible; SomethingNew/1.0; +https://new.example/about)",
        ] {
            assert!(names_itself(agent), "{agent}");
        }
    }

    #[test]
    fn people_and_tools_are_not_taken_for_crawlers() {
        for agent in [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36",
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X18 Build/P) AppleWebKit/537.36 Chrome/99 Mobile Safari/537.36",
            "Mozilla/5.0 (iPhone) AppleWebKit/605 Mobile/15E148 [Pinterest/iOS]",
            "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/130.0",
            "curl/8.5.0",
            "python-requests/2.32",
            "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
            "node",
            "",
        ] {
            assert!(!names_itself(agent), "{agent}");
        }
    }

    #[test]
    fn a_prefetch_says_so_in_its_header() {
        assert!(is_prefetch(b"prefetch;prerender") && is_prefetch(b"Prefetch"));
        assert!(!is_prefetch(b"") && !is_prefetch(b"\xff"));
    }
}
