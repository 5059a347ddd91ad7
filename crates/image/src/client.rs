//! Who asks, and the ways to say which image.

use std::fmt;
use std::sync::Arc;

use marcot_store::{Env, ObjectId, PoolId, SnapId, Store};

use crate::config::{Config, Settings};
use crate::coordination::OwnerVerbs;
use crate::layering::Ancestries;
use crate::operation::Verbs;

/// One client of one store with its options. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    pub store: Arc<dyn Store>,
    pub env: Arc<dyn Env>,
    /// [`Client::settings`] typed; pools and images override it.
    pub config: Arc<Config>,
    /// What holds for everything this client does.
    pub settings: Arc<Settings>,
    /// What the images opened through this client and its clones have in common.
    pub(crate) shared: Arc<Shared>,
}

/// State that images of one client share.
pub(crate) struct Shared {
    /// Chains of parents: sibling clones have one table.
    pub(crate) ancestries: Ancestries,
    /// What the owner of a lock runs for others.
    pub(crate) verbs: Arc<dyn OwnerVerbs>,
}

impl Client {
    pub fn new(store: Arc<dyn Store>, env: Arc<dyn Env>, config: Config) -> Client {
        let shared = Shared { ancestries: Ancestries::default(), verbs: Arc::new(Verbs) };
        let (config, settings) = (Arc::new(config), Arc::default());
        Client { store, env, config, settings, shared: Arc::new(shared) }
    }

    /// A client under options that were set.
    pub fn configured(store: Arc<dyn Store>, env: Arc<dyn Env>, settings: Settings) -> Client {
        let client = Client::new(store, env, settings.config());
        Client { settings: Arc::new(settings), ..client }
    }

    /// The same client and store under other options.
    pub fn with_config(&self, config: Config) -> Client {
        Client { config: Arc::new(config), ..self.clone() }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.store.client_id()).finish_non_exhaustive()
    }
}

/// Where an image's metadata lives: a namespace (empty for the default one) of a pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    pub pool: PoolId,
    pub namespace: Arc<str>,
}

impl Location {
    pub fn new(pool: PoolId, namespace: impl Into<Arc<str>>) -> Location {
        Location { pool, namespace: namespace.into() }
    }

    /// The object `name` at this place.
    pub fn object(&self, name: impl Into<Arc<str>>) -> ObjectId {
        ObjectId { pool: self.pool, namespace: Arc::clone(&self.namespace), name: name.into() }
    }
}

/// An image by its name or by its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ImageKey {
    Name(String),
    Id(String),
}

/// The image as it is now, or one of its snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum SnapKey {
    #[default]
    Head,
    /// A user snapshot.
    Name(String),
    /// Any snapshot.
    Id(SnapId),
}

/// What an opened image may be used for. A snapshot is always read-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    ReadOnly,
    ReadWrite,
}
