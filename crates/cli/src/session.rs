//! One command at work: which store, how it is reached, and the ways every command gets to pools
//! and images. The store is opened when first asked for, so that wrong command lines cost nothing.

pub(crate) mod lasting;

use std::cell::{Cell, OnceCell};
use std::future::Future;
use std::sync::Arc;

use marcot_connect::{Connection, Connector, Ends, Lifetime, StoreSpec, WhenFull};
use marcot_format::Utime;
use marcot_image::config::Settings;
use marcot_image::{
    Access, Client, Image, ImageKey, Location, OpenError, OpenOptions, SnapKey, pool,
};
use marcot_store::{ClusterStatus, Errno, PoolId, PoolInfo, Space};

use crate::args::Arguments;
use crate::args::global::Globals;
use crate::args::options::Target;
use crate::args::size;
use crate::args::spec::{ImageSpec, PoolSpec};
use crate::console::complain;
use crate::exit::Failure;
use crate::personality::Personality;
use crate::progress::{Meter, Wanted};
use crate::store_choice;

/// When less than this share of the space is left we warn, in percent.
const NEARLY_FULL: u128 = 10;

pub(crate) struct Session {
    personality: Personality,
    globals: Globals,
    when_full: Cell<WhenFull>,
    connection: OnceCell<Connection>,
    client: OnceCell<Client>,
}

impl Session {
    pub(crate) fn new(personality: Personality, globals: Globals) -> Session {
        let (connection, client) = (OnceCell::new(), OnceCell::new());
        Session { personality, globals, when_full: Cell::default(), connection, client }
    }

    /// Says, before the store is opened, that the command frees room: it does not wait where a pool
    /// is full.
    pub(crate) fn expect_room(&self) {
        self.when_full.set(WhenFull::Try);
    }

    /// Whose command line this is.
    pub(crate) fn personality(&self) -> Personality {
        self.personality
    }

    /// A line on standard error that begins with the program's name.
    pub(crate) fn warn(&self, line: &str) {
        complain(&self.named(line));
    }

    /// A line that begins with the name we were called by.
    pub(crate) fn named(&self, line: &str) -> String {
        format!("{}: {line}", self.personality.name())
    }

    /// Runs a future to its end.
    pub(crate) fn wait<F: Future>(&self, future: F) -> F::Output {
        pollster::block_on(future)
    }

    /// Which store it is, unopened.
    pub(crate) fn store_spec(&self) -> Result<StoreSpec, Failure> {
        Ok(store_choice::choose(self.personality, &self.globals)?.spec)
    }

    /// The way to the store for a short command.
    pub(crate) fn connection(&self) -> Result<&Connection, Failure> {
        self.connection_for(Lifetime::Transient)
    }

    /// The way to the store; the first call decides for how long.
    pub(crate) fn connection_for(&self, lifetime: Lifetime) -> Result<&Connection, Failure> {
        if let Some(connection) = self.connection.get() {
            return Ok(connection);
        }
        if self.globals.verbose {
            let choice = store_choice::choose(self.personality, &self.globals)?;
            complain(&format!("marcot: store {} ({})", choice.spec, choice.reason));
        }
        let connection = self.connect(&self.store_spec()?, lifetime)?;
        Ok(self.connection.get_or_init(|| connection))
    }

    /// The way to another store than the command's own.
    pub(crate) fn elsewhere(&self, spec: &str, lifetime: Lifetime) -> Result<Connection, Failure> {
        self.connect(&store_choice::parse(spec)?, lifetime)
    }

    fn connect(&self, spec: &StoreSpec, lifetime: Lifetime) -> Result<Connection, Failure> {
        let connector = Connector {
            notice: Some(Arc::new(|text: &str| complain(&format!("marcot: {text}")))),
            ceph: self.globals.identity.clone(),
            when_full: self.when_full.get(),
            // A command's connections are its process's.
            ends: Ends::WithProcess,
            ..Connector::default()
        };
        connector.connect(spec, lifetime).map_err(|error| store_choice::failure(&error))
    }

    /// The image layer's client.
    pub(crate) fn client(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let connection = self.connection()?;
        let (store, env) = (Arc::clone(&connection.store), Arc::clone(&connection.env));
        let settings = self.wait(Settings::read(&*store, &self.client_name()));
        let mut settings = settings
            .map_err(|error| Failure::verb("reading the configuration failed", error.errno))?;
        for (option, value) in &self.globals.rbd_options {
            settings.set(option, value.clone());
        }
        let client = Client::configured(store, env, settings);
        Ok(self.client.get_or_init(|| client))
    }

    /// The options of RBD on the command line: for a process that works in our stead.
    pub(crate) fn given_options(&self) -> Vec<(String, String)> {
        let given = self.globals.rbd_options.iter();
        given.map(|(option, value)| (option.name.to_owned(), value.to_string())).collect()
    }

    /// The wall clock.
    pub(crate) fn now(&self) -> Result<Utime, Failure> {
        let now = self.client()?.env.now();
        Ok(Utime { seconds: now.seconds, nanoseconds: now.nanoseconds })
    }

    /// Who we are to the store: `client.admin` unless the user said otherwise.
    fn client_name(&self) -> String {
        format!("client.{}", self.globals.identity.client.as_deref().unwrap_or("admin"))
    }

    /// Says that an embedded store in which images were worked on is running out of space.
    pub(crate) fn warn_if_nearly_full(&self) {
        // Without a client nothing was written: `host stop` must not call up another host, say.
        let (Some(connection), Some(_)) = (self.connection.get(), self.client.get()) else {
            return;
        };
        if !matches!(connection.spec, StoreSpec::Dir(_)) {
            return;
        }
        // What the command did is not in question any more.
        let Ok(status) = self.wait(connection.store.status()) else { return };
        let Space { total_bytes, pending_bytes, available_bytes, .. } = status.space;
        let left = u128::from(available_bytes) + u128::from(pending_bytes);
        if left * 100 < u128::from(total_bytes) * NEARLY_FULL {
            let left = size::shown(u64::try_from(left).unwrap_or(u64::MAX));
            complain(&format!(
                "marcot: warning: the store is nearly full ({left} left): remove images or \
                 snapshots, or free space on its file system"
            ));
        }
    }

    /// Lets the store go.
    pub(crate) fn close(self) {
        drop(self.client);
        if let Some(connection) = self.connection.into_inner() {
            connection.close();
        }
    }

    /// The name of the pool that is meant.
    pub(crate) fn pool_name(&self, at: &PoolSpec) -> Result<String, Failure> {
        match at.pool.as_ref().filter(|pool| !pool.is_empty()) {
            Some(pool) => Ok(pool.clone()),
            None => Ok(self.client()?.settings.text("rbd_default_pool").unwrap_or_default()),
        }
    }

    /// All pools.
    pub(crate) fn pools(&self) -> Result<Vec<PoolInfo>, Failure> {
        let pools = self.wait(self.client()?.store.list_pools());
        pools.map_err(|error| Failure::verb("listing pools failed", error.errno))
    }

    /// The store as a whole.
    pub(crate) fn status(&self) -> Result<ClusterStatus, Failure> {
        let status = self.wait(self.client()?.store.status());
        status.map_err(|error| Failure::verb("asking the store failed", error.errno))
    }

    pub(crate) fn pool_id(&self, at: &PoolSpec) -> Result<PoolId, Failure> {
        self.pool_id_by_name(&self.pool_name(at)?)
    }

    fn pool_id_by_name(&self, name: &str) -> Result<PoolId, Failure> {
        let failed = |errno| Failure::Pool { pool: name.to_owned(), errno };
        let found = self.wait(self.client()?.store.find_pool(name));
        found.map_err(|error| failed(error.errno))?.ok_or_else(|| failed(Errno::NOENT))
    }

    /// The pool and the namespace, which must be there.
    pub(crate) fn location(&self, at: &PoolSpec) -> Result<Location, Failure> {
        let location = Location::new(self.pool_id(at)?, at.namespace.as_str());
        if !at.namespace.is_empty() {
            let there = self.wait(pool::namespace::exists(self.client()?, &location));
            let there = there.map_err(|error| {
                Failure::verb("error asserting namespace exists", error.errno())
            })?;
            if !there {
                return Err(Failure::Namespace { namespace: at.namespace.clone() });
            }
        }
        Ok(location)
    }

    /// The image itself, whatever snapshot the spec names.
    pub(crate) fn open_head(
        &self,
        spec: &ImageSpec,
        access: Access,
    ) -> Result<Arc<Image>, Failure> {
        let at = self.location(&spec.at)?;
        self.open_key(&at, ImageKey::Name(spec.image.clone()), SnapKey::Head, access)
    }

    /// The image or the snapshot that the spec names.
    pub(crate) fn open(&self, spec: &ImageSpec, access: Access) -> Result<Arc<Image>, Failure> {
        self.open_at(&self.location(&spec.at)?, spec, access)
    }

    /// The same where the place is known.
    pub(crate) fn open_at(
        &self,
        at: &Location,
        spec: &ImageSpec,
        access: Access,
    ) -> Result<Arc<Image>, Failure> {
        self.open_key(at, ImageKey::Name(spec.image.clone()), snap_key(spec), access)
    }

    /// The image that a command with `--image-id` is about.
    pub(crate) fn open_target(
        &self,
        target: &Target,
        access: Access,
    ) -> Result<Arc<Image>, Failure> {
        let at = self.location(&target.spec.at)?;
        self.open_key(&at, image_key(target), snap_key(&target.spec), access)
    }

    /// The same, whatever snapshot is named.
    pub(crate) fn open_target_head(
        &self,
        target: &Target,
        access: Access,
    ) -> Result<Arc<Image>, Failure> {
        let at = self.location(&target.spec.at)?;
        self.open_key(&at, image_key(target), SnapKey::Head, access)
    }

    /// An image or snapshot by any key.
    pub(crate) fn open_key(
        &self,
        at: &Location,
        image: ImageKey,
        snap: SnapKey,
        access: Access,
    ) -> Result<Arc<Image>, Failure> {
        let named = image.clone();
        let options = OpenOptions { image, snap, access };
        let opened = self.wait(Image::open(self.client()?, at, options));
        opened.map_err(|error| match (&error, named) {
            (OpenError::NoSnapshot { .. }, _) => Failure::Snapshot { errno: error.errno() },
            (_, ImageKey::Name(image)) => Failure::Image { image, errno: error.errno() },
            (_, ImageKey::Id(id)) => Failure::ImageById { id, errno: error.errno() },
        })
    }

    /// Ends work with an image that was changed.
    pub(crate) fn close_image(&self, image: &Image) -> Result<(), Failure> {
        self.wait(image.close()).map_err(|error| Failure::refused("error closing image", &error))
    }

    /// Progress, unless `--no-progress`.
    pub(crate) fn meter(&self, title: &'static str, arguments: &Arguments) -> Meter {
        let wanted = if arguments.flag("no-progress") { Wanted::No } else { Wanted::Yes };
        Meter::new(title, wanted, self.personality)
    }
}

fn snap_key(spec: &ImageSpec) -> SnapKey {
    spec.snap.clone().map_or(SnapKey::Head, SnapKey::Name)
}

fn image_key(target: &Target) -> ImageKey {
    match &target.id {
        Some(id) => ImageKey::Id(id.clone()),
        None => ImageKey::Name(target.spec.image.clone()),
    }
}
