//! The conformance suite and the model on the memory engine, friendly and hostile.

use std::sync::Arc;

use marcot_store::memory::{MemoryCluster, MemoryOptions};
use marcot_testkit::{SampleClasses, Subject, ThreadEnv, model};

fn subject(options: MemoryOptions) -> Subject {
    let env = Arc::new(ThreadEnv::new(1));
    let cluster = MemoryCluster::with_env(Arc::new(SampleClasses), env, options);
    Subject::new(move || cluster.client())
}

mod friendly {
    pub(crate) fn open() -> marcot_testkit::Subject {
        super::subject(Default::default())
    }

    marcot_testkit::conformance!(crate::friendly::open);
}

mod hostile {
    pub(crate) fn open() -> marcot_testkit::Subject {
        super::subject(marcot_store::memory::MemoryOptions::hostile(7))
    }

    marcot_testkit::conformance!(crate::hostile::open);
}

mod without_sharing {
    pub(crate) fn open() -> marcot_testkit::Subject {
        let sharing = marcot_store::memory::MemoryOptions::default();
        super::subject(marcot_store::memory::MemoryOptions {
            copyup_by_reference: false,
            ..sharing
        })
    }

    #[test]
    fn copyup_is_refused() {
        marcot_testkit::conformance::copyup::copyup_takes_the_bytes_of_the_snapshot(&open());
    }
}

#[test]
fn random_operations_do_what_the_model_says() {
    for seed in 0..40 {
        model::compare(&subject(MemoryOptions::default()), seed, 120);
        model::compare(&subject(MemoryOptions::hostile(seed)), seed, 120);
    }
}
