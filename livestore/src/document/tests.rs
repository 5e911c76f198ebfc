use super::query::decode;
use crate::{ClientDocument, client_document};

#[client_document("ui")]
pub(super) struct Ui {
    f: String,
    g: Option<i64>,
    is_open: bool,
}

impl Default for Ui {
    fn default() -> Self {
        Self { f: "x".into(), g: None, is_open: true }
    }
}

#[test]
fn older_shapes_keep_what_still_fits() {
    let ui = |f: &str, g, is_open| Ui { f: f.into(), g, is_open };
    assert_eq!(decode::<Ui>(r#"{"f":"y","g":3,"isOpen":false}"#), ui("y", Some(3), false));
    assert_eq!(decode::<Ui>(r#"{"f":"y"}"#), ui("y", None, true));
    assert_eq!(decode::<Ui>(r#"{"f":7,"g":"text","isOpen":false,"gone":1}"#), ui("x", None, false));
    assert_eq!(decode::<Ui>("[]"), Ui::default());
    assert_eq!(decode::<Ui>("no json"), Ui::default());
}

#[test]
fn set_events_carry_some_keys_in_camel_case() {
    let session = crate::ids::SessionId::from_stored("s1");
    let encode = |set: &UiSet| super::event::encode_document(set, &session).unwrap().unwrap();
    assert_eq!(&*encode(&Ui::set().is_open(false)), r#"{"id":"s1","value":{"isOpen":false}}"#);
    assert_eq!(&*encode(&Ui::set_by("k")), r#"{"id":"k","value":{}}"#);
    assert_eq!(&*encode(&Ui::default().set_all()), r#"{"id":"s1","value":{"f":"x","g":null,"isOpen":true}}"#);
}
