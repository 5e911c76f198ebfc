/// Milliseconds since 1970 as ISO 8601 in UTC with milliseconds: how `createdAt` is written.
///
/// ```
/// use livestore_sync_protocol::iso_timestamp;
/// assert_eq!(iso_timestamp(1_795_322_072_831), "2026-11-22T04:34:32.831Z");
/// ```
#[must_use]
pub fn iso_timestamp(ms: i64) -> String {
    let (days, ms) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = date(days);
    // By hand: every event of every page has one. A year that needs a sign or a fifth digit is left to the formatter.
    let mut text = String::with_capacity(24);
    if !(0..=9_999).contains(&year) {
        text = format!("{year:04}");
    } else {
        push_digits(&mut text, year, 1_000);
    }
    for (sign, value, place) in [
        ('-', month, 10),
        ('-', day, 10),
        ('T', ms / 3_600_000, 10),
        (':', ms / 60_000 % 60, 10),
        (':', ms / 1_000 % 60, 10),
        ('.', ms % 1_000, 100),
    ] {
        text.push(sign);
        push_digits(&mut text, value, place);
    }
    text.push('Z');
    text
}

/// The digits of a value from this place on.
fn push_digits(text: &mut String, value: i64, mut place: i64) {
    while place > 0 {
        text.push(char::from(b'0' + u8::try_from(value / place % 10).unwrap_or(0)));
        place /= 10;
    }
}

/// Year, month and day of a day since 1970, after Howard Hinnant's algorithm: years that begin in March, in eras of 400.
const fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_digits() {
        let check = |ms, text| assert_eq!(iso_timestamp(ms), text);
        check(0, "1970-01-01T00:00:00.000Z");
        check(-1, "1969-12-31T23:59:59.999Z");
        check(951_782_400_007, "2000-02-29T00:00:00.007Z");
        check(1_709_210_096_070, "2024-02-29T12:34:56.070Z");
        check(253_402_300_799_999, "9999-12-31T23:59:59.999Z");
        check(253_402_300_800_000, "10000-01-01T00:00:00.000Z");
    }
}
