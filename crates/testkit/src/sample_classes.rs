//! A class with one method for each thing that an engine's class calls must get right.

use bytes::Bytes;
use marcot_store::Errno;
use marcot_store::class::{Classes, MethodKind, ObjectContext};
use marcot_store::op::CreateMode;

/// The class `sample`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SampleClasses;

impl Classes for SampleClasses {
    fn kind(&self, class: &str, method: &str) -> Option<MethodKind> {
        match (class, method) {
            ("sample", "get" | "size" | "write_while_reading" | "count" | "caller") => {
                Some(MethodKind::Read)
            }
            ("sample", "set" | "create" | "write_and_fail" | "fill" | "add_one" | "wipe") => {
                Some(MethodKind::Write)
            }
            _ => None,
        }
    }

    fn call(
        &self,
        _class: &str,
        method: &str,
        object: &mut dyn ObjectContext,
        input: &[u8],
    ) -> Result<Bytes, Errno> {
        match method {
            "get" => object.omap_value(input),
            "size" => Ok(object.stat()?.size.to_string().into()),
            "write_while_reading" => object.write(0, input).map(|()| Bytes::new()),
            "count" => count(object, input),
            "caller" => {
                let (client, address) = object.caller();
                Ok(format!("{client} {address}").into())
            }
            "set" => {
                let input = Bytes::copy_from_slice(input);
                object.omap_set(vec![(input.clone(), input)])?;
                Ok(Bytes::from_static(b"dropped"))
            }
            "create" => object.create(CreateMode::Exclusive).map(|()| Bytes::new()),
            "write_and_fail" => {
                object.write(0, input)?;
                object.set_xattr("half", b"done")?;
                object.omap_set(vec![(Bytes::from_static(b"half"), Bytes::new())])?;
                Err(Errno::STALE)
            }
            "fill" => fill(object, input),
            "add_one" => add_one(object),
            "wipe" => object.remove().map(|()| Bytes::new()),
            _ => Err(Errno::OPNOTSUPP),
        }
    }
}

/// How many omap keys begin with `prefix`, page by page.
fn count(object: &mut dyn ObjectContext, prefix: &[u8]) -> Result<Bytes, Errno> {
    let mut after: Option<Bytes> = None;
    let mut count = 0;
    loop {
        let page = object.omap_list(after.as_deref(), prefix, 100)?;
        count += page.entries.len();
        match page.entries.last() {
            Some((key, _)) if page.more => after = Some(key.clone()),
            _ => return Ok(count.to_string().into()),
        }
    }
}

/// Touches everything that an object has.
fn fill(object: &mut dyn ObjectContext, input: &[u8]) -> Result<Bytes, Errno> {
    object.write_full(input)?;
    object.truncate(input.len() as u64 + 2)?;
    object.set_xattr("filled", input)?;
    object.omap_set(vec![(Bytes::from_static(b"filled"), Bytes::copy_from_slice(input))])?;
    Ok(Bytes::new())
}

/// Counts up the decimal number that the object's data are.
fn add_one(object: &mut dyn ObjectContext) -> Result<Bytes, Errno> {
    let text = match object.stat() {
        Ok(stat) => object.read(0, stat.size)?,
        Err(Errno::NOENT) => Bytes::new(),
        Err(errno) => return Err(errno),
    };
    let text = std::str::from_utf8(&text).map_err(|_| Errno::BADMSG)?;
    let number: u64 = if text.is_empty() { 0 } else { text.parse().map_err(|_| Errno::BADMSG)? };
    object.write_full((number + 1).to_string().as_bytes())?;
    Ok(Bytes::new())
}
