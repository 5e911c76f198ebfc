//! Tokens, as TypeScript clients and stores in Rust show them.

use livestore::SyncError;
use livestore_interop::{Client as _, Network, Setup, World};
use std::path::{Path, PathBuf};

fn write_tokens(world: &World, lines: &str) -> PathBuf {
    let path = world.dir("tokens").join("tokens");
    // Whole at once: the server reads it when it likes.
    let new = path.with_extension("new");
    std::fs::write(&new, lines).unwrap();
    std::fs::rename(&new, &path).unwrap();
    path
}

const KNOWN: &str = "known-token-1 auth-* write\nreader-token auth-* read\n";

/// Characters that a URL has to encode, twice.
const ODD: &str = "odd+token/==%2F&\u{e9}";

#[test]
fn who_has_a_token_comes_in_and_who_has_none_stays_out() {
    let Some(world) = World::start_in_ci("auth-tokens") else { return };
    let tokens = write_tokens(&world, &format!("{KNOWN}{ODD} auth-tokens write\n"));
    let server = world.server_with_tokens("data", &tokens);
    let network = Network::to(server.address());
    let rust = world.rust_with(&network, "rust", |client| client.token("known-token-1"));
    let without = Setup::http("nobody").dir(&world.dir("nobody"));
    let [socket, polling, odd, stranger, nobody] = world.typescripts([
        (&network, Setup::ws("socket").token("known-token-1")),
        (&network, Setup::http("polling").token("known-token-1")),
        (&network, Setup::ws("odd").token(ODD)),
        (&network, Setup::ws("stranger").token("unknown-token")),
        (&network, without.clone()),
    ]);
    let rust_stranger = world.rust_with(&network, "rust-stranger", |client| client.token("unknown-token"));
    for (index, outsider) in [&stranger, &nobody].into_iter().enumerate() {
        outsider.add(&format!("outside-{index}"));
    }
    rust_stranger.add("outside-rust");
    socket.add("a");
    let _ = world.converged(&[&rust, &socket, &polling, &odd], 1);
    polling.add("b");
    let _ = world.converged(&[&rust, &socket, &polling, &odd], 2);
    odd.add("c");
    let _ = world.converged(&[&rust, &socket, &polling, &odd], 3);
    rust.add("d");
    let (trail, _) = world.converged(&[&rust, &socket, &polling, &odd], 4);
    assert_eq!(trail, ["+a", "+b", "+c", "+d"]);
    world.until("the store in Rust says why it is not let in", || {
        matches!(rust_stranger.store().sync_status().last_error, Some(SyncError::Unauthorized { .. }))
    });
    let outside = [stranger.trail(), nobody.trail(), rust_stranger.trail()].map(|trail| trail.trim().to_owned());
    assert_eq!(outside, ["+outside-0", "+outside-1", "+outside-rust"], "they see their own alone");

    // Once they are known, what they committed comes too.
    write_tokens(
        &world,
        &format!("{KNOWN}{ODD} auth-tokens write\nunknown-token auth-* write\nanonymous auth-* write\n"),
    );
    // Over HTTP these clients ask no second time before their next start.
    drop(nobody);
    let nobody = world.typescript(&network, &without);
    let all: [&dyn livestore_interop::Client; 7] = [&rust, &socket, &polling, &odd, &stranger, &nobody, &rust_stranger];
    let (trail, _) = world.converged(&all, 7);
    assert_eq!(trail[..4], ["+a", "+b", "+c", "+d"]);
    server.stop();
}

#[test]
fn who_may_only_read_keeps_commits_until_writing_is_allowed() {
    let Some(world) = World::start_in_ci("auth-read") else { return };
    let tokens = write_tokens(&world, KNOWN);
    let server = world.server_with_tokens("data", &tokens);
    let network = Network::to(server.address());
    let rust = world.rust_with(&network, "rust", |client| client.token("known-token-1"));
    let reader = world.typescript(&network, &Setup::ws("reader").token("reader-token"));
    rust.add("a");
    let _ = world.converged(&[&rust, &reader], 1);
    reader.add("b");
    rust.add("c");
    let _ = world.converged(&[&rust], 2);
    let _ = world.converged(&[&reader], 3);
    assert_eq!(server.log("auth-read").len(), 2, "what a reader commits stays with it");
    write_tokens(&world, "known-token-1 auth-* write\nreader-token auth-* write\n");
    let (trail, _) = world.converged(&[&rust, &reader], 3);
    assert_eq!(trail, ["+a", "+c", "+b"]);
    server.stop();
}

/// Tokens that `jose` signed, from npm, and the keys that verify them.
#[test]
fn signed_tokens_let_in_and_forged_ones_do_not() {
    let Some(world) = World::start_in_ci("team-signed") else { return };
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sync/livestore-server/tests/cli/keys");
    let token = |name: &str| std::fs::read_to_string(keys.join(name)).unwrap().trim().to_owned();
    let server = world.server_with_jwks("data", &keys.join("jwks.json"));
    let network = Network::to(server.address());
    let rust = world.rust_with(&network, "rust", |client| client.token(token("rs256.jwt")));
    let [socket, polling, reader, forger, late] = world.typescripts([
        (&network, Setup::ws("socket").token(&token("es256.jwt"))),
        (&network, Setup::http("polling").token(&token("rs256.jwt"))),
        (&network, Setup::ws("reader").token(&token("es256-read.jwt"))),
        (&network, Setup::ws("forger").token(&token("es256-forged.jwt"))),
        (&network, Setup::ws("late").token(&token("rs256-expired.jwt"))),
    ]);
    forger.add("forged");
    late.add("late");
    socket.add("a");
    let _ = world.converged(&[&rust, &socket, &polling, &reader], 1);
    polling.add("b");
    let _ = world.converged(&[&rust, &socket, &polling, &reader], 2);
    rust.add("c");
    let (trail, _) = world.converged(&[&rust, &socket, &polling, &reader], 3);
    assert_eq!(trail, ["+a", "+b", "+c"]);
    assert_eq!([forger.trail().trim(), late.trail().trim()], ["+forged", "+late"], "they see their own alone");
    reader.add("d");
    rust.add("e");
    let _ = world.converged(&[&rust, &socket, &polling], 4);
    let _ = world.converged(&[&reader], 5);
    assert_eq!(server.log("team-signed").len(), 4, "what a reader commits stays with it");
    server.stop();
}
