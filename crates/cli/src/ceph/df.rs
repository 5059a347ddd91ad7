//! `ceph df`

use clap::Command;
use marcot_store::{ClusterStatus, PoolInfo};

use super::{format, print_json};
use crate::args::{Arguments, options, size};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::table::{Align, Table};
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "df", alias: None, about: "Show the store's space", define, run };

fn define(command: Command) -> Command {
    format(command).arg(options::word("detail", "accepted and not used"))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = options::style(arguments)?;
    let (pools, status) = (session.pools()?, session.status()?);
    match style.format {
        Format::Plain => console::print(&plain(&pools, &status)),
        Format::Json | Format::Xml => {
            print_json(&structured(style, "stats", &value(&pools, &status)))
        }
    }
}

/// `part` of `whole` in percent.
fn percent(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let ratio = part as f64 / whole.max(1) as f64;
    ratio * 100.0
}

fn plain(pools: &[PoolInfo], status: &ClusterStatus) -> String {
    let right = |name| (name, Align::Right, Align::Right);
    let left = |name| (name, Align::Left, Align::Left);
    let space = status.space;
    let mut raw = Table::new(&[
        left("CLASS"),
        right("SIZE"),
        right("AVAIL"),
        right("USED"),
        right("RAW USED"),
        right("%RAW USED"),
    ]);
    for class in ["ssd", "TOTAL"] {
        let used = size::shown(space.used_bytes);
        raw.row([
            class.to_owned(),
            size::shown(space.total_bytes),
            size::shown(space.available_bytes),
            used.clone(),
            used,
            format!("{:.2}", percent(space.used_bytes, space.total_bytes)),
        ]);
    }
    let mut table = Table::new(&[
        left("POOL"),
        right("ID"),
        right("PGS"),
        right("STORED"),
        right("OBJECTS"),
        right("USED"),
        right("%USED"),
        right("MAX AVAIL"),
    ]);
    for pool in pools {
        let stored = size::shown(pool.stored_bytes);
        table.row([
            pool.name.clone(),
            pool.id.0.to_string(),
            "1".to_owned(),
            stored.clone(),
            pool.objects.to_string(),
            stored,
            format!("{:.2}", percent(pool.stored_bytes, space.total_bytes)),
            size::shown(space.available_bytes),
        ]);
    }
    format!("--- RAW STORAGE ---\n{} \n--- POOLS ---\n{}", raw.print(), table.print())
}

fn value(pools: &[PoolInfo], status: &ClusterStatus) -> Value {
    let space = status.space;
    let stats = Value::Object(vec![
        ("total_bytes", Value::Number(space.total_bytes)),
        ("total_avail_bytes", Value::Number(space.available_bytes)),
        ("total_used_bytes", Value::Number(space.used_bytes)),
        ("total_used_raw_bytes", Value::Number(space.used_bytes)),
        (
            "total_used_raw_ratio",
            Value::Float(percent(space.used_bytes, space.total_bytes) / 100.0),
        ),
    ]);
    let pool = |pool: &PoolInfo| {
        let stats = Value::Object(vec![
            ("stored", Value::Number(pool.stored_bytes)),
            ("objects", Value::Number(pool.objects)),
            ("kb_used", Value::Number(pool.stored_bytes.div_ceil(1024))),
            ("bytes_used", Value::Number(pool.stored_bytes)),
            ("percent_used", Value::Float(percent(pool.stored_bytes, space.total_bytes) / 100.0)),
            ("max_avail", Value::Number(space.available_bytes)),
        ]);
        Value::Object(vec![
            ("name", Value::text(&pool.name)),
            ("id", Value::Signed(pool.id.0)),
            ("stats", stats),
        ])
    };
    Value::Object(vec![("stats", stats), ("pools", Value::list("pool", pools.iter().map(pool)))])
}
