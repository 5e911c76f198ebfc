//! Defects that are switched on, one after the other: a test by example fails with each.

use livestore::__testing::{Harness, Mutant};
use livestore_tests::zoo::{Case, check};

const CASES: [Case<'_>; 11] = [
    (Mutant::PendingLostAtRestart, "recovery_crash_points::around_an_append_to_the_journal", &[]),
    (Mutant::CommitNotKept, "recovery_crash_points::around_an_append_to_the_journal", &[]),
    (Mutant::StateBeforeLog, "recovery_crash_points::around_the_two_transactions_of_the_leader", &[]),
    (Mutant::StateLagNotSeen, "recovery_crash_points::around_the_two_transactions_of_the_leader", &[]),
    (Mutant::QueriesMissWhatWasUndone, "live_rebase::what_a_rebase_undid_is_gone_from_live_queries", &[]),
    (Mutant::DependenciesAreFrozen, "live_queries::what_a_closure_reads_is_noted_at_each_run", &[]),
    (Mutant::FingerprintIgnored, "native_upgrades::a_changed_materializer_rebuilds_state", &[]),
    (Mutant::ForkNotSeen, "sync_other_backend::a_restored_backend_that_others_wrote_to_is_noticed", &[]),
    (Mutant::ConstraintIgnored, "commit_groups::a_failing_event_takes_its_group_with_it", &[]),
    (Mutant::LargeNeverSent, "sync_regressions::an_event_as_large_as_may_be_blocks_nothing", &[]),
    (Mutant::NewSessionMissesNews, "store_sessions::a_second_session_sees_both_kinds_of_event", &[]),
];

#[test]
fn every_defect_is_found() {
    check(Harness::Examples, &CASES);
}
