//! As much of DER as public keys need.

/// The algorithm of an RSA key in a `SubjectPublicKeyInfo`: rsaEncryption, and NULL.
const RSA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 0x05, 0];

/// That of a key on P-256: ecPublicKey, and prime256v1.
const P256: &[u8] = &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// What a public key consists of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PublicKey<'a> {
    /// Modulus and exponent, without leading zeros.
    Rsa { n: &'a [u8], e: &'a [u8] },
    /// A point, uncompressed.
    P256(&'a [u8]),
}

/// Reads a `SubjectPublicKeyInfo`, what `BEGIN PUBLIC KEY` encloses.
pub(super) fn subject_public_key_info(der: &[u8]) -> Option<PublicKey<'_>> {
    let (body, after) = take(der, SEQUENCE)?;
    let (algorithm, rest) = take(body, SEQUENCE)?;
    let (bits, more) = take(rest, BIT_STRING)?;
    let (unused, key) = bits.split_first()?;
    if !after.is_empty() || !more.is_empty() || *unused != 0 {
        return None;
    }
    match algorithm {
        RSA => rsa_public_key(key),
        P256 => Some(PublicKey::P256(key)),
        _ => None,
    }
}

/// Reads an `RSAPublicKey`, what `BEGIN RSA PUBLIC KEY` encloses.
pub(super) fn rsa_public_key(der: &[u8]) -> Option<PublicKey<'_>> {
    let (body, after) = take(der, SEQUENCE)?;
    let (n, rest) = take(body, INTEGER)?;
    let (e, more) = take(rest, INTEGER)?;
    (after.is_empty() && more.is_empty()).then(|| PublicKey::Rsa { n: without_zeros(n), e: without_zeros(e) })
}

/// Big-endian, without leading zeros.
pub(super) fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The content of an element with this tag, and what follows it.
fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match *first {
        len @ 0..=0x7f => (usize::from(len), rest),
        0x81 => rest.split_first().map(|(len, rest)| (usize::from(*len), rest))?,
        0x82 => rest.split_first_chunk().map(|(len, rest)| (usize::from(u16::from_be_bytes(*len)), rest))?,
        _ => return None,
    };
    (*found == tag).then(|| rest.split_at_checked(len)).flatten()
}
