//! What the command lines print about the same images: a sample per list, plain and json.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use marcot_testkit::Random;

use super::judge::Pools;
use crate::normalise;

/// Commands that are compared after each list.
const SAMPLE: usize = 3;

/// The one option whose default is another here: see docs/compat.md.
const GRANULARITY: &str = "--rbd-discard-granularity-bytes 65536";

/// Runs some of the commands that show something through `rbd` and through ours.
///
/// The space that changed in images that were `rolled_back` is left out: maps differ there.
pub(crate) fn compare(
    seed: u64,
    conf: &Path,
    store: &Path,
    pools: &Pools,
    rolled_back: &BTreeSet<String>,
) -> Result<(), String> {
    let ours = |words: &[&str]| {
        let mut command = Command::new("timeout");
        command.args(["60", env!("CARGO_BIN_EXE_marcot"), "rbd"]).args(words);
        command.env("MARCOT_STORE", format!("dir:{}", store.display()));
        command.env_remove("CEPH_CONF").env_remove("CEPH_ARGS");
        printed(command)
    };
    let theirs = |words: &[&str]| {
        let mut command = Command::new("timeout");
        command.args(["-s", "KILL", "60", "rbd"]).args(words).env("CEPH_CONF", conf);
        command.env("CEPH_ARGS", "--log-to-stderr=false --err-to-stderr=false");
        printed(command)
    };
    let mut commands = commands(pools, &ours);
    commands.retain(|command| !is_usage_of(command, rolled_back));
    let mut random = Random::new(seed);
    for _ in 0..SAMPLE.min(commands.len()) {
        let at = random.below(commands.len() as u64) as usize;
        let command = commands.swap_remove(at);
        let words: Vec<&str> = command.split(' ').collect();
        let (mut want, mut got) = (theirs(&words), ours(&words));
        // In the order of ids, which are drawn at random.
        if command.starts_with("trash ls") {
            (want, got) = (by_name(&want), by_name(&got));
        } else if command.starts_with("group ") {
            (want, got) = (in_any_order(&want), in_any_order(&got));
        }
        // The judge dies of some: of `du` of an image of no size, for one.
        if want.starts_with("  exit -1\n") || want.starts_with("  exit 137\n") {
            continue;
        }
        if want != got {
            return Err(format!("$ rbd {command}\nceph:\n{want}marcot:\n{got}"));
        }
    }
    Ok(())
}

/// Whether it is `du` of one of these images, which are `<namespace/image>`.
fn is_usage_of(command: &str, images: &BTreeSet<String>) -> bool {
    let spec = command.strip_prefix("du ").and_then(|words| words.split(' ').next());
    let image = spec.and_then(|spec| spec.split_once('/')).map(|(_, image)| match image {
        of_namespace if of_namespace.contains('/') => format!("<{of_namespace}>"),
        plain => format!("</{plain}>"),
    });
    image.is_some_and(|image| images.contains(&image))
}

/// Everything that can be asked about what is there.
fn commands(pools: &Pools, ours: &dyn Fn(&[&str]) -> String) -> Vec<String> {
    let mut plain = Vec::new();
    for (_, pool) in pools.values() {
        plain.push(format!("config pool ls {pool} {GRANULARITY}"));
        plain.push(format!("namespace ls {pool}"));
        let spaces = listed(ours, &["namespace", "ls", "-p", pool], "name");
        for space in [None].into_iter().chain(spaces.into_iter().map(Some)) {
            let place = match &space {
                Some(space) => format!("{pool}/{space}"),
                None => pool.clone(),
            };
            plain.extend(
                ["ls -l", "trash ls -l --all", "group ls"].map(|verb| format!("{verb} {place}")),
            );
            for group in names(ours, &["group", "ls", &place]) {
                let verbs = ["group image ls", "group snap ls"];
                plain.extend(verbs.map(|verb| format!("{verb} {place}/{group}")));
            }
            let images = listed(ours, &["ls", "-l", &place], "image");
            for image in images {
                let spec = format!("{place}/{image}");
                let verbs = ["info", "snap ls --all", "du", "status", "image-meta ls", "lock ls"];
                plain.extend(verbs.map(|verb| format!("{verb} {spec}")));
                plain.push(format!("config image ls {spec} {GRANULARITY}"));
                for snap in listed(ours, &["snap", "ls", &spec], "name") {
                    plain.push(format!("children {spec}@{snap}"));
                    plain.push(format!("info {spec}@{snap}"));
                }
            }
        }
    }
    let json = plain.iter().map(|command| format!("{command} --format json")).collect::<Vec<_>>();
    plain.into_iter().chain(json).collect()
}

/// The different values of a field in a json list.
fn listed(ours: &dyn Fn(&[&str]) -> String, words: &[&str], field: &str) -> Vec<String> {
    let text = ours(&[words, &["--format", "json"]].concat());
    let json = text.lines().find_map(|line| line.trim().strip_prefix("> "));
    let list: Vec<BTreeMap<String, serde_json::Value>> =
        json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let mut names: Vec<String> = list
        .iter()
        .filter_map(|entry| entry.get(field).and_then(|name| name.as_str()))
        .map(str::to_owned)
        .collect();
    names.dedup();
    names
}

/// A json list of names.
fn names(ours: &dyn Fn(&[&str]) -> String, words: &[&str]) -> Vec<String> {
    let text = ours(&[words, &["--format", "json"]].concat());
    let json = text.lines().find_map(|line| line.trim().strip_prefix("> "));
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// Exit code, output and messages, normalised.
fn printed(mut command: Command) -> String {
    let output = command.env("TZ", "UTC").output().expect("run a command");
    let mut text = format!("  exit {}\n", output.status.code().unwrap_or(-1));
    for line in normalise::stdout(&String::from_utf8_lossy(&output.stdout)) {
        text.push_str(&format!("  > {}\n", addresses(&snapshot_ids(&line))));
    }
    for line in normalise::stderr(&String::from_utf8_lossy(&output.stderr)) {
        // What Ceph only logs, ours says in lines of its own.
        if !line.starts_with("marcot: ") {
            text.push_str(&format!("  ! {line}\n"));
        }
    }
    text
}

/// The transcripts' pools are new, these are not: snapshot ids differ in `ls -l`, too.
fn snapshot_ids(line: &str) -> String {
    let mut pieces = line.split("\"snapshot_id\":");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.push_str("\"snapshot_id\":ID");
        text.push_str(piece.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    text
}

/// A client's address becomes a word. Columns are as wide as what is in them, so that with an
/// address, or above one, the blanks between them count for nothing.
fn addresses(line: &str) -> String {
    const BEFORE: &str = "127.0.0.1:0/";
    let Some((before, after)) = line.split_once(BEFORE) else {
        let is_head = line.starts_with("Locker") && line.contains("Address");
        return if is_head { words(line) } else { line.to_owned() };
    };
    let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
    words(&format!("{before}ADDRESS{}", addresses(after)))
}

fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lines, and what is in a json list, sorted.
fn in_any_order(text: &str) -> String {
    let line = |line: &str| match line.trim_start().strip_prefix("> ") {
        Some(list) if list.starts_with('[') => {
            let list: Vec<serde_json::Value> = serde_json::from_str(list).expect("json");
            in_any_order(&list.iter().map(|item| format!("{item}\n")).collect::<String>())
        }
        _ => words(line),
    };
    let mut lines: Vec<String> = text.lines().map(line).collect();
    lines.sort();
    lines.join("\n")
}

/// A list that is sorted by ids, and has them in its first column or in json, sorted by the rest.
fn by_name(text: &str) -> String {
    let sorted = |mut items: Vec<String>| {
        items.sort();
        items.join("\n")
    };
    let line = |line: &str| match line.trim_start().strip_prefix("> ") {
        Some(list) if list.starts_with('[') => {
            let list: Vec<serde_json::Value> = serde_json::from_str(list).expect("json");
            sorted(list.iter().map(serde_json::Value::to_string).collect())
        }
        Some(row) => row.split_once(' ').map_or_else(String::new, |(_, rest)| words(rest)),
        None => line.to_owned(),
    };
    sorted(text.lines().map(line).collect())
}
