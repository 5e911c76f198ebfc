//! Events of another crate, which two schemas materialize differently; and two events of one Rust name.

use livestore::{IntoWrites, Result, Store, Table, event, materializers, memory, schema, table};
use livestore_ui_shared::{MemberJoined, MemberLeft, MembersCounted};

/// The application that keeps the members.
mod client {
    use super::*;

    #[table("members")]
    pub struct Member {
        #[column(primary_key)]
        pub id: String,
        pub name: String,
    }

    #[schema(events(MemberJoined, MemberLeft, MembersCounted), tables(Member))]
    pub struct Client;

    #[materializers]
    impl Client {
        fn joined(MemberJoined { id, name }: MemberJoined) -> impl IntoWrites {
            Member { id, name }.insert()
        }

        fn left(MemberLeft { id }: MemberLeft) -> impl IntoWrites {
            Member::delete().filter(|t| t.id.eq(id))
        }

        fn counted(_: MembersCounted) {}
    }
}

/// The one that only counts.
mod counter {
    use super::*;
    use livestore_ui_shared as shared;

    #[event("v1.CounterLeft", client_only)]
    pub struct MemberLeft;

    #[table("counters")]
    pub struct Counter {
        #[column(primary_key)]
        pub id: i64,
        pub joined: i64,
    }

    #[schema(
        events(shared::MemberJoined, shared::MemberLeft, MemberLeft as CounterLeft),
        tables(Counter),
    )]
    pub struct Counting;

    #[materializers]
    impl Counting {
        fn joined(_: shared::MemberJoined) -> impl IntoWrites {
            Counter { id: 1, joined: 1 }.insert().on_conflict(|t| t.id).update(|t, _| t.joined.to(t.joined.add(1)))
        }

        fn left(_: shared::MemberLeft) {}

        fn counter_left(_: MemberLeft) {}
    }
}

#[test]
fn one_event_two_schemas() -> Result<()> {
    let joined = MemberJoined { id: "a".into(), name: "Ada".into() };
    let store = Store::<client::Client>::open(memory(), "members")?;
    store.commit((joined.clone(), MembersCounted))?;
    assert_eq!(store.query(&client::Member::query().select(|t| t.name))?, ["Ada"]);
    let store = Store::<counter::Counting>::open(memory(), "members")?;
    store.commit([joined.clone(), joined])?;
    store.commit(counter::MemberLeft)?;
    assert_eq!(store.query(&counter::Counter::query().select(|t| t.joined))?, [2]);
    Ok(())
}

#[test]
fn events_of_one_rust_name_are_told_apart_by_as() {
    let event = counter::CountingEvent::CounterLeft(counter::MemberLeft);
    assert!(matches!(event, counter::CountingEvent::CounterLeft(_)));
}
