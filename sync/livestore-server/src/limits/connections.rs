use super::ServerLimits;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the connections of a server, and of each address and principal.
///
/// ```
/// use livestore_server::limits::{ConnectionRefused, Connections, ServerLimits};
///
/// let limits = ServerLimits { connections_per_principal_max: 1, ..ServerLimits::default() };
/// let connections = Connections::new(&limits);
/// let mut first = connections.accept([127, 0, 0, 1].into())?;
/// first.identify("ada")?;
/// let mut second = connections.accept([127, 0, 0, 1].into())?;
/// assert_eq!(second.identify("ada"), Err(ConnectionRefused::Principal { max: 1 }));
/// drop(first);
/// second.identify("ada")?;
/// # Ok::<(), ConnectionRefused>(())
/// ```
#[derive(Clone, Debug)]
pub struct Connections {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    all_max: usize,
    address_max: usize,
    principal_max: usize,
    counts: Mutex<Counts>,
}

/// Both maps hold what is connected now, so `all` bounds them.
#[derive(Debug, Default)]
struct Counts {
    all: usize,
    addresses: HashMap<IpAddr, usize>,
    principals: HashMap<Arc<str>, usize>,
}

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionRefused {
    /// The server has no room.
    #[error("the server has {max} connections already")]
    Server {
        /// As many as it may have.
        max: usize,
    },
    /// The address has too many.
    #[error("the address has {max} connections already")]
    Address {
        /// As many as it may have.
        max: usize,
    },
    /// The principal has too many.
    #[error("the principal has {max} connections already")]
    Principal {
        /// As many as it may have.
        max: usize,
    },
}

impl Connections {
    /// With the limits of a server.
    #[must_use]
    pub fn new(limits: &ServerLimits) -> Self {
        let shared = Shared {
            all_max: limits.connections_max,
            address_max: limits.connections_per_address_max,
            principal_max: limits.connections_per_principal_max,
            counts: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes a connection, before anything is read from it. It counts until the guard is dropped.
    ///
    /// # Errors
    ///
    /// The server or the address has as many as it may have.
    pub fn accept(&self, peer: IpAddr) -> Result<ConnectionGuard, ConnectionRefused> {
        let address = network(peer);
        let mut counts = self.shared.counts();
        if counts.all >= self.shared.all_max {
            return Err(ConnectionRefused::Server { max: self.shared.all_max });
        }
        if !add(&mut counts.addresses, address, self.shared.address_max) {
            return Err(ConnectionRefused::Address { max: self.shared.address_max });
        }
        counts.all += 1;
        Ok(ConnectionGuard { shared: Arc::clone(&self.shared), address, principal: None })
    }

    /// How many there are, for a metric.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.counts().all
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Nothing panics between two counts that belong together.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds a connection's place; dropping it gives the place back.
#[derive(Debug)]
pub struct ConnectionGuard {
    shared: Arc<Shared>,
    address: IpAddr,
    principal: Option<Arc<str>>,
}

impl ConnectionGuard {
    /// Counts the connection for its principal too, once it is known. Who is anonymous counts by address only.
    ///
    /// # Errors
    ///
    /// The principal has as many as it may have. The connection still counts for its address, until it is dropped.
    pub fn identify(&mut self, principal: &str) -> Result<(), ConnectionRefused> {
        if self.principal.as_deref() == Some(principal) {
            return Ok(());
        }
        let principal: Arc<str> = principal.into();
        let mut counts = self.shared.counts();
        if !add(&mut counts.principals, Arc::clone(&principal), self.shared.principal_max) {
            return Err(ConnectionRefused::Principal { max: self.shared.principal_max });
        }
        if let Some(previous) = self.principal.replace(principal) {
            remove(&mut counts.principals, &previous);
        }
        Ok(())
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let mut counts = self.shared.counts();
        counts.all = counts.all.saturating_sub(1);
        remove(&mut counts.addresses, &self.address);
        if let Some(principal) = &self.principal {
            remove(&mut counts.principals, principal);
        }
    }
}

/// What counts as one address: an IPv4 address however it is written, and the network of an IPv6 host, which owns all of it.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

fn add<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K, max: usize) -> bool {
    let count = counts.get(&key).copied().unwrap_or_default();
    if count >= max {
        return false;
    }
    counts.insert(key, count + 1);
    true
}

fn remove<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    match counts.get_mut(key) {
        Some(count) if *count > 1 => *count -= 1,
        _ => drop(counts.remove(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> ServerLimits {
        ServerLimits {
            connections_max: 10,
            connections_per_address_max: 4,
            connections_per_principal_max: 3,
            ..ServerLimits::default()
        }
    }

    fn host(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn an_address_has_an_edge() {
        let connections = Connections::new(&limits());
        let mut guards: Vec<_> = (0..3).map(|_| connections.accept(host(1)).unwrap()).collect();
        guards.push(connections.accept(host(1)).unwrap());
        assert_eq!(connections.accept(host(1)).unwrap_err(), ConnectionRefused::Address { max: 4 });
        connections.accept(host(2)).unwrap();
        guards.pop();
        connections.accept(host(1)).unwrap();
    }

    #[test]
    fn a_server_has_an_edge() {
        let connections = Connections::new(&limits());
        let mut guards: Vec<_> = (0..9).map(|last| connections.accept(host(last)).unwrap()).collect();
        guards.push(connections.accept(host(9)).unwrap());
        assert_eq!(connections.accept(host(10)).unwrap_err(), ConnectionRefused::Server { max: 10 });
        assert_eq!(connections.len(), 10);
        guards.clear();
        assert!(connections.is_empty());
        let counts = connections.shared.counts();
        assert!(counts.addresses.is_empty() && counts.principals.is_empty(), "nothing stays behind");
    }

    #[test]
    fn a_principal_has_an_edge() {
        let connections = Connections::new(&limits());
        let mut guards: Vec<_> = (0..4).map(|last| connections.accept(host(last)).unwrap()).collect();
        let results: Vec<_> = guards.iter_mut().map(|guard| guard.identify("ada")).collect();
        assert_eq!(results, [Ok(()), Ok(()), Ok(()), Err(ConnectionRefused::Principal { max: 3 })]);
        guards[0].identify("ada").unwrap();
        guards[0].identify("grace").unwrap();
        guards[3].identify("ada").unwrap();
        guards.clear();
        assert!(connections.shared.counts().principals.is_empty());
    }

    #[test]
    fn one_host_is_one_address() {
        let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(same("10.0.0.1", "::ffff:10.0.0.1"));
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(!same("10.0.0.1", "10.0.0.2"));
    }

    #[test]
    fn the_defaults_have_edges() {
        let limits = ServerLimits::default();
        let connections = Connections::new(&limits);
        let mut guards: Vec<_> = (0..64).map(|_| connections.accept(host(1)).unwrap()).collect();
        assert!(connections.accept(host(1)).is_err());
        let refused = guards.iter_mut().filter_map(|guard| guard.identify("ada").err()).count();
        assert_eq!(refused, 64 - 16);
    }
}
