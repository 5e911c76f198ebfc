//! A calendar of months and days: a materializer has no time zone but the one in the event.

/// The month of a time on a clock that is this far ahead of UTC, as `2024-02`.
pub(crate) fn month_of(seconds: i64, offset_minutes: i32) -> String {
    day_of(seconds, offset_minutes)[..].rsplit_once('-').map_or_else(String::new, |(month, _)| month.to_owned())
}

/// The day, as `2024-02-29`.
pub(crate) fn day_of(seconds: i64, offset_minutes: i32) -> String {
    let local = seconds.saturating_add(i64::from(offset_minutes) * 60);
    let (year, month, day) = civil(local.div_euclid(86_400));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Days since 1970-01-01 as year, month and day of the Gregorian calendar. Years begin in March here, so that the day that is
/// sometimes missing is the last one, and 400 of them always have 146,097 days.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_the_clock_of_the_author() {
        for (seconds, offset, day) in [
            (0, 0, "1970-01-01"),
            (-1, 0, "1969-12-31"),
            (951_782_400, 0, "2000-02-29"),
            (1_709_251_199, 0, "2024-02-29"),
            (1_709_251_199, 60, "2024-03-01"),
            (1_709_251_200, -60, "2024-02-29"),
            (4_102_444_800, 0, "2100-01-01"),
            (-2_203_891_200, 0, "1900-03-01"),
        ] {
            assert_eq!(day_of(seconds, offset), day, "{seconds} {offset}");
        }
        assert_eq!(month_of(1_709_251_199, 60), "2024-03");
    }
}
