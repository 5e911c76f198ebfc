use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// What a token's header says. A name that is there twice is an error.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    #[serde(default)]
    pub(super) kid: Option<String>,
    /// Extensions that must be understood: none is.
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

/// A signed token, taken apart but not verified.
pub(super) struct Compact<'a> {
    header: Header,
    signed: &'a [u8],
    claims: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    pub(super) fn parse(token: &'a str) -> Result<Self, &'static str> {
        let shape = "the token is no signed JWT";
        let (signed, signature) = token.rsplit_once('.').ok_or(shape)?;
        let (header, claims) = signed.split_once('.').ok_or(shape)?;
        // A third dot lands in the claims, which are then no base64.
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| shape);
        let header: Header = object(&decode(header)?).ok_or("the token's header does not read")?;
        if header.crit.is_some() {
            return Err("the token wants extensions that are not known");
        }
        Ok(Self { header, signed: signed.as_bytes(), claims: decode(claims)?, signature: decode(signature)? })
    }

    pub(super) const fn header(&self) -> &Header {
        &self.header
    }

    pub(super) const fn signed(&self) -> &[u8] {
        self.signed
    }

    pub(super) fn claims(&self) -> &[u8] {
        &self.claims
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// Reads a JSON object; derived readers take arrays too, which nobody means.
pub(super) fn object<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Option<T> {
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    is_object.then(|| serde_json::from_slice(bytes).ok()).flatten()
}

#[cfg(test)]
impl Header {
    pub(super) fn sample(alg: &str, kid: Option<&str>) -> Self {
        Self { alg: alg.into(), kid: kid.map(Into::into), crit: None }
    }
}
