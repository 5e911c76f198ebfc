use std::net::SocketAddr;

/// A server without authentication was to be reachable from other machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`--listen {addr}` is reachable from other machines and nothing says who may connect: \
     give `--tokens FILE` or a `--jwt-…` key, or listen on 127.0.0.1"
)]
pub struct BindRefused {
    /// Where it was to listen.
    pub addr: SocketAddr,
}

/// Whether a server may listen here: anywhere when it authenticates, on the loopback only when it does not.
///
/// # Errors
///
/// It does not authenticate and the address is no loopback address.
///
/// ```
/// use livestore_server::auth::check_bind;
///
/// assert!(check_bind("127.0.0.1:8787".parse()?, false).is_ok());
/// assert!(check_bind("0.0.0.0:8787".parse()?, true).is_ok());
/// let error = check_bind("0.0.0.0:8787".parse()?, false).unwrap_err();
/// assert!(error.to_string().contains("--tokens FILE"));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn check_bind(addr: SocketAddr, has_auth: bool) -> Result<(), BindRefused> {
    if has_auth || addr.ip().to_canonical().is_loopback() { Ok(()) } else { Err(BindRefused { addr }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loopback_is_open_without_authentication() {
        for (addr, is_open) in [
            ("127.0.0.1:1", true),
            ("127.255.0.1:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("10.0.0.1:1", false),
            ("[::ffff:10.0.0.1]:1", false),
            ("[fe80::1]:1", false),
        ] {
            let addr: SocketAddr = addr.parse().unwrap();
            assert_eq!(check_bind(addr, false).is_ok(), is_open, "{addr}");
            assert_eq!(check_bind(addr, true), Ok(()), "{addr}");
        }
    }
}
