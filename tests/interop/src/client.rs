//! What clients in both languages have in common.

/// A row of the table `notes`.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Its key.
    pub id: String,
    /// What it says.
    pub text: String,
    /// A number, of those that were measured.
    pub value: Option<f64>,
}

/// A client of either language.
pub trait Client {
    /// What it is called in messages, and its client id.
    fn name(&self) -> &str;

    /// Which events its state has seen, in their order.
    fn trail(&self) -> String;

    /// How it is doing, for people.
    fn state(&self) -> String;

    /// Its notes, by id.
    fn notes(&self) -> Vec<Note>;
}

/// A trail's events.
pub(crate) fn steps(trail: &str) -> Vec<String> {
    trail.split_whitespace().map(str::to_owned).collect()
}
