//! Each fault does what it says, once.

use super::*;

#[test]
fn the_log_outlives_its_connections() {
    let backend = with_log(1);
    let mut client = Client::new(&backend);
    client.pull(0, true);
    assert_eq!(client.numbers(), [1]);
    client.woken();
    backend.set_online(false);
    assert_eq!((client.woken(), backend.connections()), (1, 0));
    assert!(matches!(client.ended(), SyncError::Offline { .. }));
    assert!(matches!(Client::new(&backend).ended(), SyncError::Offline { .. }));
    backend.set_online(true);
    let mut client = Client::new(&backend);
    client.pull(0, false);
    assert_eq!(client.numbers(), [1]);
}
