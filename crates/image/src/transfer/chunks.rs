//! Reading an image from front to back: holes are told, data comes in pieces, many at once.

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};

use crate::extents::{Allocation, AllocationList, AllocationState, ImageExtent};
use crate::image::Image;
use crate::io::IoError;

/// How much to read at once.
const CHUNK: u64 = 4 << 20;
/// Shorter holes between data are read with it: one request less is worth more.
const SHORT_HOLE: u64 = 64 << 10;
/// How far ahead to look for holes.
pub(crate) const WINDOW: u64 = 4 << 30;

/// A range of the image with its bytes; none for a hole.
pub(crate) type Chunk = (ImageExtent, Option<Bytes>);

/// The bytes of a range, in order, many reads under way at once.
pub(crate) async fn chunks(
    image: &Image,
    window: ImageExtent,
) -> Result<impl Stream<Item = Result<Chunk, IoError>> + Unpin, IoError> {
    let config = image.config();
    let at_once = config.concurrent_management_ops.max(1);
    // Also when all is a hole, and nothing else reads.
    image.note_access(&config).await;
    let ranges = image.allocation(window.offset, window.length).await?;
    let reads = without_short_holes(ranges).flat_map(cut).map(move |(extent, state)| async move {
        match state {
            AllocationState::Hole => Ok((extent, None)),
            AllocationState::Data => {
                let data = image.read(extent.offset, extent.length).await?;
                Ok((extent, Some(data)))
            }
        }
    });
    Ok(Box::pin(stream::iter(reads).buffered(at_once)))
}

fn without_short_holes(ranges: Vec<Allocation>) -> impl Iterator<Item = Allocation> {
    let last = ranges.len().saturating_sub(1);
    let mut list = AllocationList::default();
    for (index, range) in ranges.into_iter().enumerate() {
        let is_between = index > 0 && index < last;
        let state = match range.length < SHORT_HOLE && is_between {
            true => AllocationState::Data,
            false => range.state,
        };
        list.push(range.offset..range.offset + range.length, state);
    }
    list.into_ranges().into_iter()
}

/// Data in pieces that end on multiples of [`CHUNK`], holes whole.
fn cut(range: Allocation) -> impl Iterator<Item = (ImageExtent, AllocationState)> {
    let end = range.offset + range.length;
    let mut at = range.offset;
    std::iter::from_fn(move || {
        let next = match range.state {
            AllocationState::Data => end.min((at / CHUNK + 1).saturating_mul(CHUNK)),
            AllocationState::Hole => end,
        };
        let extent = ImageExtent::new(at, next - at);
        at = next;
        (!extent.is_empty()).then_some((extent, range.state))
    })
}
