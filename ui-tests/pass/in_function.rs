//! A whole schema inside a function, as tests have it.

use livestore::{IntoWrites, Result, Store, Table, event, materializers, memory, schema, table};

#[test]
fn a_schema_may_be_local_to_a_function() -> Result<()> {
    #[event("v1.Added")]
    struct Added {
        id: i64,
    }

    #[table("numbers")]
    struct Number {
        #[column(primary_key)]
        id: i64,
    }

    #[schema(events(Added), tables(Number))]
    struct Local;

    #[materializers]
    impl Local {
        fn added(Added { id }: Added) -> impl IntoWrites {
            Number { id }.insert()
        }
    }

    let store = Store::<Local>::open(memory(), "local")?;
    store.commit(vec![Added { id: 1 }, Added { id: 2 }])?;
    assert_eq!(store.query(&Number::query().order_by(|t| t.id.desc()).select(|t| t.id))?, [2, 1]);
    Ok(())
}

#[test]
fn an_empty_schema_opens() -> Result<()> {
    #[schema()]
    struct Empty;
    Store::<Empty>::open(memory(), "empty")?;
    Ok(())
}
