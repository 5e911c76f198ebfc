//! Each test logs which nodes ran.

use super::{Graph, NodeId, Run, Value};
use std::collections::HashMap;
use std::sync::Arc;

type Formula = Box<dyn Fn(&mut dyn FnMut(NodeId) -> i64) -> i64>;

#[derive(Default)]
struct Sheet {
    graph: Graph<()>,
    formulas: HashMap<NodeId, (&'static str, Formula)>,
    log: Vec<&'static str>,
}

impl Sheet {
    fn cell(&mut self, value: i64) -> NodeId {
        let id = self.graph.add();
        self.graph.set(id, Arc::new(value));
        id
    }

    fn formula(
        &mut self,
        name: &'static str,
        formula: impl Fn(&mut dyn FnMut(NodeId) -> i64) -> i64 + 'static,
    ) -> NodeId {
        let id = self.graph.add();
        self.formulas.insert(id, (name, Box::new(formula)));
        id
    }

    fn get(&mut self, id: NodeId) -> i64 {
        let mut walk = Graph::<()>::walk(id);
        while let Run::Node(next) = self.graph.next_run(&mut walk) {
            self.run(next);
        }
        let Some(Ok(value)) = self.graph.value(id) else { panic!("no value") };
        *value.downcast_ref().unwrap()
    }

    fn run(&mut self, id: NodeId) {
        let (name, formula) = self.formulas.remove(&id).unwrap();
        self.log.push(name);
        self.graph.start(id);
        let mut sources = Vec::new();
        let value = formula(&mut |source| {
            sources.push(source);
            self.get(source)
        });
        self.formulas.insert(id, (name, formula));
        let equal = |old: &Value, new: &Value| old.downcast_ref::<i64>() == new.downcast_ref::<i64>();
        self.graph.finish(id, Ok(Arc::new(value)), sources, equal);
    }

    fn ran(&mut self) -> String {
        std::mem::take(&mut self.log).join(" ")
    }
}

#[test]
fn a_diamond_runs_its_leaf_once() {
    let mut sheet = Sheet::default();
    let a = sheet.cell(1);
    let b = sheet.formula("b", move |get| get(a) + 1);
    let c = sheet.formula("c", move |get| get(a) * 10);
    let d = sheet.formula("d", move |get| get(b) + get(c));
    assert_eq!((sheet.get(d), sheet.ran()), (12, "d b c".into()));
    // `b` is looked at first and changed, so `d` runs and asks for `c` on its way; each runs once.
    sheet.graph.set(a, Arc::new(2_i64));
    assert_eq!((sheet.get(d), sheet.ran()), (23, "b d c".into()));
    assert_eq!((sheet.get(d), sheet.ran()), (23, String::new()));
}

#[test]
fn an_equal_result_stops() {
    let mut sheet = Sheet::default();
    let a = sheet.cell(1);
    let sign = sheet.formula("sign", move |get| get(a).signum());
    let shown = sheet.formula("shown", move |get| get(sign) * 100);
    sheet.get(shown);
    sheet.ran();
    sheet.graph.set(a, Arc::new(5_i64));
    assert_eq!((sheet.get(shown), sheet.ran()), (100, "sign".into()));
    sheet.graph.set(a, Arc::new(-5_i64));
    assert_eq!((sheet.get(shown), sheet.ran()), (-100, "sign shown".into()));
}

#[test]
fn dependencies_are_those_of_the_last_run() {
    let mut sheet = Sheet::default();
    let (switch, left, right) = (sheet.cell(0), sheet.cell(1), sheet.cell(2));
    let chosen = sheet.formula("chosen", move |get| if get(switch) == 0 { get(left) } else { get(right) });
    assert_eq!((sheet.get(chosen), sheet.ran()), (1, "chosen".into()));
    sheet.graph.set(right, Arc::new(20_i64));
    assert_eq!((sheet.get(chosen), sheet.ran()), (1, String::new()));
    sheet.graph.set(switch, Arc::new(1_i64));
    assert_eq!((sheet.get(chosen), sheet.ran()), (20, "chosen".into()));
    sheet.graph.set(left, Arc::new(10_i64));
    assert_eq!((sheet.get(chosen), sheet.ran()), (20, String::new()));
}

#[test]
fn a_long_chain_is_brought_up_to_date_without_recursion() {
    let mut sheet = Sheet::default();
    let first = sheet.cell(1);
    let mut last = first;
    for _ in 0..100_000 {
        let below = last;
        last = sheet.formula("link", move |get| get(below) + 1);
        sheet.get(last); // Bottom up: only the walk down afterwards could recurse.
    }
    sheet.ran();
    sheet.graph.set(first, Arc::new(2_i64));
    assert_eq!(sheet.get(last), 100_002);
    assert_eq!(sheet.log.len(), 100_000);
}

#[test]
fn a_removed_node_is_not_found_again() {
    let mut sheet = Sheet::default();
    let a = sheet.cell(1);
    sheet.graph.remove(a);
    let b = sheet.cell(2);
    assert!(!sheet.graph.contains(a) && sheet.graph.contains(b));
    assert!(sheet.graph.value(a).is_none());
}
