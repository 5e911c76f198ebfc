//! A server whose logs were lost, or another one at the same address.

use livestore_interop::{Client as _, Network, PATIENCE, Setup, World};

/// What each language does: TypeScript drops what it has and ends, to begin anew with the new log at its next start; Rust joins the
/// new log and brings what it knows along, so that nothing is lost that any store in Rust had seen.
#[test]
fn a_replaced_backend_is_joined_by_rust_and_begun_anew_by_typescript() {
    let Some(world) = World::start_in_ci("replaced") else { return };
    let server = world.server("data");
    let network = Network::to(server.address());
    let rust = world.rust(&network, "rust");
    let setup = Setup::ws("typescript").dir(&world.dir("typescript"));
    let typescript = world.typescript(&network, &setup);
    rust.add("a");
    let _ = world.converged(&[&rust, &typescript], 1);
    typescript.add("b");
    let (trail, _) = world.converged(&[&rust, &typescript], 2);
    let first = server.backend_id("replaced");

    network.cut();
    server.stop();
    let data = world.dir("data");
    std::fs::remove_dir_all(&data).unwrap();
    let server = world.server("data");
    network.lead_to(server.address());
    network.mend();

    world.until("Rust has brought the events to the new log", || server.log("replaced").len() == 2);
    assert!(rust.store().wait_synced(PATIENCE));
    assert_ne!(server.backend_id("replaced"), first);
    assert_eq!(rust.store().sync_status().backend_id.map(|id| id.as_str().to_owned()), server.backend_id("replaced"));
    world.until("the store in TypeScript ends", || typescript.has_said("LiveStore shutdown complete"));
    drop(typescript);

    let typescript = world.typescript(&network, &setup);
    assert_eq!(world.converged(&[&rust, &typescript], 2).0, trail);
    typescript.add("c");
    rust.add("d");
    let _ = world.converged(&[&rust, &typescript], 4);
    assert_eq!(server.log("replaced").len(), 4);
    assert!(!rust.trail().is_empty());
    server.stop();
}
