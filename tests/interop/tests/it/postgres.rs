//! Servers that keep their logs in PostgreSQL.

use crate::postgres_server::Postgres;
use livestore_interop::{Network, Setup, World};

/// Each language is at a server of its own, on one database.
#[test]
fn clients_of_two_servers_share_a_store() {
    let Some(world) = World::start_in_ci("database") else { return };
    let Some(postgres) = Postgres::start() else { return };
    let [first, second] = [world.server_on_postgres(&postgres.url()), world.server_on_postgres(&postgres.url())];
    let (near, far) = (Network::to(first.address()), Network::to(second.address()));
    let rust = world.rust(&near, "rust");
    let [socket, polling] = world.typescripts([(&far, Setup::ws("socket")), (&far, Setup::http("polling"))]);
    rust.add("a");
    let _ = world.converged(&[&rust, &socket, &polling], 1);
    socket.add("b");
    let _ = world.converged(&[&rust, &socket, &polling], 2);
    polling.add("c");
    let _ = world.converged(&[&rust, &socket, &polling], 3);
    // Both write while they cannot hear each other.
    near.cut();
    far.cut();
    rust.add("d");
    socket.add("e");
    near.mend();
    far.mend();
    let _ = world.converged(&[&rust, &socket], 5);
    // One server is gone, and its clients go to the other.
    first.stop();
    near.lead_to(second.address());
    rust.add("f");
    socket.add("g");
    let (trail, _) = world.converged(&[&rust, &socket], 7);
    assert_eq!(trail[..3], ["+a", "+b", "+c"]);
    assert_eq!(second.log("database").len(), 7);
    let late = world.typescript(&far, &Setup::http("late"));
    assert_eq!(world.converged(&[&rust, &socket, &late], 7).0, trail);
    second.stop();
}
