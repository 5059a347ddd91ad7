//! Making room in a pool that is full: what only takes away does not wait for room, of ours as of
//! Ceph's.

use std::thread;
use std::time::{Duration, Instant};

use super::party::{Commands, Party};
use super::stage::{make_pool, remove_pool};
use crate::differential::cluster;

const POOL: &str = "no_room";

/// What is done in the full pool, each side to images of its own.
const REMOVALS: &[&str] = &[
    "snap rm --no-progress {p}/{who}@one",
    "snap purge --no-progress {p}/{who}",
    "rm --no-progress {p}/{who}",
    "trash rm --no-progress {p}/{id}",
    "trash purge --no-progress {p}",
];

fn must(commands: &Commands, party: Party, line: &str) -> String {
    let said = commands.must(party, line).unwrap_or_else(|problem| panic!("{problem}"));
    String::from_utf8(said.out).expect("text")
}

/// The monitor's quota, and OSDs that keep to it.
fn limit(commands: &Commands, objects: u32) {
    let ceph = |line: &str| {
        let output = commands.ceph(line).output().expect("ceph");
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    ceph(&format!("osd pool set-quota {POOL} max_objects {objects}"));
    let deadline = Instant::now() + Duration::from_secs(60);
    let is_full = || {
        let pools = ceph("osd pool ls detail");
        let pool = pools.lines().find(|line| line.contains(&format!("'{POOL}'")));
        pool.expect("the pool").contains("full_quota")
    };
    while is_full() != (objects > 0) {
        assert!(Instant::now() < deadline, "the quota is not noticed");
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn removals_make_room_in_a_full_pool() {
    let Some(conf) = cluster() else { return };
    let commands = make_pool(&conf, POOL);
    must(&commands, Party::Marcot, &format!("pool init {POOL}"));
    for party in [Party::Marcot, Party::Ceph] {
        let (image, trashed) = (format!("{POOL}/{party}"), format!("{POOL}/{party}-trashed"));
        for line in [
            format!("create --size 8M {image}"),
            format!("bench --io-type write --io-size 4096 --io-total 65536 {image}"),
            format!("snap create --no-progress {image}@one"),
            format!("bench --io-type write --io-size 4096 --io-total 65536 {image}"),
            format!("snap create --no-progress {image}@two"),
            format!("create --size 8M {trashed}"),
            format!("trash mv {trashed}"),
            format!("create --size 8M {image}-too"),
            format!("trash mv {image}-too"),
        ] {
            must(&commands, Party::Ceph, &line);
        }
    }
    limit(&commands, 1);
    for party in [Party::Marcot, Party::Ceph] {
        let trash = must(&commands, party, &format!("trash ls {POOL}"));
        let named = format!(" {party}-trashed");
        let id = trash.lines().find_map(|line| line.strip_suffix(&named)).unwrap_or_default();
        for line in REMOVALS {
            let line = line.replace("{p}", POOL).replace("{who}", &party.to_string());
            must(&commands, party, &line.replace("{id}", id.trim()));
        }
        let left = must(&commands, party.other(), &format!("ls {POOL}"));
        assert!(!left.contains(&party.to_string()), "{left}");
        assert_eq!(must(&commands, party.other(), &format!("trash ls {POOL}")), "");
        if party == Party::Marcot {
            // The other's were purged too: they are to find some.
            limit(&commands, 0);
            for name in ["ceph-trashed", "ceph-too"] {
                must(&commands, Party::Ceph, &format!("create --size 8M {POOL}/{name}"));
                must(&commands, Party::Ceph, &format!("trash mv {POOL}/{name}"));
            }
            limit(&commands, 1);
        }
    }
    limit(&commands, 0);
    remove_pool(&commands, POOL);
}
