//! A command that is run hundreds of times, loaded once: `starter.c`.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio};

/// The library that makes a command wait for requests; in `folder`.
pub(super) fn build(folder: &Path) -> PathBuf {
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/blackbox/interop/starter.c");
    let library = folder.join("starter.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
    let output = compiler.arg(&library).arg(source).output().expect("a C compiler");
    assert!(output.status.success(), "{output:?}");
    library
}

/// A command, begun and waiting.
pub(super) struct Starter {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Starter {
    /// Begins a command that has all it needs but its words.
    pub(super) fn begin(mut command: Command, library: &Path) -> Starter {
        // What ours loads later on is loaded already then.
        let loaded = format!("{}:librados.so.2", library.display());
        command.env("LD_PRELOAD", loaded).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a command");
        let input = child.stdin.take().expect("it is a pipe");
        let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        Starter { child, input, output }
    }

    /// Runs it with these words.
    pub(super) fn run(&mut self, words: &[&str]) -> Output {
        let request = words.join("\t");
        assert!(!request.contains('\n'), "{request}");
        writeln!(self.input, "{request}").expect("it listens");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("an answer");
        let numbers: Vec<i64> = answer.split_whitespace().flat_map(str::parse).collect();
        let [code, told, complained] = numbers[..] else { panic!("{words:?}: {answer:?}") };
        // As the kernel has it: the code above, or the signal that ended it.
        let status = ExitStatus::from_raw(if code < 0 { 9 } else { (code as i32) << 8 });
        let (stdout, stderr) = (self.text(told), self.text(complained));
        Output { status, stdout, stderr }
    }

    fn text(&mut self, length: i64) -> Vec<u8> {
        let mut text = vec![0; length as usize];
        self.output.read_exact(&mut text).expect("as long as it said");
        text
    }
}

impl Drop for Starter {
    fn drop(&mut self) {
        // It waits for a request, and has nothing to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
