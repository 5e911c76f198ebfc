use crate::end::End;
use livestore_sync_protocol::{FrameBuffer, Limits};

/// Takes a JSON array apart that comes in parts, so that an answer of any length costs the memory of one element.
///
/// It looks for the ends of elements alone; whether they are JSON is for whoever reads them.
pub(super) struct Elements {
    limits: Limits,
    element: FrameBuffer,
    place: Place,
    depth: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    Between,
    Inside,
    Text,
    Escape,
    After,
}

impl Elements {
    pub(super) const fn new(limits: Limits) -> Self {
        Self { limits, element: FrameBuffer::new(&limits), place: Place::Before, depth: 0 }
    }

    /// Takes the next part, and gives each element out that it completes.
    pub(super) fn push(&mut self, part: &[u8], mut give: impl FnMut(&[u8]) -> Result<(), End>) -> Result<(), End> {
        // Where the part of an element begins that is not kept yet.
        let mut begin = 0;
        for (at, byte) in part.iter().enumerate() {
            let was_inside = self.is_inside();
            let is_end = self.pass(*byte)?;
            if is_end {
                self.keep(part.get(begin..at))?;
                let element = std::mem::replace(&mut self.element, FrameBuffer::new(&self.limits));
                give(element.bytes())?;
            } else if !was_inside && self.is_inside() {
                begin = at;
            }
        }
        if self.is_inside() { self.keep(part.get(begin..)) } else { Ok(()) }
    }

    /// Whether the array is whole.
    pub(super) fn is_whole(&self) -> bool {
        self.place == Place::After
    }

    fn keep(&mut self, bytes: Option<&[u8]>) -> Result<(), End> {
        self.element.push(bytes.unwrap_or_default()).map_err(|error| End::protocol(error.to_string()))
    }

    fn is_inside(&self) -> bool {
        matches!(self.place, Place::Inside | Place::Text | Place::Escape)
    }

    /// Goes on by a byte; whether an element ended before it.
    fn pass(&mut self, byte: u8) -> Result<bool, End> {
        let is_end = self.place == Place::Inside && self.depth == 0 && matches!(byte, b',' | b']');
        self.place = match (self.place, byte) {
            (Place::Before | Place::Between | Place::After, b' ' | b'\n' | b'\r' | b'\t') => self.place,
            (Place::Before, b'[') => Place::Between,
            (Place::Before, _) => return Err(End::protocol("the answer is no JSON array")),
            (Place::After, _) => return Err(End::protocol("the answer goes on behind its end")),
            (Place::Between, b',') => Place::Between,
            (Place::Between, b']') => Place::After,
            (Place::Inside, b',') if is_end => Place::Between,
            (Place::Inside, b']') if is_end => Place::After,
            (Place::Between | Place::Inside, b'"') => Place::Text,
            (Place::Between | Place::Inside, b'{' | b'[') => {
                self.depth += 1;
                Place::Inside
            }
            (Place::Between | Place::Inside, b'}' | b']') => {
                self.depth = self.depth.saturating_sub(1);
                Place::Inside
            }
            (Place::Between | Place::Inside, _) | (Place::Text, b'"') => Place::Inside,
            (Place::Text, b'\\') => Place::Escape,
            (Place::Text | Place::Escape, _) => Place::Text,
        };
        Ok(is_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The elements of a text that comes in parts of this size; and whether it is whole.
    fn elements(text: &str, size: usize) -> Result<(Vec<String>, bool), End> {
        let mut found = Vec::new();
        let mut elements = Elements::new(Limits { frame_bytes: 100, ..Limits::default() });
        for part in text.as_bytes().chunks(size) {
            elements.push(part, |element| {
                found.push(String::from_utf8_lossy(element).into_owned());
                Ok(())
            })?;
        }
        Ok((found, elements.is_whole()))
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str], is_whole: bool) {
        for size in 1..=text.len() {
            let found = elements(text, size).unwrap();
            assert_eq!(
                (found.0.iter().map(String::as_str).collect::<Vec<_>>(), found.1),
                (expected.to_vec(), is_whole)
            );
        }
    }

    #[test]
    fn arrays_come_apart_wherever_they_are_cut() {
        check(" [ ] ", &[], true);
        check(r#"[{"a":[1,2],"b":"],\"\\"}, 3 ,"x"]"#, &[r#"{"a":[1,2],"b":"],\"\\"}"#, "3 ", r#""x""#], true);
        check("[1,{\"a\":\"\u{1F600}\"}]\n", &["1", "{\"a\":\"\u{1F600}\"}"], true);
        check("[{},{", &["{}"], false);
        check("[", &[], false);
    }

    #[test]
    fn what_is_no_array_is_told() {
        for text in ["{}", "null", "<html>", "[] []", "[1]]"] {
            assert!(matches!(elements(text, 3), Err(End::Lost(_))), "{text}");
        }
    }

    #[test]
    fn an_element_is_bounded_and_the_array_is_not() {
        let long = format!("[{}1]", "[1],".repeat(1_000));
        assert_eq!(elements(&long, 7).unwrap().0.len(), 1_001);
        for text in ["[\"", "[", "[{"].map(|begin| format!("{begin}{}", "x".repeat(101))) {
            assert!(elements(&text, 7).is_err(), "{text}");
        }
    }

    #[test]
    fn braces_that_do_not_match_do_no_harm() {
        for text in ["[}]", "[}}}},1]", "[{]}]", "[\\]", "[,,]"] {
            for size in 1..4 {
                let _ = elements(text, size); // An answer or an error, and no panic.
            }
        }
    }
}
