//! The object map of an image or snapshot.

use std::ops::Range;

use marcot_format::call::object_map::{
    ObjectMapLoad, ObjectMapResize, ObjectMapSave, ObjectMapSnapAdd, ObjectMapSnapRemove,
    ObjectMapUpdate,
};
use marcot_format::object_map::{
    Footer, Layout, MAX_OBJECT_COUNT, ObjectMap, ObjectState, UncheckedObjectMap,
};
use marcot_format::wire::{Decode, Encode};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::method::{Entry, Method};

pub(super) const METHODS: [Entry; 6] = [
    Entry::of::<ObjectMapLoad>(),
    Entry::of::<ObjectMapSave>(),
    Entry::of::<ObjectMapResize>(),
    Entry::of::<ObjectMapUpdate>(),
    Entry::of::<ObjectMapSnapAdd>(),
    Entry::of::<ObjectMapSnapRemove>(),
];

/// The whole map; `ENOENT`, `EINVAL` for damaged bytes.
fn load(object: &mut dyn ObjectContext) -> Result<ObjectMap, Errno> {
    let size = object.stat()?.size;
    if size == 0 {
        return Err(Errno::NOENT);
    }
    let bytes = object.read(0, size)?;
    ObjectMap::from_bytes(&bytes).map_err(|_| Errno::INVAL)
}

impl Method for ObjectMapLoad {
    fn run(self, object: &mut dyn ObjectContext) -> Result<UncheckedObjectMap, Errno> {
        load(object).map(UncheckedObjectMap)
    }
}

impl Method for ObjectMapSave {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        object.write_full(&self.map.to_bytes())
    }
}

impl Method for ObjectMapResize {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if self.object_count > MAX_OBJECT_COUNT {
            return Err(Errno::INVAL);
        }
        let mut map = match load(object) {
            Err(Errno::NOENT) => ObjectMap::new(0, self.state),
            map => map?,
        };
        let skip = usize::try_from(self.object_count).map_err(|_| Errno::INVAL)?;
        if map.iter().skip(skip).any(|state| state != self.state) {
            return Err(Errno::STALE);
        }
        map.resize(self.object_count, self.state);
        object.write_full(&map.to_bytes())
    }
}

impl Method for ObjectMapSnapAdd {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        rewrite(object, |_, state| match state {
            ObjectState::Exists => ObjectState::ExistsClean,
            other => other,
        })
    }
}

impl Method for ObjectMapSnapRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        rewrite(object, |number, state| match (state, self.snapshot.get(number)) {
            (ObjectState::ExistsClean, None | Some(ObjectState::Exists)) => ObjectState::Exists,
            (other, _) => other,
        })
    }
}

/// Changes the states one by one; writes the map only if one is new.
fn rewrite(
    object: &mut dyn ObjectContext,
    change: impl Fn(u64, ObjectState) -> ObjectState,
) -> Result<(), Errno> {
    let before = load(object)?;
    let mut after = before.clone();
    for (number, state) in (0..).zip(before.iter()) {
        let new = change(number, state);
        if new != state {
            after.set(number, new);
        }
    }
    if after == before { Ok(()) } else { object.write_full(&after.to_bytes()) }
}

impl Method for ObjectMapUpdate {
    /// Reads and writes only the blocks that hold the range, and the footer: this runs before
    /// every first write to a data object.
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let layout = Layout::from_header(&object.read(0, Layout::HEADER_LENGTH)?)
            .map_err(|_| Errno::INVAL)?;
        if self.start >= self.end || self.end > layout.object_count() {
            return Err(Errno::RANGE);
        }
        let footer = object.read(layout.footer_offset(), layout.footer_length())?;
        let footer = Option::<Footer>::from_bytes(&footer).map_err(|_| Errno::INVAL)?;
        let mut footer = footer.ok_or(Errno::INVAL)?;
        let blocks = layout.blocks(self.start..self.end);
        let mut part = Part::read(object, layout, blocks, &footer)?;

        if part.update(&self) {
            part.write(object, &mut footer)?;
            object.write(layout.footer_offset(), &footer.to_bytes())?;
        }
        Ok(())
    }
}

/// Some blocks of a stored map, as a map of their own.
struct Part {
    layout: Layout,
    blocks: Range<u64>,
    /// The number of the first object in `map`.
    first: u64,
    map: ObjectMap,
}

impl Part {
    /// Reads blocks and compares their checksums (`EINVAL`).
    fn read(
        object: &mut dyn ObjectContext,
        layout: Layout,
        blocks: Range<u64>,
        footer: &Footer,
    ) -> Result<Part, Errno> {
        let bytes = layout.bytes(blocks.clone());
        let bits = object.read(bytes.start, bytes.end - bytes.start)?;
        let objects = layout.objects(blocks.clone());
        let map = ObjectMap::from_bits(objects.end - objects.start, &bits).ok_or(Errno::INVAL)?;
        let first = objects.start;
        let stored = stored_crcs(footer, &blocks)?;
        if stored != Footer::of(&map).block_crcs {
            return Err(Errno::INVAL);
        }
        Ok(Part { layout, blocks, first, map })
    }

    /// Whether anything changed.
    fn update(&mut self, update: &ObjectMapUpdate) -> bool {
        let mut changed = false;
        for number in update.start - self.first..update.end - self.first {
            let state = self.map.get(number).expect("the range lies in the blocks");
            let chosen = update.current.is_none_or(|wanted| state.matches(wanted));
            if chosen && state != update.new {
                self.map.set(number, update.new);
                changed = true;
            }
        }
        changed
    }

    /// Writes the blocks and brings their checksums in the footer up to date.
    fn write(&self, object: &mut dyn ObjectContext, footer: &mut Footer) -> Result<(), Errno> {
        object.write(self.layout.bytes(self.blocks.clone()).start, self.map.bits())?;
        let crcs = footer.block_crcs.iter_mut().skip(index(self.blocks.start)?);
        for (stored, new) in crcs.zip(Footer::of(&self.map).block_crcs) {
            *stored = new;
        }
        Ok(())
    }
}

fn stored_crcs<'a>(footer: &'a Footer, blocks: &Range<u64>) -> Result<&'a [u32], Errno> {
    let range = index(blocks.start)?..index(blocks.end)?;
    footer.block_crcs.get(range).ok_or(Errno::INVAL)
}

fn index(block: u64) -> Result<usize, Errno> {
    usize::try_from(block).map_err(|_| Errno::INVAL)
}
