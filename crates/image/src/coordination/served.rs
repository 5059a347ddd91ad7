//! Which of the others' requests are being worked on, and how the last ones ended.

use std::collections::{BTreeSet, VecDeque};

use marcot_format::notify::AsyncRequest;

/// How many ends are remembered: a request is sent again soon, or not at all.
const REMEMBERED: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Served {
    running: BTreeSet<AsyncRequest>,
    /// The newest last.
    ended: VecDeque<(AsyncRequest, i32)>,
}

/// What is known of a request that comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    New,
    Running,
    /// With this result, as it is sent.
    Ended(i32),
}

impl Served {
    /// A request comes in; a new one is running from now on.
    pub(super) fn begin(&mut self, id: AsyncRequest) -> Known {
        if let Some((_, result)) = self.ended.iter().find(|(ended, _)| *ended == id) {
            return Known::Ended(*result);
        }
        if self.running.insert(id) { Known::New } else { Known::Running }
    }

    pub(super) fn end(&mut self, id: AsyncRequest, result: i32) {
        self.running.remove(&id);
        if self.ended.len() == REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back((id, result));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_new_once() {
        let mut served = Served::default();
        let id = |request| AsyncRequest { request, ..AsyncRequest::default() };
        assert_eq!(served.begin(id(1)), Known::New);
        assert_eq!(served.begin(id(1)), Known::Running);
        assert_eq!(served.begin(id(2)), Known::New);
        served.end(id(1), -17);
        assert_eq!(served.begin(id(1)), Known::Ended(-17));
        assert_eq!(served.begin(id(2)), Known::Running);
        for request in 3..1000 {
            assert_eq!(served.begin(id(request)), Known::New);
            served.end(id(request), 0);
        }
        assert_eq!(served.ended.len(), REMEMBERED);
        assert_eq!(served.begin(id(999)), Known::Ended(0));
    }
}
