//! Times as JSON shows them: RFC 3339 in UTC, with milliseconds.

use domain::Timestamp;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The last moment of the year 9999: RFC 3339 has four digits for a year.
const LAST: i64 = 253_402_300_799_999_999;

/// Such as `2026-11-22T14:05:09.123Z`; what is below a millisecond is cut off.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let nanos = i128::from(at.micros().min(LAST)) * 1_000;
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(FORMAT).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_milliseconds_and_is_never_rounded_up() {
        assert_eq!(rfc3339(Timestamp::from_micros(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(Timestamp::from_micros(1_795_356_309_123_999)), "2026-11-22T14:05:09.123Z");
        assert_eq!(rfc3339(Timestamp::MAX), "9999-12-31T23:59:59.999Z");
    }
}
