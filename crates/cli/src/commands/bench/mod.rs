//! `rbd bench`

mod offsets;
mod report;
mod request;

use std::time::Instant;

use bytes::Bytes;
use clap::Command;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use marcot_image::{Access, Image, IoError};
use marcot_store::Errno;

use super::CommandDef;
use crate::args::Arguments;
use crate::args::size;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

use offsets::Offsets;
use report::{Done, Report};
use request::{IoType, Request};

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "bench",
    alias: None,
    about: "Measure an image: many reads or writes at once",
    define,
    run,
};

fn define(command: Command) -> Command {
    request::define(command)
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let request = Request::parse(arguments)?;
    session.expect_bytes(request.io_total)?;
    // Also to read: a clone may copy up what is read of its parent.
    let image = session.open(&request.image, Access::ReadWrite)?;
    let image_size = image.view().size;
    if image_size < request.io_size {
        session.warn(&format!(
            "io-size {} larger than image size {}",
            size::shown(request.io_size),
            size::shown(image_size)
        ));
        let line = format!("bench failed: {}", Errno::INVAL);
        return Err(Failure::Bare { line, errno: Errno::INVAL });
    }
    console::print(&format!("bench  {request}\n"))?;
    let measured = session.wait(measure(&image, &request, session));
    let report = measured?;
    console::print(&report.last_lines(&request))?;
    session.close_image(&image)
}

/// Keeps as many operations under way as asked for until all bytes went, then flushes.
async fn measure(image: &Image, request: &Request, session: &Session) -> Result<Report, Failure> {
    let env = &session.client()?.env;
    let mut offsets = Offsets::new(request, image.view().size);
    let mut mix = Mix { env: &**env, io_type: request.io_type };
    let fill = u8::try_from(env.random() & 0xff).unwrap_or(0);
    let data = Bytes::from(vec![fill; usize::try_from(request.io_size).unwrap_or(0)]);
    let mut report = Report::begin(Instant::now());
    let mut under_way = FuturesUnordered::new();
    let (mut started, mut finished) = (0, 0);
    let count = request.io_total.div_ceil(request.io_size);
    while finished < count {
        while started < count && under_way.len() < request.io_threads {
            let lane = usize::try_from(started).unwrap_or(0) % request.io_threads;
            let offset = offsets.next(lane, || env.random());
            under_way.push(operate(image, mix.next(), offset, &data));
            started += 1;
        }
        let Some(done) = under_way.next().await else { break };
        report.note(done.map_err(|error| failed(&error))?, request.io_size);
        finished += 1;
        if let Some(line) = report.line_if_due(Instant::now()) {
            console::print(&line)?;
        }
    }
    if !matches!(request.io_type, IoType::Read) {
        image.flush().await.map_err(|error| failed(&error))?;
    }
    report.end(Instant::now());
    Ok(report)
}

fn failed(error: &IoError) -> Failure {
    let line = format!("bench failed: {}", error.errno());
    Failure::Bare { line, errno: error.errno() }
}

async fn operate(image: &Image, kind: Done, offset: u64, data: &Bytes) -> Result<Done, IoError> {
    match kind {
        Done::Read => {
            image.read(offset, data.len() as u64).await?;
        }
        Done::Write => image.write(offset, data.clone()).await?,
    }
    Ok(kind)
}

/// Which operation comes next.
struct Mix<'a> {
    env: &'a dyn marcot_store::Env,
    io_type: IoType,
}

impl Mix<'_> {
    fn next(&mut self) -> Done {
        match self.io_type {
            IoType::Read => Done::Read,
            IoType::Write => Done::Write,
            IoType::ReadWrite { read_percent } if self.env.random() % 100 < read_percent => {
                Done::Read
            }
            IoType::ReadWrite { .. } => Done::Write,
        }
    }
}
