use super::{JwtKeyError, Key, KeySet};
use crate::auth::jwt::compact::object;
use crate::auth::jwt::der::{PublicKey, without_zeros};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    used_for: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
    /// The private part, in every kind of key.
    #[serde(default)]
    d: Option<serde::de::IgnoredAny>,
}

/// The keys of a set that can verify a token. Others are left out, as sets hold keys for other uses too; secrets among them are no
/// key that is published.
pub(super) fn parse(bytes: &[u8]) -> Result<KeySet, JwtKeyError> {
    let jwks: Jwks = object(bytes).ok_or(JwtKeyError::NoJwks)?;
    let total = jwks.keys.len();
    let mut keys: Vec<Key> = Vec::new();
    for jwk in jwks.keys {
        if jwk.d.is_some() {
            return Err(JwtKeyError::PrivateKey);
        }
        let Some(key) = jwk.key()? else { continue };
        if key.kid.is_some() && keys.iter().any(|other| other.kid == key.kid) {
            let kid = key.kid.unwrap_or_default();
            return Err(JwtKeyError::SameKid { kid: kid.escape_default().take(100).collect() });
        }
        keys.push(key);
    }
    if keys.is_empty() {
        return Err(JwtKeyError::NoKey { keys: total });
    }
    Ok(KeySet { keys, is_named: true })
}

impl Jwk {
    /// `None` when it is for something else.
    fn key(self) -> Result<Option<Key>, JwtKeyError> {
        let is_for = |alg: &str| {
            self.used_for.as_deref().is_none_or(|used_for| used_for == "sig")
                && self.alg.as_deref().is_none_or(|own| own == alg)
        };
        let decode = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref().unwrap_or_default()).ok();
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) if is_for("RS256") => {
                let (Some(n), Some(e)) = (decode(&self.n), decode(&self.e)) else { return Ok(None) };
                let key = PublicKey::Rsa { n: without_zeros(&n), e: without_zeros(&e) };
                Key::public(self.kid, &key).map(Some)
            }
            ("EC", Some("P-256")) if is_for("ES256") => {
                let (Some(x), Some(y)) = (decode(&self.x), decode(&self.y)) else { return Ok(None) };
                let point = [&[4][..], &x, &y].concat();
                // Each coordinate has 32 bytes, so that no two pairs make one point.
                if x.len() != 32 {
                    return Err(JwtKeyError::Point);
                }
                Key::public(self.kid, &PublicKey::P256(&point)).map(Some)
            }
            _ => Ok(None),
        }
    }
}
