//! Naming a real Ceph cluster in every way that Ceph's own tools take, and being refused by it.
//!
//! Needs a cluster that takes clients with and without keys: `scripts/test` starts one and names it
//! in `MARCOT_TEST_CEPH_CONF` and `MARCOT_TEST_CEPHX_CONF`. With `CI` set its absence is a failure.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

struct Cluster {
    /// Asks for no keys.
    open: String,
    /// Asks for keys, and says where the keyring is.
    cephx: String,
    folder: tempfile::TempDir,
}

fn cluster() -> Option<Cluster> {
    let configured = |variable: &str| {
        let found = std::env::var(variable).ok();
        assert!(found.is_some() || std::env::var("CI").is_err(), "{variable} is not set");
        found
    };
    let found = configured("MARCOT_TEST_CEPH_CONF").zip(configured("MARCOT_TEST_CEPHX_CONF"));
    let Some((open, cephx)) = found else {
        eprintln!("no cluster: set MARCOT_TEST_CEPH_CONF and MARCOT_TEST_CEPHX_CONF");
        return None;
    };
    Some(Cluster { open, cephx, folder: tempfile::tempdir().unwrap() })
}

impl Cluster {
    /// Runs our binary as `rbd`, with nothing in its environment but this.
    fn rbd(&self, environment: &[(&str, &str)], line: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_marcot"));
        command.arg("rbd").args(line.split_whitespace()).env_clear();
        command.env("HOME", self.folder.path()).current_dir(self.folder.path());
        if let Some(shim) = std::env::var_os("MARCOT_RADOS_SHIM") {
            command.env("MARCOT_RADOS_SHIM", shim);
        }
        command.envs(environment.iter().copied());
        command.output().unwrap()
    }

    fn succeeds(&self, environment: &[(&str, &str)], line: &str) -> String {
        let output = self.rbd(environment, line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{environment:?} rbd {line}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What a command that must fail says, and its exit code.
    fn fails(&self, environment: &[(&str, &str)], line: &str) -> (String, Option<i32>) {
        let output = self.rbd(environment, line);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{environment:?} rbd {line}: {said}");
        let told = format!("{said}{}", String::from_utf8_lossy(&output.stdout));
        (told, output.status.code())
    }

    /// What the configuration says of an option.
    fn setting(&self, name: &str) -> String {
        let text = fs::read_to_string(&self.cephx).unwrap();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_once('=').unwrap().1.trim().to_owned()
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The secret of a client.
    fn secret(&self, client: &str) -> String {
        let keyring = fs::read_to_string(self.setting("keyring")).unwrap();
        let after = keyring.split(&format!("[{client}]")).nth(1).unwrap();
        let line = after.lines().find(|line| line.trim().starts_with("key =")).unwrap();
        line.split_once('=').unwrap().1.trim().to_owned()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_cluster_is_named_in_every_way_that_ceph_takes() {
    let Some(c) = cluster() else { return };
    let (open, cephx) = (c.open.as_str(), c.cephx.as_str());
    let name = format!("named-{}", std::process::id());
    c.succeeds(&[], &format!("-c {open} create -s 1M vms/{name}"));
    let (keyring, monitors) = (c.setting("keyring"), c.setting("mon host"));
    let home = c.file(".ceph/backup.conf", &fs::read_to_string(open).unwrap());
    let ways: Vec<(Vec<(&str, String)>, String)> = vec![
        (vec![], format!("--conf {open} ls vms")),
        (vec![], format!("--store ceph:{open} ls vms")),
        (vec![("CEPH_CONF", open.into())], "ls vms".into()),
        (vec![("CEPH_ARGS", format!("-c {open}"))], "ls vms".into()),
        (vec![("MARCOT_STORE", format!("ceph:{open}"))], "ls vms".into()),
        (vec![], format!("-c {cephx} ls vms")),
        (vec![], format!("-c {cephx} --id vms ls vms")),
        (vec![], format!("-c {cephx} --name client.vms ls vms")),
        (vec![], format!("-c {cephx} -n client.vms --keyring {keyring} ls vms")),
        (vec![("CEPH_ARGS", "--id vms".into()), ("CEPH_CONF", cephx.into())], "ls vms".into()),
        (vec![("CEPH_KEYRING", keyring.clone())], format!("-m {monitors} --id vms ls vms")),
        (vec![], format!("-m {monitors} --user vms -k {keyring} ls vms")),
        (vec![], format!("--mon-host {monitors} --auth-client-required none ls vms")),
        (
            vec![("CEPH_ARGS", format!("-m {monitors} --auth_client_required=none"))],
            "ls vms".into(),
        ),
        (vec![], "--cluster backup ls vms".into()),
    ];
    for (environment, line) in ways {
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let listed = c.succeeds(&environment, &line);
        assert!(listed.lines().any(|found| found == name), "{environment:?} rbd {line}: {listed}");
    }
    assert!(home.exists());
    c.succeeds(&[], &format!("-c {open} rm vms/{name}"));
}

#[test]
fn options_come_from_the_client_section_and_the_monitors() {
    let Some(c) = cluster() else { return };
    let name = format!("options-{}", std::process::id());
    let order = |conf: &str, who: &str| {
        c.succeeds(&[], &format!("-c {conf} {who} create -s 1M vms/{name}"));
        let info = c.succeeds(&[], &format!("-c {conf} {who} info vms/{name}"));
        c.succeeds(&[], &format!("-c {conf} {who} rm vms/{name}"));
        let line = info.lines().find(|line| line.contains("order")).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    let base = fs::read_to_string(&c.cephx).unwrap();
    let section = c.file("section.conf", &format!("{base}\n[client]\nrbd default order = 20\n"));
    let own = c.file("own.conf", &format!("{base}\n[client.vms]\nrbd default order = 19\n"));
    assert_eq!(order(text(&section), ""), "20");
    assert_eq!(order(text(&own), "--id vms"), "19");
    assert_eq!(order(text(&own), ""), "22", "a section of another client");
    let admin = format!("-c {} config global", c.cephx);
    c.succeeds(&[], &format!("{admin} set client.vms rbd_default_order 21"));
    assert_eq!(order(&c.cephx, "--id vms"), "21");
    assert_eq!(order(text(&own), "--id vms"), "19", "the file wins over the monitors");
    c.succeeds(&[], &format!("{admin} rm client.vms rbd_default_order"));
}

#[test]
fn a_client_may_do_what_its_key_allows() {
    let Some(c) = cluster() else { return };
    let name = format!("rights-{}", std::process::id());
    let vms = format!("-c {} --id vms", c.cephx);
    c.succeeds(&[], &format!("-c {} create -s 1M images/{name}", c.open));
    c.succeeds(&[], &format!("-c {} snap create images/{name}@base", c.open));
    c.succeeds(&[], &format!("-c {} snap protect images/{name}@base", c.open));
    c.succeeds(&[], &format!("{vms} create -s 1M vms/{name}"));
    c.succeeds(&[], &format!("{vms} rm vms/{name}"));
    c.succeeds(&[], &format!("{vms} info images/{name}"));
    c.succeeds(&[], &format!("{vms} export images/{name}@base base"));
    let (_, code) = c.fails(&[], &format!("{vms} create -s 1M images/{name}-other"));
    assert_eq!(code, Some(1), "EPERM");
    c.succeeds(&[], &format!("-c {} snap unprotect images/{name}@base", c.open));
    c.succeeds(&[], &format!("-c {} snap purge images/{name}", c.open));
    c.succeeds(&[], &format!("-c {} rm images/{name}", c.open));
}

#[test]
fn a_pool_is_marked_as_used_by_rbd() {
    let Some(c) = cluster() else { return };
    let pool = format!("marked-{}", std::process::id());
    let ceph = |line: &str| {
        let mut command = Command::new("timeout");
        command.args(["-s", "KILL", "20", "ceph", "-c", &c.open]).args(line.split_whitespace());
        let output = command.output().unwrap();
        assert!(output.status.success(), "ceph {line}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let applications = || ceph(&format!("osd pool application get {pool} --format=json"));
    ceph(&format!("osd pool create {pool} 1"));
    ceph(&format!("osd pool application enable {pool} other"));
    let output = c.rbd(&[], &format!("-c {} pool init {pool}", c.open));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said, "rbd: pool already registered to a different application.\n");
    assert_eq!((output.status.code(), applications().trim()), (Some(0), r#"{"other":{}}"#));
    c.succeeds(&[], &format!("-c {} pool init --force {pool}", c.open));
    c.succeeds(&[], &format!("-c {} pool init {pool}", c.open));
    assert_eq!(applications().trim(), r#"{"other":{},"rbd":{}}"#);
    ceph(&format!("osd pool rm {pool} {pool} --yes-i-really-really-mean-it"));
}

#[test]
fn who_is_refused_learns_why_and_no_secret_is_told() {
    let Some(c) = cluster() else { return };
    let secret = c.secret("client.admin");
    let wrong = c.file("wrong", &format!("[client.vms]\n\tkey = {secret}\n"));
    let refused = [
        format!("-c {} --id vms -k {} ls vms", c.cephx, text(&wrong)),
        format!("-v -c {} --id vms --key {secret} ls vms", c.cephx),
    ];
    for line in refused {
        let (said, code) = c.fails(&[], &line);
        assert!(said.contains("do not take the client's key"), "{said}");
        assert!(!said.contains(&secret), "a secret is told");
        assert_eq!(code, Some(13));
    }
    let missing = c.folder.path().join("missing");
    let missing = text(&missing);
    let (said, _) = c.fails(&[], &format!("-c {} --id vms -k {missing} ls vms", c.cephx));
    assert!(said.contains("keyring was not found"), "{said}");
    let (said, _) = c.fails(&[], &format!("-c {missing} ls"));
    assert!(said.contains(missing), "{said}");
    let (said, code) =
        c.fails(&[], "-m 127.0.0.1:1 --auth-client-required none --connect-timeout 1 ls");
    assert!(said.contains("no monitor answered"), "{said}");
    assert_eq!(code, Some(110));
}

#[test]
fn without_ceph_installed_the_package_is_named_and_other_stores_work() {
    let c =
        Cluster { open: String::new(), cephx: String::new(), folder: tempfile::tempdir().unwrap() };
    let none = [("MARCOT_LIBRADOS", "/nowhere/librados.so.2")];
    let (said, code) = c.fails(&none, "-c /etc/ceph/ceph.conf ls");
    assert!(said.contains("install the package librados2"), "{said}");
    assert_eq!(code, Some(2));
    let store = c.folder.path().join("store");
    assert_eq!(c.succeeds(&none, &format!("--store dir:{} ls", text(&store))), "");
}

#[test]
fn without_the_shim_nothing_is_removed_that_may_be_in_use() {
    let Some(c) = cluster() else { return };
    let name = format!("shim-{}", std::process::id());
    let at = format!("-c {}", c.open);
    c.succeeds(&[], &format!("{at} create -s 1M vms/{name}"));
    let none = [("MARCOT_RADOS_SHIM", "/nowhere/shim.so")];
    let (said, code) = c.fails(&none, &format!("{at} rm vms/{name}"));
    assert!(said.contains("list the watchers") && said.contains("scripts/build-shim"), "{said}");
    assert_eq!(code, Some(95));
    c.succeeds(&none, &format!("{at} info vms/{name}"));
    c.succeeds(&[], &format!("{at} rm vms/{name}"));
}
