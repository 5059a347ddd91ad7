//! Who reads or writes a journal, and how far they are.

use std::collections::BTreeSet;

use bytes::Bytes;
use marcot_format::call::journal::{
    ClientCommit, ClientList, ClientRegister, ClientUnregister, ClientUpdateData,
    ClientUpdateState, GetClient,
};
use marcot_format::journal::{
    CLIENT_PREFIX, JournalClient, JournalClientState, ObjectPosition, SPLAY_WIDTH, client_key,
};
use marcot_format::wire::Decode;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::{tag, value};
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 7] = [
    Entry::of::<GetClient>(),
    Entry::of::<ClientRegister>(),
    Entry::of::<ClientUpdateData>(),
    Entry::of::<ClientUpdateState>(),
    Entry::of::<ClientUnregister>(),
    Entry::of::<ClientCommit>(),
    Entry::of::<ClientList>(),
];

/// All clients after an id, by id, still as bytes. The image itself has an empty id, so that a
/// list after "" leaves it out: it is put in front where `after` is empty.
fn stored(object: &mut dyn ObjectContext, after: &str) -> Result<Vec<(String, Bytes)>, Errno> {
    let mut clients = Vec::new();
    if after.is_empty() {
        match object.omap_value(client_key("").as_bytes()) {
            Err(Errno::NOENT) => {}
            image => clients.push((String::new(), image?)),
        }
    }
    clients.extend(omap::list(object, CLIENT_PREFIX, after, u64::MAX)?);
    Ok(clients)
}

fn decoded(bytes: &Bytes) -> Result<JournalClient, Errno> {
    JournalClient::from_bytes(bytes).map_err(|_| Errno::IO)
}

/// All clients but one that goes: it may be damaged.
pub(super) fn all_but(
    object: &mut dyn ObjectContext,
    leaving: Option<&str>,
) -> Result<Vec<JournalClient>, Errno> {
    let mut clients = stored(object, "")?;
    clients.retain(|(id, _)| Some(id.as_str()) != leaving);
    clients.iter().map(|(_, client)| decoded(client)).collect()
}

/// Where a new client begins: where the one that is furthest behind is. One that has committed
/// nothing is at the very start.
fn beginning(clients: Vec<JournalClient>) -> Vec<ObjectPosition> {
    let positions = clients.into_iter().map(|client| client.commit_position);
    positions
        .min_by_key(|position| position.first().map(|newest| (newest.tag_tid, newest.entry_tid)))
        .unwrap_or_default()
}

/// Changes a client that is there.
fn update(
    object: &mut dyn ObjectContext,
    id: &str,
    change: impl FnOnce(&mut JournalClient),
) -> Result<(), Errno> {
    let key = client_key(id);
    let mut client = value(object, &key)?;
    change(&mut client);
    omap::set(object, &key, &client)
}

impl Method for GetClient {
    fn run(self, object: &mut dyn ObjectContext) -> Result<JournalClient, Errno> {
        value(object, &client_key(&self.id))
    }
}

impl Method for ClientRegister {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        value::<u8>(object, SPLAY_WIDTH)?;
        let key = client_key(&self.id);
        if omap::contains(object, &key)? {
            return Err(Errno::EXIST);
        }
        let commit_position = beginning(all_but(object, None)?);
        let state = JournalClientState::Connected;
        let client = JournalClient { id: self.id, data: self.data, commit_position, state };
        omap::set(object, &key, &client)
    }
}

impl Method for ClientUpdateData {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        update(object, &self.id, |client| client.data = self.data)
    }
}

impl Method for ClientUpdateState {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        update(object, &self.id, |client| client.state = self.state)
    }
}

impl Method for ClientUnregister {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let key = client_key(&self.id);
        object.omap_value(key.as_bytes())?;
        omap::remove(object, &key)?;
        tag::remove_unneeded(object, Some(&self.id))
    }
}

impl Method for ClientCommit {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let width: u8 = value(object, SPLAY_WIDTH)?;
        if self.commit_position.0.len() > usize::from(width) {
            return Err(Errno::INVAL);
        }
        update(object, &self.id, |client| client.commit_position = self.commit_position.0)
    }
}

impl Method for ClientList {
    fn run(self, object: &mut dyn ObjectContext) -> Result<BTreeSet<JournalClient>, Errno> {
        let max = usize::try_from(self.max).unwrap_or(usize::MAX);
        stored(object, &self.after)?.iter().take(max).map(|(_, client)| decoded(client)).collect()
    }
}
