//! Every column type comes back as it went in, at its extremes too.

use livestore::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ColumnValue)]
#[serde(rename_all = "camelCase")]
enum Status {
    Open,
    InProgress,
    #[column(name = "fini")]
    Done,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ColumnValue)]
struct Name(String);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Shape {
    sides: Vec<u8>,
    label: Option<String>,
}

#[table("things")]
struct Thing {
    #[column(primary_key)]
    id: i64,
    text: String,
    small: i8,
    word: u32,
    real: f64,
    single: f32,
    flag: bool,
    blob: Vec<u8>,
    time: Timestamp,
    #[column(iso8601)]
    day: Timestamp,
    shape: Json<Shape>,
    any: Json<serde_json::Value>,
    status: Status,
    name: Name,
    maybe_text: Option<String>,
    maybe_blob: Option<Vec<u8>>,
    maybe_flag: Option<bool>,
    #[column(iso8601)]
    maybe_day: Option<Timestamp>,
    maybe_shape: Option<Json<Shape>>,
    maybe_status: Option<Status>,
}

/// What a thing is made from, in types that JSON carries faithfully.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ThingArgs {
    text: String,
    real: String,
    blob: Vec<u8>,
    time: String,
    day: String,
    is_empty: bool,
}

#[schema(events(ThingPut), tables(Thing))]
struct App;

#[event("v1.ThingPut")]
struct ThingPut {
    /// A number past 2^53 travels as text.
    id: String,
    thing: ThingArgs,
}

impl ThingArgs {
    fn into_thing(self, id: i64) -> Thing {
        let shape = Shape { sides: self.blob.clone(), label: Some(self.text.clone()) };
        let some = !self.is_empty;
        let real: f64 = self.real.parse().unwrap();
        let day = self.day.parse().unwrap_or(Timestamp(i64::MAX));
        Thing {
            id,
            text: self.text.clone(),
            small: if some { i8::MIN } else { i8::MAX },
            word: if some { u32::MAX } else { 0 },
            real,
            single: real as f32,
            flag: some,
            blob: self.blob.clone(),
            time: Timestamp(self.time.parse().unwrap()),
            day,
            shape: Json(shape.clone()),
            any: Json(serde_json::json!({"a": [1, null, "x"], "big": u64::MAX})),
            status: if some { Status::InProgress } else { Status::Done },
            name: Name(self.text.clone()),
            maybe_text: some.then_some(self.text),
            maybe_blob: some.then_some(self.blob),
            maybe_flag: some.then_some(false),
            maybe_day: some.then_some(day),
            maybe_shape: some.then_some(Json(shape)),
            maybe_status: some.then_some(Status::Open),
        }
    }
}

#[materializers]
impl App {
    fn thing_put(ThingPut { id, thing }: ThingPut) -> Result<impl IntoWrites, std::num::ParseIntError> {
        Ok(thing.into_thing(id.parse()?).insert())
    }
}

fn open() -> Store<App> {
    Store::open(memory(), "schema-types").unwrap()
}

fn args(text: &str, real: &str, blob: &[u8], time: i64, day: &str, is_empty: bool) -> ThingArgs {
    ThingArgs {
        text: text.into(),
        real: real.into(),
        blob: blob.into(),
        time: time.to_string(),
        day: day.into(),
        is_empty,
    }
}

#[test]
fn every_type_survives_the_round_trip() {
    let store = open();
    let all_bytes: Vec<u8> = (0..=255).collect();
    let cases = [
        (i64::MIN, args("", "-inf", b"", i64::MIN, "0000-01-01T00:00:00.000Z", true)),
        (i64::MAX, args("\0 \u{10ffff}", "inf", &all_bytes, i64::MAX, "9999-12-31T23:59:59.999Z", false)),
        (0, args("milk", "0.1", b"\0", 0, "1970-01-01T00:00:00.000Z", false)),
        (-1, args("é", "5e-324", b"\xff", -1, "2024-02-29T12:00:00.001Z", true)),
        (1, args("x", "-1.7976931348623157e308", b"ab", 1 << 53, "1969-12-31T23:59:59.999Z", false)),
    ];
    for (id, args) in &cases {
        store.commit(ThingPut { id: id.to_string(), thing: args.clone() }).unwrap();
    }
    for (id, args) in cases {
        let stored = store.query(&Thing::query().filter(|t| t.id.eq(id)).one()).unwrap();
        assert_eq!(stored, args.into_thing(id));
    }
}

#[test]
fn the_stored_forms_are_the_documented_ones() {
    let store = open();
    let thing = args("milk", "0.5", b"\x01", 5, "2024-02-29T12:00:00.500Z", false);
    store.commit(ThingPut { id: "1".into(), thing }).unwrap();
    let columns = "typeof(text), typeof(real), typeof(flag), typeof(blob), typeof(time), typeof(day)";
    let types =
        sql_query::<(String, String, String, String, String, String)>(format!("SELECT {columns} FROM things"), ());
    let expected = ["text", "real", "integer", "blob", "integer", "text"].map(str::to_owned);
    let (a, b, c, d, e, f) = store.query(&types.one()).unwrap();
    assert_eq!([a, b, c, d, e, f], expected);
    let texts = sql_query::<(String, String, String, String, String)>(
        "SELECT day, shape, status, name, maybe_status FROM things",
        (),
    );
    let (day, shape, status, name, maybe) = store.query(&texts.one()).unwrap();
    assert_eq!(
        [day, shape, status, name, maybe].map(String::from),
        ["2024-02-29T12:00:00.500Z", r#"{"sides":[1],"label":"milk"}"#, "inProgress", "milk", "open"]
    );
}

#[test]
fn what_has_no_stored_form_is_refused() {
    let store = open();
    let nan = args("a", "NaN", b"", 0, "2024-02-29T12:00:00Z", false);
    let error = store.commit(ThingPut { id: "1".into(), thing: nan }).unwrap_err();
    assert!(matches!(&error, CommitError::Materialize { event, .. } if event == "v1.ThingPut"), "{error}");
    assert!(error.to_string().contains("NaN cannot be stored"), "{error}");
    let late = args("a", "1", b"", 0, "after all time", false);
    let error = store.commit(ThingPut { id: "1".into(), thing: late }).unwrap_err();
    assert!(error.to_string().contains("outside the years 0000 to 9999"), "{error}");
    assert_eq!(store.query(&Thing::query().count()).unwrap(), 0);
}

#[test]
fn columns_of_every_type_can_be_compared() {
    let store = open();
    let thing = args("milk", "0.5", b"\x01", 5, "2024-02-29T12:00:00.500Z", false);
    store.commit(ThingPut { id: "1".into(), thing }).unwrap();
    let day: Timestamp = "2024-02-29T12:00:00.500Z".parse().unwrap();
    let shape = || Json(Shape { sides: vec![1], label: Some("milk".into()) });
    let t = Thing::COLUMNS;
    for condition in [
        t.small.eq(i8::MIN),
        t.word.eq(u32::MAX),
        t.real.eq(0.5).and(t.single.lt(0.6)),
        t.flag.eq(true),
        t.blob.eq(vec![1]),
        t.time.between(Timestamp(5), Timestamp(5)),
        t.day.eq(day).and(t.maybe_day.ge(day)).and(t.maybe_day.is_in([None, Some(day)])),
        t.shape.eq(shape()).and(t.maybe_shape.eq(Some(shape()))),
        t.status.eq(Status::InProgress).and(t.maybe_status.ne(Status::Done)),
        t.name.eq(Name("milk".into())),
        t.maybe_flag.eq(false),
    ] {
        let shown = format!("{condition:?}");
        assert_eq!(store.query(&Thing::query().filter(|_| condition).count()).unwrap(), 1, "{shown}");
    }
    assert_eq!(store.query(&Thing::query().aggregate(|t| t.day.max())).unwrap(), Some(day));
    assert_eq!(store.query(&Thing::query().aggregate(|t| t.maybe_status.min())).unwrap(), Some(Status::Open));
}

#[test]
fn a_stored_value_of_another_type_is_named() {
    let store = open();
    let thing = args("milk", "0.5", b"\x01", 5, "2024-02-29T12:00:00.500Z", false);
    store.commit(ThingPut { id: "1".into(), thing }).unwrap();
    let error = store.query(&sql_query::<(Status,)>("SELECT text AS status FROM things", ())).unwrap_err();
    let expected = "column `status`: expected a `Status` (one of `open`, `inProgress`, `fini`), found text \"milk\"";
    assert_eq!(error.to_string(), expected);
    let error = store.query(&sql_query::<(Json<Shape>,)>("SELECT text FROM things", ())).unwrap_err();
    assert!(error.to_string().starts_with("column `text`: stored JSON does not decode"), "{error}");
    let error = store.query(&sql_query::<(bool,)>("SELECT time FROM things", ())).unwrap_err();
    assert_eq!(error.to_string(), "column `time`: expected 0 or 1 for a boolean, found integer 5");
}
