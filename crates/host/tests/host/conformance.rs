//! The contract's suite through an owner: a remote store is an engine like any other.

use marcot_testkit::Subject;

use crate::served::{Setup, served};

fn through_a_host(hostile: Option<u64>) -> Subject {
    let mut host = served(Setup { hostile, ..Setup::default() });
    // The first client comes before the host can find that nobody is there.
    let first = host.client();
    host.leave();
    Subject::new(move || {
        let _stays = &first;
        host.client()
    })
}

mod friendly {
    fn open() -> marcot_testkit::Subject {
        super::through_a_host(None)
    }

    marcot_testkit::conformance!(crate::conformance::friendly::open);
}

mod hostile {
    fn open() -> marcot_testkit::Subject {
        super::through_a_host(Some(11))
    }

    marcot_testkit::conformance!(crate::conformance::hostile::open);
}
