//! Events whose fields change between versions of an application.

use livestore::*;
use livestore_tests::scratch::Scratch;

macro_rules! version {
    ($version:ident { $($(#[$attr:meta])* $field:ident: $ty:ty),* $(,)? }) => {
        mod $version {
            use livestore::*;

            #[event("v1.Opened")]
            pub(super) struct Opened {
                pub(super) id: i64,
                $($(#[$attr])* pub(super) $field: $ty,)*
            }

            #[table("accounts")]
            pub(super) struct Account {
                #[column(primary_key)]
                pub(super) id: i64,
            }

            #[schema(events(Opened), tables(Account))]
            pub(super) struct App;

            #[materializers]
            impl App {
                fn opened(event: Opened) -> impl IntoWrites {
                    Account { id: event.id }.insert()
                }
            }
        }
    };
}

version!(first {});
version!(required { budget: i64 });
version!(defaulted {
    #[serde(default)]
    budget: i64,
});

/// How many rows there are, and how many groups are quarantined, when this version opens the store.
fn seen<S: Schema, T: Table>(scratch: &Scratch) -> (i64, usize) {
    let store = Store::<S>::open(native(scratch.path()), "accounts").expect("it opens");
    (store.query(&T::query().count()).expect("it reads"), store.status().quarantined.len())
}

#[test]
fn a_field_that_older_events_lack_is_told_and_a_default_heals_it() {
    let scratch = Scratch::new("payloads");
    let store = Store::<first::App>::open(native(scratch.path()), "accounts").expect("it opens");
    store.commit([first::Opened { id: 1 }, first::Opened { id: 2 }]).expect("they are taken");
    store.shutdown().expect("it drains");
    assert_eq!(seen::<first::App, first::Account>(&scratch), (2, 0));
    // The materializer is the same to the letter: the field alone makes another state.
    assert_eq!(seen::<required::App, required::Account>(&scratch), (0, 1));
    assert_eq!(seen::<defaulted::App, defaulted::Account>(&scratch), (2, 0));
}
