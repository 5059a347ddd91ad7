//! The process that asks librbd: `judge.py`, spoken to by lines of JSON.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use marcot_store::PoolId;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The judge can hang. An operation on these small images takes milliseconds, on a busy machine
/// seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the error begins with when no answer came.
pub(crate) const SILENT: &str = "the judge does not answer";

pub(crate) struct Judge {
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
    pools: Pools,
}

/// Letter → id and name.
pub(crate) type Pools = BTreeMap<char, (PoolId, String)>;

impl Judge {
    /// Starts one for the cluster of `conf`; makes a pool for each letter.
    pub(crate) fn start(conf: &Path, pools: &[(char, String)]) -> Judge {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/blackbox/differential/judge.py");
        // Debian's own: another one that comes first in PATH lacks Ceph's modules.
        let mut command = Command::new("/usr/bin/python3");
        command.arg(script).arg(conf).env_remove("CEPH_ARGS");
        // Without it images of format 1 are read, but not made.
        command.env("RBD_FORCE_ALLOW_V1", "1");
        command.args(pools.iter().map(|(letter, pool)| format!("{letter}={pool}")));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("/usr/bin/python3");
        let input = child.stdin.take().expect("it is a pipe");
        let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        let (said, answers) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if said.send(line).is_err() {
                    break;
                }
            }
        });
        let mut judge = Judge { child, input, answers, pools: Pools::new() };
        let ids: BTreeMap<char, i64> = judge.hear("connect").expect("Ceph");
        let pool = |(letter, name): &(char, String)| (*letter, (PoolId(ids[letter]), name.clone()));
        judge.pools = pools.iter().map(pool).collect();
        judge
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.pools
    }

    /// Asks for one operation; [`Judge::hear`] gets the answer.
    pub(crate) fn ask(&mut self, operation: &impl Serialize) {
        let line = serde_json::to_string(operation).expect("json");
        // Whoever waits for the answer of one that is gone is told so.
        let _ = writeln!(self.input, "{line}");
    }

    /// An answer that does not come is an error: start another judge then.
    pub(crate) fn hear<T: DeserializeOwned>(&mut self, about: &str) -> Result<T, String> {
        let line = self.answers.recv_timeout(PATIENCE);
        let line = line.map_err(|_| format!("{SILENT}: {about}"))?;
        serde_json::from_str(&line).map_err(|error| format!("{about}: {line}: {error}"))
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        // Ended by then if it could not be asked any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
