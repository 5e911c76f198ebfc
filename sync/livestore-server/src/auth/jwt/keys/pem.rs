use super::{JwtKeyError, Key, KeySet};
use crate::auth::jwt::der::{rsa_public_key, subject_public_key_info};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One public key in PEM; text around it is read over, as usual.
pub(super) fn parse(bytes: &[u8]) -> Result<KeySet, JwtKeyError> {
    let text = std::str::from_utf8(bytes).map_err(|_| JwtKeyError::NoPem)?;
    if text.contains("PRIVATE KEY-----") {
        return Err(JwtKeyError::PrivateKey);
    }
    let mut blocks = text.split("-----BEGIN ").skip(1);
    let (Some(block), None) = (blocks.next(), blocks.next()) else { return Err(JwtKeyError::NoPem) };
    let (label, rest) = block.split_once("-----").ok_or(JwtKeyError::NoPem)?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----")).ok_or(JwtKeyError::NoPem)?;
    let body: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(body).map_err(|_| JwtKeyError::NoPem)?;
    let key = match label {
        "PUBLIC KEY" => subject_public_key_info(&der),
        "RSA PUBLIC KEY" => rsa_public_key(&der),
        _ => None,
    };
    let key = Key::public(None, &key.ok_or(JwtKeyError::NoPem)?)?;
    Ok(KeySet { keys: vec![key], is_named: false })
}
