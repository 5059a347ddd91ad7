//! Options that the store keeps for its clients (`config global`): config keys
//! `config/SECTION/OPTION`, as Ceph's monitors keep them.

use std::collections::BTreeMap;
use std::fmt;

use marcot_store::{ClusterChange, Errno, Store, StoreError};

use super::option::RbdOption;

const PREFIX: &str = "config/";

/// Whom an option is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Everybody.
    Global,
    /// All clients.
    Client,
    /// One client: `client.ID`.
    One(String),
}

impl Section {
    /// Reads `global`, `client` or `client.ID`.
    pub fn parse(text: &str) -> Option<Section> {
        match text {
            "global" => Some(Section::Global),
            "client" => Some(Section::Client),
            _ => text.starts_with("client.").then(|| Section::One(text.to_owned())),
        }
    }

    /// From the widest to this one.
    fn chain(&self) -> Vec<Section> {
        match self {
            Section::Global => vec![Section::Global],
            Section::Client => vec![Section::Global, Section::Client],
            Section::One(_) => vec![Section::Global, Section::Client, self.clone()],
        }
    }

    fn key(&self, name: &str) -> String {
        format!("{PREFIX}{self}/{name}")
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Section::Global => "global",
            Section::Client => "client",
            Section::One(name) => name,
        })
    }
}

/// An option that is set in a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub value: String,
    pub section: Section,
}

/// What holds for `section`, by name: what is set there, or else in a wider one.
pub async fn list(store: &dyn Store, section: &Section) -> Result<Vec<Entry>, StoreError> {
    let keys = store.list_config_keys().await?;
    let mut found: BTreeMap<&str, Section> = BTreeMap::new();
    for section in section.chain() {
        let prefix = section.key("");
        let here = keys.iter().filter_map(|key| key.strip_prefix(&prefix));
        found.extend(here.filter(|name| is_ours(name)).map(|name| (name, section.clone())));
    }
    let mut entries = Vec::new();
    for (name, section) in found {
        // It may have been removed in between.
        if let Some(value) = text(store, &section.key(name)).await? {
            entries.push(Entry { name: name.to_owned(), value, section });
        }
    }
    Ok(entries)
}

/// Options of RBD, set for everybody of that section (`rbd:IMAGE` and such masks are not read).
fn is_ours(name: &str) -> bool {
    name.starts_with("rbd_") && !name.contains('/')
}

/// What holds for the client called `client`.
pub(super) async fn effective(store: &dyn Store, client: &str) -> Result<Vec<Entry>, StoreError> {
    let section = Section::parse(client).unwrap_or(Section::Client);
    list(store, &section).await
}

/// The value that is set in that very section.
pub async fn get(
    store: &dyn Store,
    section: &Section,
    option: &RbdOption,
) -> Result<Option<String>, StoreError> {
    text(store, &section.key(option.name)).await
}

/// Sets an option; `value` is its canonical text.
pub async fn set(
    store: &dyn Store,
    section: &Section,
    option: &RbdOption,
    value: &str,
) -> Result<(), StoreError> {
    let (key, value) = (section.key(option.name), value.to_owned().into());
    store.administer(ClusterChange::SetConfigKey { key, value }).await
}

/// Takes an option out of a section; no error when it was not there.
pub async fn remove(
    store: &dyn Store,
    section: &Section,
    option: &RbdOption,
) -> Result<(), StoreError> {
    let key = section.key(option.name);
    match store.administer(ClusterChange::RemoveConfigKey { key }).await {
        Err(error) if error.errno == Errno::NOENT => Ok(()),
        other => other,
    }
}

async fn text(store: &dyn Store, key: &str) -> Result<Option<String>, StoreError> {
    match store.config_key(key).await {
        Ok(value) => Ok(Some(String::from_utf8_lossy(&value).into_owned())),
        Err(error) if error.errno == Errno::NOENT => Ok(None),
        Err(error) => Err(error),
    }
}
