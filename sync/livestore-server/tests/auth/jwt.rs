//! Signed tokens: right ones of every kind, and forged, expired and malformed ones.

use crate::sign::{SECRET, claims, encode, hs256, token};
use crate::support::{Place, at, enter, status};
use livestore_server::auth::{Gate, JwtAuth, JwtKeys, Operation};
use livestore_server::limits::ServerLimits;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

fn open(keys: JwtKeys) -> JwtAuth {
    JwtAuth::open(keys).unwrap().believed_for(Duration::ZERO)
}

fn gate(auth: JwtAuth) -> Gate {
    Gate::new(Arc::new(auth), &ServerLimits::default())
}

fn secret(dir: &Path) -> PathBuf {
    let path = dir.join("secret");
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    path
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/auth/keys").join(name)
}

/// The status of a token at store `team-1`, at the beginning of the tests' clock.
async fn try_token(gate: &Gate, token: &str) -> u16 {
    status(&enter(gate, Some(token), Place::Payload, "team-1", at(0)).await)
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn good() -> Value {
    claims("ada", "team-*", "write", 60)
}

#[tokio::test]
async fn a_token_says_who_may_what() {
    let dir = tempfile::tempdir().unwrap();
    let gate = gate(open(JwtKeys::Secret(secret(dir.path()))));
    let mut pass = enter(&gate, Some(&token(&good())), Place::Header, "team-1", at(0)).await.unwrap();
    assert_eq!(pass.principal().name(), Some("ada"));
    assert_eq!(pass.principal().expires_at(), Some(at(90)));
    for (operation, expected) in [(Operation::Read, 200), (Operation::Write, 200), (Operation::Admin, 403)] {
        assert_eq!(status(&gate.check(&mut pass, operation, at(1)).await), expected);
    }
}

#[tokio::test]
async fn claims_have_edges() {
    let dir = tempfile::tempdir().unwrap();
    let gate = gate(open(JwtKeys::Secret(secret(dir.path()))));
    let now = 1_764_000_000_i64;
    for (name, value, expected) in [
        ("exp", json!(now + 1), 200),
        ("exp", json!(now - 29), 200),
        ("exp", json!(now - 30), 401),
        ("exp", json!(now as f64 - 29.5), 200),
        ("exp", json!(-1), 401),
        ("exp", json!(1e300), 401),
        ("exp", json!(u64::MAX), 401),
        ("exp", json!("1764000060"), 401),
        ("exp", json!(null), 401),
        ("nbf", json!(now), 200),
        ("nbf", json!(now + 30), 200),
        ("nbf", json!(now + 31), 401),
        ("nbf", json!(-5), 401),
        ("sub", json!("n".repeat(256)), 200),
        ("sub", json!("n".repeat(257)), 401),
        ("sub", json!(""), 401),
        ("sub", json!("a\nb"), 401),
        ("sub", json!(7), 401),
        ("sub", json!(null), 401),
        ("stores", json!(["x", "team-1"]), 200),
        ("stores", json!([]), 403),
        ("stores", json!(["x"]), 403),
        ("stores", json!(["Team-1"]), 403),
        ("stores", json!(["team-1\u{0}"]), 401),
        ("stores", json!("*"), 401),
        ("stores", json!(null), 401),
        ("access", json!("read"), 200),
        ("access", json!("admin"), 401),
        ("access", json!("Write"), 401),
        ("access", json!(null), 401),
        ("aud", json!("somebody"), 401),
        ("iss", json!("anybody"), 200),
        ("unknown", json!({"deep": [[[]]]}), 200),
    ] {
        let claims = with(good(), name, value.clone());
        assert_eq!(try_token(&gate, &token(&claims)).await, expected, "{name} {value}");
    }
}

#[tokio::test]
async fn parties_are_checked_where_they_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let gate = gate(open(JwtKeys::Secret(secret(dir.path()))).with_issuer("us").with_audience("sync"));
    for (iss, aud, expected) in [
        (json!("us"), json!("sync"), 200),
        (json!("us"), json!(["other", "sync"]), 200),
        (json!("us"), json!(["other"]), 401),
        (json!("us"), json!([]), 401),
        (json!("us"), json!(null), 401),
        (json!("US"), json!("sync"), 401),
        (json!(["us"]), json!("sync"), 401),
        (json!(null), json!("sync"), 401),
    ] {
        let claims = with(with(good(), "iss", iss.clone()), "aud", aud.clone());
        assert_eq!(try_token(&gate, &token(&claims)).await, expected, "{iss} {aud}");
    }
}

/// Tokens that no server may take, whatever its key. The public key of a server is known to all, and so is a secret to sign with.
fn forged(public: &[u8]) -> Vec<(&'static str, String)> {
    let header = |alg: &str| json!({"alg": alg, "typ": "JWT"});
    let right = token(&good());
    let (signed, signature) = right.rsplit_once('.').unwrap();
    let (head, body) = signed.split_once('.').unwrap();
    let admin = encode(with(good(), "stores", json!(["*"])).to_string());
    let none = |alg: &str| format!("{}.{}.", encode(header(alg).to_string()), encode(good().to_string()));
    let twice = encode(format!(r#"{{"sub":"eve",{}"#, &good().to_string()[1..]));
    let twice_tag = hs256(&json!({}), &json!({}), b"");
    vec![
        ("algorithm none", none("none")),
        ("algorithm None", none("None")),
        ("algorithm nOnE with a signature", hs256(&header("nOnE"), &good(), SECRET.as_bytes())),
        ("no signature", format!("{signed}.")),
        ("no signature part", signed.to_owned()),
        ("other claims", format!("{head}.{admin}.{signature}")),
        ("a claim twice, unsigned", format!("{head}.{twice}.{}", twice_tag.rsplit_once('.').unwrap().1)),
        ("another secret", hs256(&header("HS256"), &good(), b"another secret of the tests, long")),
        ("an empty secret", hs256(&header("HS256"), &good(), b"")),
        ("the public key as a secret", hs256(&header("HS256"), &good(), public)),
        ("the public key as a secret, called RS256", hs256(&header("RS256"), &good(), public)),
        ("the public key as a secret, called ES256", hs256(&header("ES256"), &good(), public)),
        ("a longer algorithm", hs256(&header("HS512"), &good(), SECRET.as_bytes())),
        (
            "unknown extensions",
            hs256(&json!({"alg": "HS256", "crit": ["b64"], "b64": false}), &good(), SECRET.as_bytes()),
        ),
        ("a key in the header", hs256(&json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "AA"}}), &good(), b"\0")),
        ("no header", format!(".{body}.{signature}")),
        ("an array as header", format!("{}.{body}.{signature}", encode(r#"["HS256"]"#))),
        ("a signature of zeros", format!("{signed}.{}", encode([0; 64]))),
        ("a signature twice", format!("{right}.{signature}")),
        ("padding", format!("{right}=")),
        ("a space", format!("{signed} .{signature}")),
        ("standard base64", right.replace(['-', '_'], "+") + "+"),
        ("not base64", "a.b.c".to_owned()),
        ("dots", "...".to_owned()),
        ("nothing", ".".to_owned()),
        ("deep claims", hs256(&header("HS256"), &good(), b"x").replace(body, &encode("[".repeat(10_000)))),
        ("deep header", format!("{}.{body}.{signature}", encode(format!("{{\"alg\":{}", "[".repeat(8_000))))),
        ("a giant", format!("{signed}.{}", "A".repeat(20_000))),
    ]
}

#[tokio::test]
async fn forged_tokens_are_refused_by_every_kind_of_key() {
    let dir = tempfile::tempdir().unwrap();
    let public = std::fs::read(fixture("rsa.pem")).unwrap();
    let kinds = [
        JwtKeys::Secret(secret(dir.path())),
        JwtKeys::PublicKey(fixture("rsa.pem")),
        JwtKeys::PublicKey(fixture("p256.pem")),
        JwtKeys::Jwks(fixture("jwks.json")),
    ];
    for keys in kinds {
        let gate = gate(open(keys.clone()));
        for (how, token) in forged(&public) {
            let refusal = enter(&gate, Some(&token), Place::Header, "team-1", at(0)).await.unwrap_err();
            assert_eq!(refusal.public().0, 401, "{how} for {keys:?}");
            assert!(token.len() < 8 || !refusal.to_string().contains(&token), "{how}: {refusal}");
        }
        let is_secret = matches!(keys, JwtKeys::Secret(_));
        assert_eq!(try_token(&gate, &token(&good())).await, if is_secret { 200 } else { 401 });
    }
}

#[tokio::test]
async fn a_claim_that_is_there_twice_is_an_error_though_signed() {
    let dir = tempfile::tempdir().unwrap();
    let gate = gate(open(JwtKeys::Secret(secret(dir.path()))));
    let twice = format!(r#"{{"sub":"eve",{}"#, &good().to_string()[1..]);
    let signed = format!("{}.{}", encode(r#"{"alg":"HS256"}"#), encode(twice));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let token = format!("{signed}.{}", encode(ring::hmac::sign(&key, signed.as_bytes())));
    assert_eq!(try_token(&gate, &token).await, 401);
}

#[tokio::test]
async fn a_token_that_openssl_signed_is_taken() {
    let token = std::fs::read_to_string(fixture("rs256.jwt")).unwrap();
    for keys in ["rsa.pem", "rsa-pkcs1.pem"] {
        assert_eq!(try_token(&gate(open(JwtKeys::PublicKey(fixture(keys)))), token.trim()).await, 200, "{keys}");
    }
    assert_eq!(try_token(&gate(open(JwtKeys::PublicKey(fixture("p256.pem")))), token.trim()).await, 401);
    let set = gate(open(JwtKeys::Jwks(fixture("jwks.json"))));
    assert_eq!(try_token(&set, token.trim()).await, 401, "it does not say which key of the set");
}

/// A key on P-256, with its set of one under this name.
fn p256(kid: &str) -> (Vec<u8>, Value) {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &SystemRandom::new()).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    (pkcs8.as_ref().to_vec(), json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": encode(x), "y": encode(y)}))
}

fn es256(pkcs8: &[u8], kid: Option<&str>, form: &'static ring::signature::EcdsaSigningAlgorithm) -> String {
    let pair = EcdsaKeyPair::from_pkcs8(form, pkcs8, &SystemRandom::new()).unwrap();
    let signed = format!("{}.{}", encode(json!({"alg": "ES256", "kid": kid}).to_string()), encode(good().to_string()));
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", encode(signature))
}

#[tokio::test]
async fn keys_of_a_set_come_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("jwks.json");
    let write = |keys: &[&Value]| std::fs::write(&path, json!({ "keys": keys }).to_string()).unwrap();
    let ((old, old_jwk), (new, new_jwk)) = (p256("old"), p256("new"));
    let fixed = &ECDSA_P256_SHA256_FIXED_SIGNING;
    write(&[&old_jwk]);
    let gate = gate(open(JwtKeys::Jwks(path.clone())));
    assert_eq!(try_token(&gate, &es256(&old, Some("old"), fixed)).await, 200);
    assert_eq!(try_token(&gate, &es256(&old, None, fixed)).await, 200, "there is one key only");
    assert_eq!(try_token(&gate, &es256(&old, Some("new"), fixed)).await, 401, "an unknown name");
    assert_eq!(try_token(&gate, &es256(&new, Some("old"), fixed)).await, 401, "another key under a known name");
    assert_eq!(try_token(&gate, &es256(&old, Some("old"), &ECDSA_P256_SHA256_ASN1_SIGNING)).await, 401, "in DER");
    let mut pass = enter(&gate, Some(&es256(&old, Some("old"), fixed)), Place::Both, "team-1", at(0)).await.unwrap();

    write(&[&old_jwk, &new_jwk]);
    assert_eq!(try_token(&gate, &es256(&new, Some("new"), fixed)).await, 200);
    assert_eq!(try_token(&gate, &es256(&old, None, fixed)).await, 401, "now it has to say which");
    assert_eq!(status(&gate.check(&mut pass, Operation::Read, at(1)).await), 200);

    std::fs::write(&path, "{").unwrap();
    assert_eq!(status(&gate.check(&mut pass, Operation::Read, at(1)).await), 200, "a broken file changes nothing");

    write(&[&new_jwk]);
    assert_eq!(status(&gate.check(&mut pass, Operation::Read, at(1)).await), 401, "its key was withdrawn");
    assert_eq!(try_token(&gate, &es256(&old, Some("old"), fixed)).await, 401);
}

#[test]
fn a_wrong_key_file_is_an_error_that_shows_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    std::fs::write(&path, "CANARY").unwrap();
    for keys in [JwtKeys::Secret(path.clone()), JwtKeys::PublicKey(path.clone()), JwtKeys::Jwks(path)] {
        let error = JwtAuth::open(keys).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
    }
    let absent = JwtAuth::open(JwtKeys::Secret(dir.path().join("absent"))).unwrap_err();
    assert!(absent.to_string().contains("absent`: it does not read"), "{absent}");
    let auth = format!("{:?}", open(JwtKeys::Secret(secret(dir.path()))));
    assert!(!auth.contains(SECRET), "{auth}");
}
