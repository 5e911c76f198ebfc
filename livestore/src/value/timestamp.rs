use super::{ColumnType, ColumnValue, SqlType, SqlValue, ValueError, ValueRef};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
///
/// Stored as an integer; with `#[column(iso8601)]` as text of fixed width (`1970-01-01T00:00:00.000Z`, years
/// 0000 to 9999), which sorts as time does. A materializer has no clock: put the time into the event.
///
/// ```
/// use livestore::Timestamp;
/// assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
/// assert_eq!("2024-02-29T12:00:00.5Z".parse::<Timestamp>()?, Timestamp(1_709_208_000_500));
/// # Ok::<(), livestore::ValueError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

const DAY_MS: i64 = 86_400_000;

impl ColumnValue for Timestamp {
    type Base = Self;
    const TYPE: ColumnType = ColumnType::required(SqlType::Integer);
    const __DEFAULT: super::TakesDefault = super::TakesDefault::Integer { min: i64::MIN, max: i64::MAX };
    const __IS_TIME: bool = true;

    fn into_value(self) -> Result<SqlValue, ValueError> {
        Ok(SqlValue::Integer(self.0))
    }

    fn from_value(value: ValueRef<'_>) -> Result<Self, ValueError> {
        match value {
            ValueRef::Integer(ms) => Ok(Self(ms)),
            ValueRef::Text(bytes) => {
                std::str::from_utf8(bytes).map_err(|_| ValueError::unexpected("a time", value))?.parse()
            }
            other => Err(ValueError::unexpected("a time", other)),
        }
    }
}

impl SqlValue {
    /// The stored form of a timestamp in an ISO-8601 text column.
    pub(crate) fn into_iso8601(self) -> Result<Self, ValueError> {
        let Self::Integer(ms) = self else { return Ok(self) };
        let time = Timestamp(ms);
        if !(0..=9999).contains(&time.civil().0) {
            return Err(ValueError::new(format!(
                "time {ms} ms is outside the years 0000 to 9999 of an ISO-8601 column"
            )));
        }
        Ok(Self::Text(time.to_string()))
    }
}

impl Timestamp {
    /// The present time of the system's clock: for events, never in a materializer, which must write the same on every client
    /// and at every rebuild.
    ///
    /// ```
    /// # use livestore::*;
    /// #[event("v1.Added")]
    /// pub struct Added { pub id: String, pub at: Timestamp }
    /// let event = Added { id: "a".into(), at: Timestamp::now() };
    /// # assert!(event.at > Timestamp(0));
    /// ```
    #[cfg(not(target_arch = "wasm32"))] // There `SystemTime::now` panics.
    #[must_use]
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// Year, month and day of the proleptic Gregorian calendar, counting years from March so that the leap
    /// day comes last (the algorithm of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    fn civil(self) -> (i64, i64, i64) {
        let days = self.0.div_euclid(DAY_MS) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        (era * 400 + year_of_era + i64::from(month <= 2), month, day)
    }

    /// The inverse of [`civil`](Self::civil), in days since the epoch.
    fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
        let year = year - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        let ms = self.0.rem_euclid(DAY_MS);
        let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        let fraction = ms % 1_000;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z")
    }
}

impl std::str::FromStr for Timestamp {
    type Err = ValueError;

    /// Reads `YYYY-MM-DDTHH:MM:SS[.fraction]Z`; digits of the fraction past milliseconds are cut.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        parse(text).ok_or_else(|| ValueError::new(format!("`{text}` is not a time like 2026-01-31T09:30:00.000Z")))
    }
}

impl From<SystemTime> for Timestamp {
    /// The millisecond that the time lies in; times beyond the range become its ends.
    fn from(time: SystemTime) -> Self {
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos().div_ceil(1_000_000)).map_or(i64::MIN, |ms| -ms),
        })
    }
}

impl TryFrom<Timestamp> for SystemTime {
    type Error = ValueError;

    /// Fails where the system's clock cannot hold the time.
    fn try_from(time: Timestamp) -> Result<Self, ValueError> {
        let distance = Duration::from_millis(time.0.unsigned_abs());
        let there = if time.0 < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
        there.ok_or_else(|| ValueError::new(format!("time {} ms is outside the range of the system's clock", time.0)))
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(digits);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut time = time.splitn(3, ':').map(digits);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    digits(fraction)?; // ASCII from here on, so a cut after three bytes is a cut after three digits.
    let fraction_ms = digits(&format!("{fraction:0<3}")[..3])?;
    let days = Timestamp::days_from_civil(year, month, day);
    let in_range = hour < 24 && minute < 60 && second < 60 && year <= 9999;
    // A day that the month lacks comes back as another date.
    let is_real = Timestamp(days * DAY_MS).civil() == (year, month, day);
    (in_range && is_real)
        .then(|| Timestamp(days * DAY_MS + (hour * 3_600 + minute * 60 + second) * 1_000 + fraction_ms))
}

fn digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_1000_years_survives_the_round_trip() {
        for day in -365_000..365_000_i64 {
            let time = Timestamp(day * DAY_MS + 12_345_678);
            if (0..=9999).contains(&time.civil().0) {
                assert_eq!(time.to_string().parse(), Ok(time));
            }
        }
    }

    #[test]
    fn the_clock_of_the_system_is_read_and_given_back() {
        for ms in [0, 1, -1, 1_709_208_000_500, -1_709_208_000_500] {
            assert_eq!(SystemTime::try_from(Timestamp(ms)).map(Timestamp::from), Ok(Timestamp(ms)));
        }
        let micros = Duration::from_micros;
        assert_eq!(Timestamp::from(UNIX_EPOCH + micros(1_999)), Timestamp(1));
        assert_eq!(Timestamp::from(UNIX_EPOCH - micros(1_001)), Timestamp(-2));
        #[cfg(not(target_arch = "wasm32"))]
        assert!(Timestamp::now() >= "2024-01-01T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn malformed_times_are_refused() {
        for text in [
            "",
            "2024-02-30T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01 00:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.xZ",
            "2024-01-01T00:00:00.12xZ",
            "Invalid Date",
            "2024-01-01T00:00:00.00éZ",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
