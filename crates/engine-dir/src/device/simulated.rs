//! A volume that can lose power: it remembers what was written when, and what a sync covered.
//!
//! Every change of a device is kept as an event in one history over all its devices. After a run
//! the test picks a moment and a [`Crash`], and gets the volume that a machine could find after
//! losing power then: synced bytes are all there, every other change is there, or lost, or torn
//! between sectors of 512 bytes, whatever the order in which it was made; the length of a file may
//! have stayed behind. A failed sync makes the writes before it clean: later syncs do not save
//! them, though reads still show them.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fault::{Call, Fault, Faults};
use super::memory::{read_range, write_range, zero_range};
use super::room::Room;
use super::{Device, Volume};

const SECTOR: usize = 512;

/// Which file of the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Store,
    Meta,
}

/// One change, in the order in which they were made.
#[derive(Clone, Debug)]
enum Event {
    Write {
        name: Name,
        offset: u64,
        data: Arc<[u8]>,
    },
    SetLen {
        name: Name,
        length: u64,
    },
    Punch {
        name: Name,
        offset: u64,
        length: u64,
    },
    Sync {
        name: Name,
    },
    /// Drops the un-synced changes for good.
    FailedSync {
        name: Name,
    },
    CreateMeta,
}

/// What becomes of one change that no sync had covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Kept,
    Lost,
    /// Only the sectors whose bit is set arrive; bits repeat after 64 sectors.
    Torn {
        sectors: u64,
    },
}

/// Where the length of a file stands after the crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthAfterCrash {
    /// As long as the surviving changes make it.
    AsWritten,
    /// As at the last sync; what was written beyond is lost.
    AsSynced,
}

/// How power is lost: after the first `events` changes, with a fate for each un-synced one.
pub struct Crash<'a> {
    pub events: usize,
    /// Asked with the number of the un-synced change, counted from zero at the crash.
    pub fate: &'a dyn Fn(usize) -> Fate,
    pub length: LengthAfterCrash,
}

impl std::fmt::Debug for Crash<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "crash after {} events, length {:?}", self.events, self.length)
    }
}

/// Bytes of one file, as the medium has them.
#[derive(Clone, Debug, Default)]
struct Medium {
    bytes: Vec<u8>,
}

impl Medium {
    fn apply(&mut self, event: &Event, fate: Fate) {
        match (event, fate) {
            (_, Fate::Lost) => {}
            (Event::Write { offset, data, .. }, Fate::Kept) => self.put(*offset, data),
            (Event::Write { offset, data, .. }, Fate::Torn { sectors }) => {
                self.put_torn(*offset, data, sectors);
            }
            (Event::SetLen { length, .. }, _) => self.bytes.resize(*length as usize, 0),
            (Event::Punch { offset, length, .. }, _) => {
                zero_range(&mut self.bytes, *offset, *length);
            }
            (Event::Sync { .. } | Event::FailedSync { .. } | Event::CreateMeta, _) => {}
        }
    }

    fn put(&mut self, offset: u64, data: &[u8]) {
        write_range(&mut self.bytes, offset, data).expect("test volumes fit in memory");
    }

    fn put_torn(&mut self, offset: u64, data: &[u8], sectors: u64) {
        let mut done = 0;
        let mut number = 0;
        while done < data.len() {
            let at = offset as usize + done;
            let piece = (SECTOR - at % SECTOR).min(data.len() - done);
            if sectors >> (number % 64) & 1 == 1 {
                self.put(at as u64, &data[done..done + piece]);
            }
            done += piece;
            number += 1;
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// What was on the medium before the first event.
    origin: BTreeMap<Name, Medium>,
    current: BTreeMap<Name, Medium>,
    events: Vec<Event>,
    replayed: Replayed,
    faults: Faults,
    room: Room<Name>,
}

impl State {
    fn record(&mut self, name: Name, event: Event) {
        self.current.entry(name).or_default().apply(&event, Fate::Kept);
        self.events.push(event);
    }
}

/// A volume with a power switch. Handles share one state.
#[derive(Clone, Debug)]
pub struct SimulatedVolume {
    state: Arc<Mutex<State>>,
}

impl SimulatedVolume {
    /// An empty volume.
    pub fn new() -> Arc<SimulatedVolume> {
        SimulatedVolume::holding(BTreeMap::new())
    }

    fn holding(mut files: BTreeMap<Name, Medium>) -> Arc<SimulatedVolume> {
        files.entry(Name::Store).or_default();
        let state = State { origin: files.clone(), current: files, ..State::default() };
        Arc::new(SimulatedVolume { state: Arc::new(Mutex::new(state)) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many changes have been made so far: moments at which power can be lost.
    pub fn events(&self) -> usize {
        self.state().events.len()
    }

    /// How many calls of that kind there were, failed ones counted.
    pub fn calls(&self, call: Call) -> u64 {
        self.state().faults.count(call)
    }

    /// Plans a failure.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.plan(fault);
    }

    /// Others fill the medium: beyond what is written or set aside there are only `bytes` more.
    pub fn fill(&self, bytes: u64) {
        self.state().room.leave(bytes);
    }

    /// Forgets all planned failures.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// How many changes would be un-synced if power were lost after `events` changes.
    pub fn unsynced(&self, events: usize) -> usize {
        self.state().replay(events).pending.values().map(Vec::len).sum()
    }

    /// The volume as another machine would find it after that crash.
    pub fn after(&self, crash: &Crash<'_>) -> Arc<SimulatedVolume> {
        let mut state = self.state();
        let Replayed { durable, pending, .. } = state.replay(crash.events);
        let mut files = durable.clone();
        let mut number = 0;
        for (name, events) in pending {
            let medium = files.entry(*name).or_default();
            let synced_length = medium.bytes.len();
            for event in events {
                medium.apply(event, (crash.fate)(number));
                number += 1;
            }
            if crash.length == LengthAfterCrash::AsSynced {
                medium.bytes.truncate(synced_length);
            }
        }
        SimulatedVolume::holding(files)
    }

    /// The volume after the death of the process alone: everything written is there.
    pub fn after_process_death(&self) -> Arc<SimulatedVolume> {
        SimulatedVolume::holding(self.state().current.clone())
    }

    /// Damages one byte where it lies.
    pub fn flip(&self, offset: u64, mask: u8) {
        let mut state = self.state();
        let store = state.current.entry(Name::Store).or_default();
        if let Some(byte) = store.bytes.get_mut(offset as usize) {
            *byte ^= mask;
        }
    }
}

/// What syncs had made durable after so many events, and the changes they had not covered. Kept
/// between questions: tests ask about one moment after the other.
#[derive(Debug, Default)]
struct Replayed {
    events: usize,
    durable: BTreeMap<Name, Medium>,
    pending: BTreeMap<Name, Vec<Event>>,
}

impl Replayed {
    fn advance(&mut self, event: &Event) {
        self.events += 1;
        match event {
            Event::Write { name, .. } | Event::SetLen { name, .. } | Event::Punch { name, .. } => {
                self.pending.entry(*name).or_default().push(event.clone());
            }
            Event::Sync { name } => {
                let medium = self.durable.entry(*name).or_default();
                for covered in self.pending.remove(name).unwrap_or_default() {
                    medium.apply(&covered, Fate::Kept);
                }
            }
            Event::FailedSync { name } => {
                self.pending.remove(name);
            }
            Event::CreateMeta => {
                self.pending.remove(&Name::Meta);
                self.durable.insert(Name::Meta, Medium::default());
            }
        }
    }
}

impl State {
    fn replay(&mut self, events: usize) -> &Replayed {
        if self.replayed.events > events || self.replayed.events == 0 {
            self.replayed = Replayed { durable: self.origin.clone(), ..Replayed::default() };
        }
        let from = self.replayed.events;
        for event in self.events.iter().take(events).skip(from) {
            self.replayed.advance(event);
        }
        &self.replayed
    }
}

impl Volume for SimulatedVolume {
    fn store(&self) -> Arc<dyn Device> {
        Arc::new(SimulatedDevice { volume: self.clone(), name: Name::Store })
    }

    fn meta(&self) -> io::Result<Option<Arc<dyn Device>>> {
        let there = self.state().current.contains_key(&Name::Meta);
        let device = SimulatedDevice { volume: self.clone(), name: Name::Meta };
        Ok(there.then(|| Arc::new(device) as Arc<dyn Device>))
    }

    fn create_meta(&self) -> io::Result<Arc<dyn Device>> {
        let mut state = self.state();
        state.faults.meet(Call::CreateMeta)?;
        state.current.insert(Name::Meta, Medium::default());
        state.events.push(Event::CreateMeta);
        Ok(Arc::new(SimulatedDevice { volume: self.clone(), name: Name::Meta }))
    }

    fn room(&self) -> io::Result<u64> {
        Ok(1 << 40)
    }
}

/// One file of a [`SimulatedVolume`].
#[derive(Debug)]
pub struct SimulatedDevice {
    volume: SimulatedVolume,
    name: Name,
}

impl Device for SimulatedDevice {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut state = self.volume.state();
        state.faults.meet(Call::Read)?;
        match state.current.get(&self.name) {
            Some(medium) => read_range(&medium.bytes, offset, buffer),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.volume.state();
        state.faults.meet(Call::Write)?;
        state.room.take(self.name, offset, data.len() as u64)?;
        let event = Event::Write { name: self.name, offset, data: Arc::from(data) };
        state.record(self.name, event);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.volume.state();
        let outcome = state.faults.meet(Call::Sync);
        let event = match outcome {
            Ok(()) => Event::Sync { name: self.name },
            Err(_) => Event::FailedSync { name: self.name },
        };
        state.events.push(event);
        outcome
    }

    fn length(&self) -> io::Result<u64> {
        let state = self.volume.state();
        Ok(state.current.get(&self.name).map_or(0, |medium| medium.bytes.len() as u64))
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.volume.state();
        state.faults.meet(Call::SetLen)?;
        state.record(self.name, Event::SetLen { name: self.name, length });
        Ok(())
    }

    fn punch(&self, offset: u64, length: u64) -> io::Result<()> {
        let mut state = self.volume.state();
        state.faults.meet(Call::Punch)?;
        state.room.give_back(self.name, offset, length);
        state.record(self.name, Event::Punch { name: self.name, offset, length });
        Ok(())
    }

    fn reserve(&self, offset: u64, length: u64) -> io::Result<()> {
        let mut state = self.volume.state();
        state.faults.meet(Call::SetLen)?;
        state.room.take(self.name, offset, length)?;
        state.record(self.name, Event::Punch { name: self.name, offset, length });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(volume: &SimulatedVolume, length: usize) -> Vec<u8> {
        let mut found = vec![0; length];
        volume.store().read_at(0, &mut found).expect("within the file");
        found
    }

    #[test]
    fn a_sync_saves_what_came_before_it_and_nothing_else() {
        let volume = SimulatedVolume::new();
        let store = volume.store();
        store.write_at(0, &[1; 1024]).expect("no fault is planned");
        store.sync().expect("no fault is planned");
        store.write_at(0, &[2; 1024]).expect("no fault is planned");
        assert_eq!((volume.events(), volume.unsynced(3)), (3, 1));

        let crash = |fate| Crash { events: 3, fate, length: LengthAfterCrash::AsWritten };
        assert_eq!(bytes(&volume.after(&crash(&|_| Fate::Lost)), 1024), vec![1; 1024]);
        assert_eq!(bytes(&volume.after(&crash(&|_| Fate::Kept)), 1024), vec![2; 1024]);
        let torn = bytes(&volume.after(&crash(&|_| Fate::Torn { sectors: 0b10 })), 1024);
        assert_eq!((torn[511], torn[512]), (1, 2));
    }

    #[test]
    fn the_length_can_stay_behind() {
        let volume = SimulatedVolume::new();
        volume.store().write_at(100, &[7; 10]).expect("no fault is planned");
        let crash = Crash { events: 1, fate: &|_| Fate::Kept, length: LengthAfterCrash::AsSynced };
        assert_eq!(volume.after(&crash).store().length().expect("it is there"), 0);
    }

    #[test]
    fn a_failed_sync_loses_its_writes_for_good() {
        let volume = SimulatedVolume::new();
        let store = volume.store();
        volume.inject(Fault::io_error(Call::Sync, 0));
        store.write_at(0, &[1; 8]).expect("no fault is planned for writes");
        store.sync().expect_err("the fault strikes");
        store.write_at(8, &[2; 8]).expect("no fault is planned for writes");
        store.sync().expect("the fault was for once");
        assert_eq!(bytes(&volume, 16), [[1; 8], [2; 8]].concat(), "readers still see it");
        let crash = Crash { events: 4, fate: &|_| Fate::Kept, length: LengthAfterCrash::AsWritten };
        assert_eq!(bytes(&volume.after(&crash), 16), [[0; 8], [2; 8]].concat());
    }
}
