use super::*;
use crate::auth::jwt::compact::Compact;

/// The first example of RFC 7515: its token, and its key as a secret.
const RFC_HS256: &str = concat!(
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.",
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
);
const RFC_HS256_KEY: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

/// The third example; its key is `ec-1` of the key set.
const RFC_ES256: &str = concat!(
    "eyJhbGciOiJFUzI1NiJ9.",
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
);

/// Signed by OpenSSL with the key of `rsa.pem`.
const OPENSSL_RS256: &str = include_str!("../../../../tests/auth/keys/rs256.jwt");

const RSA: &[u8] = include_bytes!("../../../../tests/auth/keys/rsa.pem");
const RSA_PKCS1: &[u8] = include_bytes!("../../../../tests/auth/keys/rsa-pkcs1.pem");
const RSA_1024: &[u8] = include_bytes!("../../../../tests/auth/keys/rsa-1024.pem");
const P256: &[u8] = include_bytes!("../../../../tests/auth/keys/p256.pem");
const P384: &[u8] = include_bytes!("../../../../tests/auth/keys/p384.pem");
const JWKS: &str = include_str!("../../../../tests/auth/keys/jwks.json");

fn verifies(key: &Key, token: &str) -> bool {
    let token = Compact::parse(token.trim_end()).unwrap();
    let verifies = key.verifies(token.signed(), token.signature());
    // Every bit of the signature counts, and the whole text.
    for bit in 0..token.signature().len() * 8 {
        let mut forged = token.signature().to_vec();
        forged[bit / 8] ^= 1 << (bit % 8);
        assert!(!key.verifies(token.signed(), &forged), "bit {bit}");
    }
    for len in 0..token.signed().len() {
        assert!(!key.verifies(&token.signed()[..len], token.signature()), "the first {len} bytes");
    }
    verifies
}

fn named<'a>(keys: &'a KeySet, kid: &str) -> &'a Key {
    keys.keys.iter().find(|key| key.kid.as_deref() == Some(kid)).unwrap()
}

#[test]
fn examples_of_the_standard_verify() {
    use base64::Engine as _;
    let secret = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(RFC_HS256_KEY).unwrap();
    let secret = KeySet::secret(&secret).unwrap();
    assert!(verifies(&secret.keys[0], RFC_HS256));
    let jwks = jwks::parse(JWKS.as_bytes()).unwrap();
    assert!(verifies(named(&jwks, "ec-1"), RFC_ES256));
    assert!(!named(&jwks, "rsa-1").verifies(b"", b""));
}

#[test]
fn a_signature_of_openssl_verifies_under_every_form_of_its_key() {
    let jwks = jwks::parse(JWKS.as_bytes()).unwrap();
    let forms = [pem::parse(RSA).unwrap(), pem::parse(RSA_PKCS1).unwrap()];
    assert!(verifies(named(&jwks, "rsa-1"), OPENSSL_RS256));
    for form in &forms {
        let token = Compact::parse(OPENSSL_RS256.trim_end()).unwrap();
        assert!(form.keys[0].verifies(token.signed(), token.signature()));
        assert!(form.holds(&named(&jwks, "rsa-1").digest()), "one key has one name, whatever its form");
    }
}

#[test]
fn the_key_decides_the_algorithm() {
    let header = |alg: &str, kid: Option<&str>| Header::sample(alg, kid);
    let kinds = [("HS256", KeySet::secret(&[7; 32])), ("RS256", pem::parse(RSA)), ("ES256", pem::parse(P256))];
    for (own, keys) in kinds {
        for alg in ["HS256", "RS256", "ES256", "none", "None", "", "HS512", "hs256", "PS256", "EdDSA"] {
            let selected = keys.as_ref().unwrap().select(&header(alg, Some("any"))).is_ok();
            assert_eq!(selected, alg == own, "{alg} for {own}");
        }
    }
    let jwks = jwks::parse(JWKS.as_bytes()).unwrap();
    let select = |alg, kid| jwks.select(&header(alg, kid)).map(|key| key.kid.clone().unwrap());
    assert_eq!(select("RS256", Some("rsa-1")), Ok("rsa-1".to_owned()));
    assert_eq!(select("ES256", Some("ec-1")), Ok("ec-1".to_owned()));
    assert!(select("HS256", Some("rsa-1")).is_err() && select("RS256", Some("ec-1")).is_err());
    assert!(select("HS256", Some("secret")).is_err(), "no secret of a set is used");
    assert!(select("RS256", Some("RSA-1")).is_err() && select("RS256", None).is_err());
}

#[test]
fn files_that_hold_no_key_are_told_apart() {
    let pem = |text: &str| pem::parse(text.as_bytes()).err().unwrap();
    let rsa = std::str::from_utf8(RSA).unwrap();
    assert_eq!(pem(""), JwtKeyError::NoPem);
    assert_eq!(pem(&rsa.repeat(2)), JwtKeyError::NoPem);
    assert_eq!(pem(&rsa.replace("PUBLIC", "PRIVATE")), JwtKeyError::PrivateKey);
    assert_eq!(pem(&rsa.replace("-----END", "")), JwtKeyError::NoPem);
    assert_eq!(pem::parse(P384).err(), Some(JwtKeyError::NoPem));
    assert_eq!(pem::parse(RSA_1024).err(), Some(JwtKeyError::Rsa { bits: 1_024 }));
    assert_eq!(KeySet::secret(&[7; 31]).err(), Some(JwtKeyError::ShortSecret { len: 31 }));
    assert_eq!(KeySet::secret(b"\r\n").err(), Some(JwtKeyError::ShortSecret { len: 0 }));
    assert!(KeySet::secret(&[7; 32]).is_ok() && KeySet::secret(&[7; 33]).is_ok());
    let jwks = |text: &str| jwks::parse(text.as_bytes()).err().unwrap();
    assert_eq!(jwks("[]"), JwtKeyError::NoJwks);
    assert_eq!(jwks(r#"{"keys":[]}"#), JwtKeyError::NoKey { keys: 0 });
    assert_eq!(
        jwks(r#"{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"EC","crv":"P-384"}]}"#),
        JwtKeyError::NoKey { keys: 2 }
    );
    assert_eq!(jwks(&JWKS.replace(r#""e": "AQAB""#, r#""e":"AQAB","d":"AA""#)), JwtKeyError::PrivateKey);
    assert_eq!(jwks(&JWKS.replace("ec-1", "rsa-1")), JwtKeyError::SameKid { kid: "rsa-1".into() });
    assert_eq!(jwks(&JWKS.replace("AQAB", "AQ")), JwtKeyError::Rsa { bits: 2_048 });
    assert_eq!(jwks(&JWKS.replace("f83OJ3D2", "f83O")), JwtKeyError::Point);
    assert_eq!(
        jwks(&JWKS.replace(r#""use": "sig""#, r#""use": "enc""#).replace("P-256", "P-384")),
        JwtKeyError::NoKey { keys: 4 }
    );
}

#[test]
fn any_bytes_are_a_key_or_an_error() {
    let der = |bytes: &[u8]| super::super::der::subject_public_key_info(bytes).is_some();
    let text: String = std::str::from_utf8(RSA).unwrap().lines().filter(|line| !line.starts_with('-')).collect();
    let good = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap();
    assert!(der(&good));
    for at in 0..good.len() {
        assert!(!der(&good[..at]), "cut at {at}");
        for byte in [0, 1, 0x7f, 0x80, 0x82, 0xff] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            let _ = der(&bytes);
        }
    }
    let longer = [&good[..], &[0]].concat();
    assert!(!der(&longer));
}
