//! What happens between one pool and another.

use marcot_store::{SnapId, WriteStep};

use super::copyup::{able, copyup, piece};
use crate::Subject;

pub fn copyup_across_pools_and_from_the_head(s: &Subject) {
    if !able(s) {
        return;
    }
    let other = Subject::new({
        let store = s.client();
        move || store.clone()
    });
    let far = other.object("source");
    s.write(&far, vec![WriteStep::WriteFull { data: vec![5; 10_000].into() }]);
    let id = s.object("target");
    s.write(&id, copyup(vec![piece(&(far, SnapId::HEAD), 0, 0, 10_000)]));
    assert_eq!(s.data(&id).unwrap_or_default(), vec![5; 10_000]);
}
