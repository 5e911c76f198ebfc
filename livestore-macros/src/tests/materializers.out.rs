impl App {
    /// The comment says nothing about what is written.
    fn todo_created(TodoCreated { id, text }: TodoCreated) -> impl IntoWrites {
        Todo { id, text }.insert()
    }
    #[cfg(feature = "toggle")]
    pub fn todo_toggled(
        event: todos::Toggled,
        cx: &MaterializeCx<'_>,
    ) -> Result<impl IntoWrites> {
        toggle(event, cx)
    }
}
#[allow(deprecated)]
#[automatically_derived]
impl ::livestore::Materialize<App> for TodoCreated {
    const VERSION: u64 = 14464539430878604526u64;
    #[allow(unused_variables)]
    fn materialize(
        self,
        cx: &::livestore::MaterializeCx<'_>,
    ) -> ::livestore::__private::Result<::livestore::Writes> {
        let _: () = <Self as ::livestore::Commit<App>>::__IS_LISTED;
        ::livestore::IntoWrites::__collect(<App>::todo_created(self))
    }
}
#[cfg(feature = "toggle")]
#[allow(deprecated)]
#[automatically_derived]
impl ::livestore::Materialize<App> for todos::Toggled {
    const VERSION: u64 = 2u64;
    #[allow(unused_variables)]
    fn materialize(
        self,
        cx: &::livestore::MaterializeCx<'_>,
    ) -> ::livestore::__private::Result<::livestore::Writes> {
        let _: () = <Self as ::livestore::Commit<App>>::__IS_LISTED;
        ::livestore::IntoWrites::__collect(<App>::todo_toggled(self, cx))
    }
}
