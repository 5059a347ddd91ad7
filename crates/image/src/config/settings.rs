//! What holds for all that a client does: what the store says, overridden by what the user said
//! for this process.

use std::collections::BTreeMap;

use marcot_store::{Store, StoreError};

use super::option::{self, Level, RbdOption, Value};
use super::{Config, Effective, Source, global};

/// The options that are set, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    values: BTreeMap<&'static str, Value>,
}

impl Settings {
    /// Reads what `store` says for the client called `client` (`client.admin`).
    ///
    /// What the store's own configuration knows wins; a store without one keeps options as config
    /// keys. Values that cannot be read are passed over.
    pub async fn read(store: &dyn Store, client: &str) -> Result<Settings, StoreError> {
        let mut settings = Settings::default();
        let mut own = false;
        for option in option::all() {
            if let Some(text) = store.configured(option.name) {
                own = true;
                settings.read_one(option, &text);
            }
        }
        if !own {
            for entry in global::effective(store, client).await? {
                if let Ok(option) = option::find(&entry.name) {
                    settings.read_one(option, &entry.value);
                }
            }
        }
        Ok(settings)
    }

    fn read_one(&mut self, option: &'static RbdOption, text: &str) {
        match option.parse(text) {
            Ok(value) => self.set(option, value),
            Err(error) => tracing::warn!(%error, option = option.name, "option passed over"),
        }
    }

    /// Sets one option.
    pub fn set(&mut self, option: &'static RbdOption, value: Value) {
        self.values.insert(option.name, value);
    }

    /// All of them, typed.
    pub fn config(&self) -> Config {
        let mut config = Config::default();
        for (name, value) in &self.values {
            if let Ok(option) = option::find(name) {
                config.set(option, value);
            }
        }
        config
    }

    /// The value of one option, or its default; `None` when there is no such option.
    pub fn text(&self, name: &str) -> Option<String> {
        let option = option::find(name).ok()?;
        let set = self.values.get(option.name).map(Value::to_string);
        Some(set.unwrap_or_else(|| option.default.to_owned()))
    }

    /// Every option of `level` as it holds: here, or where `layers` set it, the last of them first
    /// of all.
    pub fn effective(
        &self,
        store: &dyn Store,
        level: Level,
        layers: &[(Source, &BTreeMap<String, String>)],
    ) -> Vec<Effective> {
        let own = |option: &RbdOption| match self.values.get(option.name) {
            Some(value) => value.to_string(),
            None if option.name == "rbd_discard_granularity_bytes" => {
                store.capabilities().discard_granularity_bytes.to_string()
            }
            None => option.default.to_owned(),
        };
        let set = |option: &RbdOption| {
            layers.iter().rev().find_map(|(source, set)| Some((*source, set.get(option.name)?)))
        };
        option::all()
            .filter(|option| option.level >= level)
            .map(|option| match set(option) {
                Some((source, text)) => {
                    Effective { name: option.name, value: text.clone(), source }
                }
                None => Effective { name: option.name, value: own(option), source: Source::Config },
            })
            .collect()
    }
}
