//! `rados df`

use clap::Command;
use marcot_store::{ClusterStatus, PoolInfo};

use super::style;
use crate::args::{Arguments, options, size};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::table::{Align, Table};
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "df", alias: None, about: "Show how much pools hold", define, run };

fn define(command: Command) -> Command {
    style::define(command.arg(options::pool()))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = style::wanted(arguments)?;
    let (pools, status) = (session.pools()?, session.status()?);
    let text = match style.format {
        Format::Plain => plain(&pools, &status),
        Format::Json | Format::Xml => structured(style, "stats", &value(&pools, &status)),
    };
    console::print(&text)
}

/// Clones, degraded objects and traffic are a cluster's business: the embedded store shows 0.
fn plain(pools: &[PoolInfo], status: &ClusterStatus) -> String {
    let right = |name| (name, Align::Right, Align::Right);
    let mut table = Table::new(&[
        ("POOL_NAME", Align::Left, Align::Left),
        right("USED"),
        right("OBJECTS"),
        right("CLONES"),
        right("COPIES"),
        right("MISSING_ON_PRIMARY"),
        right("UNFOUND"),
        right("DEGRADED"),
        right("RD_OPS"),
        right("RD"),
        right("WR_OPS"),
        right("WR"),
        right("USED COMPR"),
        right("UNDER COMPR"),
    ]);
    for pool in pools {
        let count = pool.objects.to_string();
        let (zero, none) = (|| "0".to_owned(), || size::shown(0));
        table.row([
            pool.name.clone(),
            size::shown(pool.stored_bytes),
            count.clone(),
            zero(),
            count,
            zero(),
            zero(),
            zero(),
            zero(),
            none(),
            zero(),
            none(),
            none(),
            none(),
        ]);
    }
    let total: u64 = pools.iter().map(|pool| pool.objects).sum();
    let space = status.space;
    format!(
        "{}\ntotal_objects    {total}\ntotal_used       {}\ntotal_avail      {}\n\
         total_space      {}\n",
        table.print(),
        size::shown(space.used_bytes),
        size::shown(space.available_bytes),
        size::shown(space.total_bytes)
    )
}

fn value(pools: &[PoolInfo], status: &ClusterStatus) -> Value {
    let pool = |pool: &PoolInfo| {
        Value::Object(vec![
            ("name", Value::text(&pool.name)),
            ("id", Value::Signed(pool.id.0)),
            ("size_bytes", Value::Number(pool.stored_bytes)),
            ("size_kb", Value::Number(pool.stored_bytes.div_ceil(1024))),
            ("num_objects", Value::Number(pool.objects)),
        ])
    };
    let objects = pools.iter().map(|pool| pool.objects).sum();
    let space = status.space;
    Value::Object(vec![
        ("pools", Value::list("pool", pools.iter().map(pool))),
        ("total_objects", Value::Number(objects)),
        ("total_used", Value::Number(space.used_bytes / 1024)),
        ("total_avail", Value::Number(space.available_bytes / 1024)),
        ("total_space", Value::Number(space.total_bytes / 1024)),
    ])
}
