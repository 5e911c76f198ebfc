pub struct App;
///Any event of schema [`App`].
#[allow(deprecated, private_interfaces)]
#[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
pub enum AppEvent {
    ///The event `TodoCreated`.
    TodoCreated(TodoCreated),
    ///The event `todos::Created`.
    OtherCreated(todos::Created),
    ///Sets the document `UiState`.
    UiStateSet(<UiState as ::livestore::ClientDocument>::Set),
}
#[allow(deprecated, unreachable_code, unused_variables)]
const _: () = {
    const NAMES: [&str; 3usize] = [
        <TodoCreated as ::livestore::Event>::DEF.name,
        <todos::Created as ::livestore::Event>::DEF.name,
        <<UiState as ::livestore::ClientDocument>::Set as ::livestore::Event>::DEF.name,
    ];
    const TABLES: [&::livestore::__private::TableDef; 2usize] = [
        <Todo as ::livestore::Table>::DEF,
        <UiState as ::livestore::ClientDocument>::DEF.table,
    ];
    const _: () = ::core::assert!(
        ::livestore::__private::is_first(& NAMES, 0usize),
        "event `TodoCreated` has the wire name of an earlier event in this schema"
    );
    const _: () = ::core::assert!(
        ::livestore::__private::is_first(& NAMES, 1usize),
        "event `todos::Created` has the wire name of an earlier event in this schema"
    );
    const _: () = ::core::assert!(
        ::livestore::__private::is_first(& NAMES, 2usize),
        "the set event of document `UiState` has the wire name of an earlier event in this schema"
    );
    const _: () = ::core::assert!(
        ::livestore::__private::is_first_table(& TABLES, 0usize),
        "table `Todo` has the SQL name of an earlier table in this schema (SQLite folds case)"
    );
    const _: () = ::core::assert!(
        ::livestore::__private::lists_targets(& TABLES, 0usize),
        "table `Todo` has a foreign key to a table that this schema does not list"
    );
    const _: () = ::core::assert!(
        ::livestore::__private::is_first_table(& TABLES, 1usize),
        "document `UiState` has the SQL name of an earlier table in this schema (SQLite folds case)"
    );
    const _: () = ::core::assert!(
        ::livestore::__private::lists_targets(& TABLES, 1usize),
        "table `UiState` has a foreign key to a table that this schema does not list"
    );
    #[automatically_derived]
    impl ::livestore::Schema for App {
        type Event = AppEvent;
        const DEF: &'static ::livestore::__private::SchemaDef = &::livestore::__private::SchemaDef {
            name: "App",
            events: &[
                ::livestore::__private::EventEntry {
                    def: <TodoCreated as ::livestore::Event>::DEF,
                    materializer_version: <TodoCreated as ::livestore::Materialize<
                        App,
                    >>::VERSION,
                },
                ::livestore::__private::EventEntry {
                    def: <todos::Created as ::livestore::Event>::DEF,
                    materializer_version: <todos::Created as ::livestore::Materialize<
                        App,
                    >>::VERSION,
                },
                ::livestore::__private::EventEntry {
                    def: <<UiState as ::livestore::ClientDocument>::Set as ::livestore::Event>::DEF,
                    materializer_version: 1,
                },
            ],
            tables: &[<Todo as ::livestore::Table>::DEF],
            documents: &[<UiState as ::livestore::ClientDocument>::DEF],
        };
    }
    #[automatically_derived]
    impl ::livestore::SchemaEvent<App> for AppEvent {
        fn def(&self) -> &'static ::livestore::__private::EventDef {
            match *self {
                Self::TodoCreated(_) => <TodoCreated as ::livestore::Event>::DEF,
                Self::OtherCreated(_) => <todos::Created as ::livestore::Event>::DEF,
                Self::UiStateSet(_) => {
                    <<UiState as ::livestore::ClientDocument>::Set as ::livestore::Event>::DEF
                }
            }
        }
        fn encode(
            &self,
            session: &::livestore::SessionId,
        ) -> ::livestore::__private::Result<
            ::livestore::__private::Option<::livestore::__private::Box<str>>,
            ::livestore::EncodeError,
        > {
            match *self {
                Self::TodoCreated(ref event) => {
                    <TodoCreated as ::livestore::Event>::__encode(event)
                }
                Self::OtherCreated(ref event) => {
                    <todos::Created as ::livestore::Event>::__encode(event)
                }
                Self::UiStateSet(ref event) => {
                    ::livestore::__private::encode_document(event, session)
                }
            }
        }
        fn decode(
            name: &str,
            args: ::livestore::__private::Option<&str>,
        ) -> ::livestore::__private::Option<::livestore::__private::Result<Self>> {
            ::livestore::__private::Some(
                match ::livestore::__private::position(&NAMES, name)? {
                    0usize => {
                        <TodoCreated as ::livestore::Event>::__decode(args)
                            .map(Self::TodoCreated)
                    }
                    1usize => {
                        <todos::Created as ::livestore::Event>::__decode(args)
                            .map(Self::OtherCreated)
                    }
                    2usize => {
                        <<UiState as ::livestore::ClientDocument>::Set as ::livestore::Event>::__decode(
                                args,
                            )
                            .map(Self::UiStateSet)
                    }
                    _ => return ::livestore::__private::None,
                },
            )
        }
        fn materialize(
            self,
            cx: &::livestore::MaterializeCx<'_>,
        ) -> ::livestore::__private::Result<::livestore::Writes> {
            match self {
                Self::TodoCreated(event) => {
                    <TodoCreated as ::livestore::Materialize<
                        App,
                    >>::materialize(event, cx)
                }
                Self::OtherCreated(event) => {
                    <todos::Created as ::livestore::Materialize<
                        App,
                    >>::materialize(event, cx)
                }
                Self::UiStateSet(event) => {
                    ::livestore::__private::materialize_document::<UiState>(event, cx)
                }
            }
        }
    }
    #[automatically_derived]
    impl ::livestore::Commit<App> for TodoCreated {
        fn collect(self, batch: &mut ::livestore::Batch<App>) {
            batch.__push(AppEvent::TodoCreated(self));
        }
    }
    #[automatically_derived]
    impl ::livestore::Commit<App> for todos::Created {
        fn collect(self, batch: &mut ::livestore::Batch<App>) {
            batch.__push(AppEvent::OtherCreated(self));
        }
    }
    #[automatically_derived]
    impl ::livestore::Commit<App> for <UiState as ::livestore::ClientDocument>::Set {
        fn collect(self, batch: &mut ::livestore::Batch<App>) {
            batch.__push(AppEvent::UiStateSet(self));
        }
    }
    #[automatically_derived]
    impl ::livestore::Commit<App> for AppEvent {
        fn collect(self, batch: &mut ::livestore::Batch<App>) {
            batch.__push(self);
        }
    }
};
