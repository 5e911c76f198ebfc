//! Items that are public, private, and in between, over modules.
#![deny(warnings)]
#![forbid(unsafe_code)]

use livestore::{ClientDocument, IntoWrites, Result, Store, Table, materializers, memory, schema};

mod events {
    #[livestore::event("v1.Public")]
    pub struct Public {
        pub id: i64,
    }

    #[livestore::event("v1.Restricted")]
    pub(crate) struct Restricted {
        pub(crate) id: i64,
        secret: String,
    }

    impl Restricted {
        pub(crate) fn new(id: i64) -> Self {
            Self { id, secret: "s".to_owned() }
        }

        pub(crate) fn secret(self) -> String {
            self.secret
        }
    }
}

mod tables {
    use livestore::Table;

    /// A public table with a private column: outside this module the column cannot be named, and rows come from `new`.
    #[livestore::table("accounts")]
    pub struct Account {
        #[column(primary_key)]
        pub id: i64,
        pub(in crate::visibility) note: Option<String>,
        secret: String,
    }

    impl Account {
        pub(super) fn new(id: i64, secret: String) -> Self {
            Self { id, note: None, secret }
        }

        pub(super) fn of_secret(secret: &str) -> livestore::Query<Self, Vec<Self>> {
            Self::query().filter(|t| t.secret.eq(secret))
        }
    }
}

#[livestore::client_document("panel", id = "main")]
#[derive(Default)]
pub(crate) struct Panel {
    is_open: bool,
}

/// Private, in a public schema.
#[livestore::event("v1.Private")]
struct Private;

#[schema(events(events::Public, events::Restricted, Private), tables(tables::Account), documents(Panel))]
pub struct App;

#[materializers]
impl App {
    fn public(event: events::Public) -> impl IntoWrites {
        tables::Account::new(event.id, String::new()).insert()
    }

    fn restricted(event: events::Restricted) -> impl IntoWrites {
        tables::Account::new(event.id, event.secret()).insert()
    }

    fn private(_: Private) {}
}

#[test]
fn private_columns_are_read_and_written() -> Result<()> {
    let store = Store::<App>::open(memory(), "visibility")?;
    store.commit((events::Public { id: 1 }, events::Restricted::new(2), Private, Panel::set().is_open(true)))?;
    assert!(store.query(&Panel::get())?.is_open);
    let found = store.query(&tables::Account::of_secret("s").one())?;
    assert_eq!((found.id, found.note), (2, None));
    Ok(())
}
