use super::compact::object;
use crate::auth::{Access, StorePattern};
use serde::Deserialize;
use std::time::{Duration, SystemTime};

/// The longest name of a principal, in bytes.
const NAME_LEN_MAX: usize = 256;

/// Seconds since 1970 that are taken: until the year 9999.
const SECONDS_MAX: f64 = 253_402_300_799.0;

/// What a token says. A name that is there twice is an error; what is not known is read over.
#[derive(Deserialize)]
pub(super) struct Claims {
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    exp: Option<f64>,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    aud: Option<Audience>,
    #[serde(default)]
    stores: Option<Vec<String>>,
    #[serde(default)]
    access: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn has(&self, wanted: &str) -> bool {
        match self {
            Self::One(audience) => audience == wanted,
            Self::Several(audiences) => audiences.iter().any(|audience| audience == wanted),
        }
    }
}

impl Claims {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        object(bytes).ok_or("the token's claims do not read")
    }

    pub(super) fn check_parties(&self, issuer: Option<&str>, audience: Option<&str>) -> Result<(), &'static str> {
        if issuer.is_some() && self.iss.as_deref() != issuer {
            return Err("the token is of another issuer");
        }
        match (&self.aud, audience) {
            (None, None) => Ok(()),
            (Some(has), Some(wanted)) if has.has(wanted) => Ok(()),
            (Some(_), None) => Err("the token is for an audience; name it with `--jwt-audience`"),
            _ => Err("the token is for another audience"),
        }
    }

    /// When it ends, the leeway included.
    pub(super) fn check_time(&self, now: SystemTime, leeway: Duration) -> Result<SystemTime, &'static str> {
        let exp = moment(self.exp.ok_or("the token has no `exp`")?).ok_or("the token's `exp` is no time")?;
        let ends_at = exp + leeway;
        if now >= ends_at {
            return Err("the token has expired");
        }
        if let Some(nbf) = self.nbf {
            let begins_at = moment(nbf).ok_or("the token's `nbf` is no time")?;
            if now + leeway < begins_at {
                return Err("the token is not valid yet");
            }
        }
        Ok(ends_at)
    }

    /// Whom it names, and what they may.
    pub(super) fn grant(self) -> Result<(String, Vec<StorePattern>, Access), &'static str> {
        let name = self.sub.ok_or("the token has no `sub`")?;
        if name.is_empty() || name.len() > NAME_LEN_MAX || name.chars().any(char::is_control) {
            return Err("the token's `sub` is empty, too long, or holds control characters");
        }
        let stores = self.stores.ok_or("the token has no `stores`")?;
        let stores: Result<Vec<_>, _> = stores.iter().map(|stores| stores.parse::<StorePattern>()).collect();
        let stores = stores.map_err(|_| "the token's `stores` are no store patterns")?;
        let access = self.access.ok_or("the token has no `access`")?;
        let access = Access::from_name(&access).ok_or("the token's `access` is neither `read` nor `write`")?;
        Ok((name, stores, access))
    }
}

fn moment(seconds: f64) -> Option<SystemTime> {
    // Not a number is in no range.
    let is_time = (0.0..=SECONDS_MAX).contains(&seconds);
    is_time.then(|| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds))
}
