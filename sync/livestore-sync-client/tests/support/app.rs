use livestore::*;

/// Writes a line below all others.
#[event("v1.Written")]
pub(crate) struct Written {
    pub(crate) text: String,
}

/// Writes a line that is always the same: an event without args.
#[event("v1.Ruled")]
pub(crate) struct Ruled;

/// A line, where it stands.
#[table("lines")]
pub(crate) struct Line {
    #[column(primary_key)]
    pub(crate) place: i64,
    pub(crate) text: String,
}

/// An application whose state tells the order of events, and whether one came twice or not at all.
#[schema(events(Written, Ruled), tables(Line))]
#[derive(Debug)]
pub(crate) struct App;

#[materializers]
impl App {
    fn on_written(Written { text }: Written, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        Ok(Line { place: cx.query(Line::query().count())? + 1, text }.insert())
    }

    fn on_ruled(_: Ruled, cx: &MaterializeCx<'_>) -> Result<impl IntoWrites> {
        Ok(Line { place: cx.query(Line::query().count())? + 1, text: "---".into() }.insert())
    }
}

/// The lines of a store, in order.
pub(crate) fn lines(store: &Store<App>) -> Vec<String> {
    let lines = store.query(&Line::query().order_by(|t| t.place.asc())).unwrap();
    lines.into_iter().map(|line| line.text).collect()
}
