mod jwks;
mod pem;

use super::compact::Header;
use super::der::PublicKey;
use crate::auth::token::TokenDigest;
use ring::rsa::PublicKeyComponents;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use ring::{hmac, signature};
use std::fmt;
use std::path::PathBuf;

/// The shortest secret, in bytes: as long as the digest, as the standard asks.
const SECRET_LEN_MIN: usize = 32;

/// Where the keys are that tokens are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwtKeys {
    /// A file that holds a secret of at least 32 bytes, for HS256. Line ends at its end do not belong to it.
    Secret(PathBuf),
    /// A PEM file with one public key, for RS256 or ES256.
    PublicKey(PathBuf),
    /// A JSON file with a set of public keys (JWKS), for RS256 and ES256; a token's `kid` selects one.
    Jwks(PathBuf),
}

type Parse = fn(&[u8]) -> Result<KeySet, JwtKeyError>;

impl JwtKeys {
    pub(super) fn source(self) -> (PathBuf, Parse) {
        match self {
            Self::Secret(path) => (path, KeySet::secret),
            Self::PublicKey(path) => (path, pem::parse),
            Self::Jwks(path) => (path, jwks::parse),
        }
    }
}

/// What is wrong with a key file. Shows nothing of the keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtKeyError {
    /// The secret can be guessed.
    #[error("a secret of {len} bytes, at least {SECRET_LEN_MIN}")]
    ShortSecret {
        /// How long it is.
        len: usize,
    },
    /// It holds a private key, which does not belong on a server that verifies.
    #[error("it holds a private key; give the public one: `openssl pkey -in FILE -pubout`")]
    PrivateKey,
    /// It holds no public key in PEM.
    #[error("it does not hold one RSA or P-256 public key between `BEGIN PUBLIC KEY` and `END PUBLIC KEY`")]
    NoPem,
    /// It holds no key set.
    #[error("it is no JSON object with `keys`")]
    NoJwks,
    /// Of the set, no key can verify a token.
    #[error("none of its {keys} keys is an RSA or P-256 key for signatures")]
    NoKey {
        /// How many it has.
        keys: usize,
    },
    /// Two keys have one name.
    #[error("two keys have the `kid` `{kid}`")]
    SameKid {
        /// The name, escaped and cut.
        kid: String,
    },
    /// The RSA key is too short, too long, or has an exponent that nobody uses.
    #[error("an RSA key of {bits} bits, where 2048 to 8192 and an odd exponent of at least 3 are taken")]
    Rsa {
        /// How many it has.
        bits: usize,
    },
    /// The point of a P-256 key is not 65 bytes of uncompressed point.
    #[error("a P-256 key whose point is not uncompressed")]
    Point,
}

/// The keys that tokens may be signed with.
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// Whether keys have names.
    is_named: bool,
}

/// One key. Its kind is its algorithm.
pub(super) struct Key {
    kid: Option<String>,
    material: Material,
    digest: TokenDigest,
}

enum Material {
    Hs256(hmac::Key),
    Rs256 { n: Vec<u8>, e: Vec<u8> },
    Es256(Vec<u8>),
}

impl KeySet {
    fn secret(bytes: &[u8]) -> Result<Self, JwtKeyError> {
        let end = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
        let secret = bytes.get(..end).unwrap_or_default();
        if secret.len() < SECRET_LEN_MIN {
            return Err(JwtKeyError::ShortSecret { len: secret.len() });
        }
        let material = Material::Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret));
        Ok(Self { keys: vec![Key { kid: None, material, digest: TokenDigest::of(secret) }], is_named: false })
    }

    /// The key of a token, by its name and its algorithm.
    pub(super) fn select(&self, header: &Header) -> Result<&Key, &'static str> {
        let mut fitting = self.keys.iter();
        let key = match &header.kid {
            Some(kid) if self.is_named => fitting.find(|key| key.kid.as_ref() == Some(kid)),
            None if self.keys.len() > 1 => return Err("the token does not say which key it is signed with"),
            _ => fitting.next(),
        };
        let key = key.ok_or("the token is signed with a key that is not known")?;
        if header.alg != key.algorithm() {
            return Err("the token's algorithm is not that of its key");
        }
        Ok(key)
    }

    /// Whether a key is still among them.
    pub(super) fn holds(&self, digest: &TokenDigest) -> bool {
        self.keys.iter().any(|key| key.digest == *digest)
    }
}

impl Key {
    fn public(kid: Option<String>, key: &PublicKey<'_>) -> Result<Self, JwtKeyError> {
        match key {
            PublicKey::Rsa { n, e } => {
                let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
                let is_odd = e.last().is_some_and(|last| last % 2 == 1);
                if !(2_048..=8_192).contains(&bits) || !is_odd || e.len() > 4 || *e == [1] {
                    return Err(JwtKeyError::Rsa { bits });
                }
                let digest = TokenDigest::of(&[*n, *e].concat());
                Ok(Self { kid, material: Material::Rs256 { n: n.to_vec(), e: e.to_vec() }, digest })
            }
            PublicKey::P256(point) => {
                if point.len() != 65 || point.first() != Some(&4) {
                    return Err(JwtKeyError::Point);
                }
                Ok(Self { kid, material: Material::Es256(point.to_vec()), digest: TokenDigest::of(point) })
            }
        }
    }

    const fn algorithm(&self) -> &'static str {
        match self.material {
            Material::Hs256(_) => "HS256",
            Material::Rs256 { .. } => "RS256",
            Material::Es256(_) => "ES256",
        }
    }

    /// Names the key without showing it.
    pub(super) const fn digest(&self) -> TokenDigest {
        self.digest
    }

    pub(super) fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.material {
            // In constant time.
            Material::Hs256(key) => hmac::verify(key, signed, signature),
            Material::Rs256 { n, e } => {
                PublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
            }
            Material::Es256(point) => verify_p256(point, signed, signature),
        };
        verified.is_ok()
    }
}

fn verify_p256(point: &[u8], signed: &[u8], signature: &[u8]) -> Result<(), ring::error::Unspecified> {
    let algorithm: &dyn signature::VerificationAlgorithm = &ECDSA_P256_SHA256_FIXED;
    UnparsedPublicKey::new(algorithm, point).verify(signed, signature)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("kid", &self.kid).field("alg", &self.algorithm()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
