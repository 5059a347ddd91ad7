//! Listing the objects of a pool.

use marcot_store::{Errno, ListQuery, ObjectId, PoolId, WriteStep};
use pollster::block_on;

use crate::{Subject, context, put};

fn named(namespace: &str, name: &str) -> (String, String) {
    (namespace.to_owned(), name.to_owned())
}

pub fn an_empty_pool_lists_nothing(s: &Subject) {
    assert_eq!(s.names(None), []);
}

pub fn every_object_is_listed_once_across_pages(s: &Subject) {
    let mut expected = Vec::new();
    for number in 0..23 {
        let name = format!("object {number:02}");
        s.write(&s.object(&name), vec![put(0, "x")]);
        expected.push(named("", &name));
    }
    s.write(&s.object("gone"), vec![put(0, "x")]);
    s.write(&s.object("gone"), vec![WriteStep::Remove]);
    assert_eq!(s.names(None), expected);
}

pub fn a_namespace_lists_its_own_objects(s: &Subject) {
    for (namespace, name) in [("", "a"), ("one", "a"), ("one", "b"), ("two", "a")] {
        s.write(&ObjectId::new(s.pool, namespace, name), vec![put(0, "x")]);
    }
    assert_eq!(s.names(Some("")), [named("", "a")]);
    assert_eq!(s.names(Some("one")), [named("one", "a"), named("one", "b")]);
    assert_eq!(s.names(Some("three")), []);
    assert_eq!(s.names(None).len(), 4);
}

pub fn an_object_with_clones_only_is_still_listed(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "x")]);
    let snap = s.snap();
    s.write_under(&id, &context(&[snap]), vec![WriteStep::Remove]);
    assert_eq!(s.names(None), [named("", "o")]);
}

pub fn pages_survive_changes_between_them(s: &Subject) {
    for number in 0..10 {
        s.write(&s.object(&format!("o{number}")), vec![put(0, "x")]);
    }
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let query = ListQuery { pool: s.pool, namespace: None, cursor, max: 3 };
        let page = s.wait(s.store.list_objects(query));
        for id in &page.objects {
            seen.push(id.name.to_string());
            s.write(id, vec![WriteStep::Remove]);
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, (0..10).map(|number| format!("o{number}")).collect::<Vec<_>>());
}

pub fn listing_a_missing_pool_is_enoent(s: &Subject) {
    let query = ListQuery { pool: PoolId(987_654), namespace: None, cursor: None, max: 3 };
    let error = block_on(s.store.list_objects(query)).expect_err("there is no such pool");
    assert_eq!(error.errno, Errno::NOENT);
}
