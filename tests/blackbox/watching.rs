//! `rbd watch`: what the clients of an image tell each other, as somebody beside them sees it.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Stdio};

use crate::store::Store;

struct Watching {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    errors: ChildStderr,
}

impl Watching {
    fn start(store: &Store, image: &str) -> Watching {
        let mut command = store.marcot(&["watch", image]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("a process");
        let input = child.stdin.take().expect("it is a pipe");
        let errors = child.stderr.take().expect("it is a pipe");
        let output = child.stdout.take().expect("it is a pipe");
        let mut lines = BufReader::new(output).lines();
        let first = lines.next().expect("a line").expect("text");
        assert_eq!(first, "press enter to exit...");
        Watching { child, input, lines, errors }
    }

    /// What the next `count` messages are called.
    fn operations(&mut self, count: usize) -> Vec<String> {
        let lines = self.lines.by_ref().take(count);
        let name = |line: String| line.split("notify_op=").nth(1).expect("a name").to_owned();
        lines.map(|line| name(line.expect("text"))).collect()
    }

    fn end(mut self, exit: i32) -> String {
        // It may have ended by itself.
        let _ = self.input.write_all(b"\n");
        assert_eq!(self.child.wait().expect("an end").code(), Some(exit));
        let mut told = String::new();
        self.errors.read_to_string(&mut told).expect("text");
        told
    }
}

#[test]
fn every_message_is_shown() {
    let store = Store::new();
    store.run(&["create", "--size", "8M", "image"]);
    let mut watching = Watching::start(&store, "image");
    let status = store.run(&["status", "image"]);
    assert_eq!(status.lines().count(), 2, "it is a watcher like any other: {status}");
    store.run(&["lock", "add", "image", "mine"]);
    assert_eq!(watching.operations(1), ["HeaderUpdate"]);
    let locks = store.run(&["lock", "ls", "image", "--format", "json"]);
    let locks: serde_json::Value = serde_json::from_str(&locks).expect("JSON");
    store.run(&["lock", "rm", "image", "mine", locks[0]["locker"].as_str().expect("a locker")]);
    assert_eq!(watching.operations(1), ["HeaderUpdate"]);
    store.run(&["resize", "--size", "16M", "--no-progress", "image"]);
    assert_eq!(watching.operations(3), ["AcquiredLock", "HeaderUpdate", "ReleasedLock"]);
    assert_eq!(watching.end(0), "");
    assert_eq!(store.run(&["status", "image"]), "Watchers: none\n");
}

#[test]
fn a_line_has_the_form_of_ceph_s() {
    let store = Store::new();
    store.run(&["create", "--size", "8M", "image"]);
    let mut watching = Watching::start(&store, "image");
    store.run(&["lock", "add", "image", "mine"]);
    let line = watching.lines.next().expect("a line").expect("text");
    let digits = |text: &str| {
        let blank = |c: char| if c.is_ascii_digit() { ' ' } else { c };
        text.chars().map(blank).collect::<String>().split(' ').collect::<String>()
    };
    let form = "image received notification: notify_id=, cookie=, notifier_id=, bl.length=, \
                notify_op=HeaderUpdate";
    assert_eq!(digits(&line), digits(form));
    assert!(line.contains("bl.length=10,"), "{line}");
    drop(watching.end(0));
}

#[test]
fn who_is_shut_out_is_told() {
    let store = Store::new();
    store.run(&["create", "--size", "8M", "image"]);
    let watching = Watching::start(&store, "image");
    let status = store.run(&["status", "image", "--format", "json"]);
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    let address = status["watchers"][0]["address"].as_str().expect("an address");
    let mut ceph = store.marcot(&["osd", "blocklist", "add", address]);
    assert!(ceph.arg0("ceph").output().expect("a process").status.success());
    let told = watching.end(108);
    assert!(told.starts_with("image received error: cookie="), "{told}");
    assert!(told.contains("err=(108)"), "{told}");
}
