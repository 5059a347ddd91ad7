//! One shell for a whole page, so that what runs in the background is still there a line later.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::runner;

/// Printed after each command.
const MARK: &str = "--- next ---";

/// A shell in a folder of its own, with an empty store and our tools by their names.
pub(super) struct Shell {
    folder: tempfile::TempDir,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Shell {
    pub(super) fn new() -> Shell {
        let folder = tempfile::tempdir().expect("a folder");
        let names = runner::link_tools(folder.path());
        let path = std::env::var_os("PATH").expect("a path");
        let all = std::iter::once(names).chain(std::env::split_paths(&path));
        let mut process = Command::new("timeout")
            .args(["120", "bash", "--norc"])
            .current_dir(folder.path())
            .env("PATH", std::env::join_paths(all).expect("a path"))
            .env("MARCOT_STORE", format!("dir:{}", folder.path().join("store").display()))
            .env("HOME", folder.path())
            .env("TZ", "UTC")
            .env_remove("CEPH_CONF")
            .env_remove("CEPH_ARGS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash is needed by this test");
        let mut input = process.stdin.take().expect("piped");
        writeln!(input, "exec 2>&1").expect("the shell listens");
        let output = BufReader::new(process.stdout.take().expect("piped"));
        Shell { folder, process, input, output }
    }

    /// What the command shows on a terminal.
    pub(super) fn run(&mut self, command: &str) -> Vec<String> {
        writeln!(self.input, "{{ {command}\n}} < /dev/null\necho '{MARK}'")
            .expect("the shell listens");
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let got = self.output.read_line(&mut line).expect("text");
            assert!(got > 0, "the shell ended at: {command}");
            let line = line.trim_end_matches('\n');
            if line == MARK {
                // On the page an empty line at the end belongs to the text.
                while lines.last().is_some_and(String::is_empty) {
                    lines.pop();
                }
                return lines;
            }
            lines.push(line.rsplit('\r').next().unwrap_or(line).to_owned());
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let store = format!("dir:{}", self.folder.path().join("store").display());
        let mut stop = Command::new(env!("CARGO_BIN_EXE_marcot"));
        // It goes by itself when it has been idle; nobody has to wait for that.
        let _ = stop.args(["--store", &store, "host", "stop"]).output();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
