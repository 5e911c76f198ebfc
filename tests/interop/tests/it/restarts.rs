//! Servers that go and come back, networks that fall silent.

use livestore_interop::{Client, Network, Server, ServerProcess, Setup, World};
use livestore_sync_client::Transport;
use std::time::Duration;

/// Stops the server, lets something happen without one, and starts it again on the same logs.
fn restart(world: &World, network: &Network, server: Server, meanwhile: impl FnOnce()) -> Server {
    server.stop();
    meanwhile();
    let server = world.server("data");
    network.lead_to(server.address());
    server
}

#[test]
fn a_restart_of_the_server_is_survived() {
    let Some(world) = World::start_in_ci("restart") else { return };
    let mut server = world.server("data");
    let network = Network::to(server.address());
    let rust = world.rust(&network, "rust");
    let asking = world.rust_with(&network, "asking", |client| {
        client.transport(Transport::Http).poll_interval(Duration::from_millis(200))
    });
    let typescript = world.typescript(&network, &Setup::ws("typescript"));
    rust.add("a");
    let _ = world.converged(&[&rust, &asking, &typescript], 1);
    let backend_id = server.backend_id("restart");
    for round in 0..2 {
        server = restart(&world, &network, server, || {
            typescript.add(&format!("t{round}"));
            rust.add(&format!("r{round}"));
            asking.add(&format!("h{round}"));
        });
        let _ = world.converged(&[&rust, &asking, &typescript], 4 + 4 * round);
        // Whoever came back is told what is new: its pull goes on.
        rust.add(&format!("news{round}"));
        let _ = world.converged(&[&rust, &asking, &typescript], 5 + 4 * round);
    }
    assert_eq!(server.backend_id("restart"), backend_id);
    assert_eq!(server.log("restart").len(), 9);
    server.stop();
}

/// Over HTTP the published TypeScript client does not ask again after a request that failed, whatever the server; it goes on with its
/// next start, and has lost nothing.
#[test]
fn a_client_over_http_goes_on_with_its_next_start() {
    let Some(world) = World::start_in_ci("restart-http") else { return };
    let server = world.server("data");
    let network = Network::to(server.address());
    let rust = world.rust(&network, "rust");
    let setup = Setup::http("polling").dir(&world.dir("polling"));
    let polling = world.typescript(&network, &setup);
    rust.add("a");
    let _ = world.converged(&[&rust, &polling], 1);
    let server = restart(&world, &network, server, || {
        polling.add("b");
        polling.quit();
    });
    rust.add("c");
    let polling = world.typescript(&network, &setup);
    let _ = world.converged(&[&rust, &polling], 3);
    server.stop();
}

/// TypeScript clients that give a silent connection up connect again without pulling again. The server ends such a connection, and
/// then they pull.
#[test]
fn a_connection_that_fell_silent_does_not_leave_a_client_behind() {
    let Some(world) = World::start_in_ci("silent") else { return };
    let server = world.server("data");
    let (near, far) = (Network::to(server.address()), Network::to(server.address()));
    let rust = world.rust(&near, "rust");
    let typescript = world.typescript(&far, &Setup::ws("typescript").ping_ms(500));
    rust.add("a");
    let _ = world.converged(&[&rust, &typescript], 1);
    far.mute();
    rust.add("b");
    typescript.add("c");
    let _ = world.converged(&[&rust, &typescript], 3);
    rust.add("d");
    let _ = world.converged(&[&rust, &typescript], 4);
    server.stop();
}

/// Both sides commit all the time, and the server is killed again and again. Each side has few commits under way: TypeScript clients
/// of 0.4.0 lose count where they rebase many (see the README).
#[test]
fn a_server_that_is_killed_while_both_commit_loses_nothing() {
    const EACH: usize = 20;
    let Some(world) = World::start_in_ci("killed") else { return };
    let program = env!("CARGO_BIN_EXE_backend");
    let mut server = ServerProcess::start(program, &world.dir("data"));
    let network = Network::to(server.address());
    let rust = world.rust(&network, "rust");
    let typescript = world.typescript(&network, &Setup::ws("typescript").ping_ms(1_000));
    let has = |client: &dyn Client, step: &str| client.trail().split(' ').any(|seen| seen == step);
    for n in 0..EACH {
        // In turns: clients of 0.4.0 lose count where they commit while events of others come, over any server (see the README).
        for (is_rust, name) in [(true, format!("r{n}")), (false, format!("t{n}"))] {
            if is_rust {
                rust.add(&name)
            } else {
                typescript.add(&name)
            }
            // What was committed just now is on its way, or stored and not answered.
            if n % 10 == if is_rust { 3 } else { 7 } {
                server.kill();
                server = ServerProcess::start(program, &world.dir("data"));
                network.lead_to(server.address());
            }
            let step = format!("+{name}");
            world.until(&format!("{step} is at both"), || has(&rust, &step) && has(&typescript, &step));
        }
    }
    // All of it is in the log that the last server has.
    let late = world.typescript(&network, &Setup::ws("late"));
    let (trail, _) = world.converged(&[&rust, &late], 2 * EACH);
    for side in ["+r", "+t"] {
        let own: Vec<_> = trail.iter().filter(|step| step.starts_with(side)).cloned().collect();
        let expected: Vec<_> = (0..EACH).map(|n| format!("{side}{n}")).collect();
        assert_eq!(own, expected, "each once, in order");
    }
}
