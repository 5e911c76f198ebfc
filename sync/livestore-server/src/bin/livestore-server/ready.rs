//! `livestore-server ready`.

use crate::Ended;
use clap::Args;
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

/// Longer than the server takes to find out.
const ANSWER_MAX: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct ReadyArgs {
    /// Where the server listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787", env = "LIVESTORE_LISTEN")]
    listen: SocketAddr,
}

pub(crate) fn run(args: &ReadyArgs) -> Ended {
    let address = SocketAddr::new(reachable(args.listen.ip()), args.listen.port());
    let answer = ask(address).map_err(|error| format!("no answer from {address}: {error}"))?;
    if answer.starts_with("HTTP/1.1 200 ") {
        return Ok(ExitCode::SUCCESS);
    }
    Err(format!("{address} is not ready").into())
}

/// A server that listens everywhere is here too.
const fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    }
}

fn ask(address: SocketAddr) -> Result<String, Box<dyn Error>> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_MAX)?;
    stream.set_read_timeout(Some(ANSWER_MAX))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(16 << 10).read_to_string(&mut answer)?;
    Ok(answer)
}
