//! A disk that fails while a store meets a backend: when it is well again the store goes on by itself, without being opened again.

use livestore::*;
use livestore_tests::fault_vfs::{Fault as DiskFault, FaultVfs};
use livestore_tests::items::{Added, App};
use livestore_tests::scratch::Scratch;
use std::time::Duration;

fn pump(store: &Store<App>, now: &mut Duration, until: Duration) {
    while *now < until {
        let due = store.pump(*now).unwrap_or(until);
        *now = due.max(*now + Duration::from_millis(1)).min(until);
    }
}

/// A store with something pending meets its first backend, and then another one; each time the disk fails once on the way.
fn meet(vfs: &FaultVfs, fault: DiskFault, at: u64) -> u64 {
    let scratch = Scratch::new("sync-disk");
    let backend = MemoryBackend::new();
    backend.set_online(false);
    livestore::__testing::with_vfs(scratch.path(), vfs.name(), || {
        vfs.arm(None);
        let store = Store::<App>::builder(native(scratch.path()), "items").sync(backend.clone()).pumped().open();
        let store = store.expect("it opens");
        let mut now = Duration::ZERO;
        let mut hits = 0;
        for round in 1..=2 {
            let receipt = store.commit(Added { id: round }).expect("it is taken");
            pump(&store, &mut now, Duration::from_secs(1_000 * round as u64 - 950));
            vfs.arm(Some((at, fault)));
            backend.set_online(true);
            pump(&store, &mut now, Duration::from_secs(1_000 * round as u64 - 800));
            hits += vfs.passed().1;
            vfs.arm(None);
            pump(&store, &mut now, Duration::from_secs(1_000 * round as u64));
            let status = store.sync_status();
            assert!(
                status.is_synced() && status.synced == round as u64,
                "{fault:?} at {at}, round {round}: {status:?} {:?}",
                store.status().leader
            );
            assert!(receipt.poll().is_some(), "{fault:?} at {at}, round {round}");
            backend.set_online(false);
            backend.replace();
        }
        hits
    })
}

#[test]
fn a_store_goes_on_when_its_disk_does_wherever_it_failed() {
    let vfs = FaultVfs::register("sync-disk");
    let stride = if std::env::var_os("CI").is_some() { 1 } else { 5 };
    for fault in [DiskFault::Once, DiskFault::HalfWrite, DiskFault::Sync, DiskFault::ForEver, DiskFault::Full] {
        let hits: u64 = (1..=90).step_by(stride).map(|at| meet(vfs, fault, at)).sum();
        assert!(hits > 0, "{fault:?} never happened");
    }
}
