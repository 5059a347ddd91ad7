//! RBD's options: what they are, where they are set, and what that comes to.
//!
//! From the widest place to the narrowest, each overrides the one before: defaults, the store's
//! (`config global`), what the user said for this process (`--rbd-…`), the pool's, the image's.
//! [`Settings`] holds the first three as text; a [`Config`] is what verbs read, typed.
//!
//! | file | what it holds |
//! |---|---|
//! | `option`, `table` | the options of Ceph 16.2 and their values |
//! | [`settings`] | what holds for all that a client does |
//! | [`global`] | what the store says for clients |
//! | [`overrides`] | what a pool (`rbd_info`) and an image (its header) say |

pub mod global;
pub mod option;
pub mod overrides;
pub mod settings;
mod table;

pub use option::{OptionError, RbdOption};
pub use overrides::ConfigError;
pub use settings::Settings;

use option::Value;

/// Which clone format a new clone gets (`rbd_default_clone_format`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CloneFormat {
    /// v2 when `require-min-compat-client` is at least mimic, else v1.
    #[default]
    Auto,
    V1,
    V2,
}

/// Options that change what RBD does, as they hold for one pool or one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `rbd_default_order`: object size of new images is two to the power of this.
    pub default_order: u8,
    /// `rbd_default_features` as bits.
    pub default_features: u64,
    /// `rbd_default_clone_format`.
    pub default_clone_format: CloneFormat,
    /// `rbd_default_data_pool`: where the data of new images goes; empty for beside the header.
    pub default_data_pool: String,
    /// `rbd_default_stripe_unit` in bytes; 0 for no striping.
    pub default_stripe_unit: u64,
    /// `rbd_default_stripe_count`; 0 for no striping.
    pub default_stripe_count: u64,
    /// `rbd_clone_copy_on_read`: reads of a clone copy the parent's object up.
    pub clone_copy_on_read: bool,
    /// `rbd_concurrent_management_ops`: objects that a verb works on at once.
    pub concurrent_management_ops: usize,
    /// `rbd_discard_granularity_bytes`: smaller discards are skipped; `None` asks the engine.
    pub discard_granularity_bytes: Option<u64>,
    /// `rbd_skip_partial_discard`.
    pub skip_partial_discard: bool,
    /// `rbd_mtime_update_interval`: seconds between two records of the time of a change; 0: never.
    pub mtime_update_interval: u64,
    /// `rbd_atime_update_interval`: likewise of reading.
    pub atime_update_interval: u64,
    /// `rbd_move_to_trash_on_remove`.
    pub move_to_trash_on_remove: bool,
    /// `rbd_move_to_trash_on_remove_expire_seconds`.
    pub move_to_trash_on_remove_expire_seconds: u64,
    /// `rbd_move_parent_to_trash_on_remove`: a removed image with clones goes to the trash.
    pub move_parent_to_trash_on_remove: bool,
    /// `rbd_blocklist_on_break_lock`.
    pub blocklist_on_break_lock: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            default_order: 22,
            default_features: 0x3d,
            default_clone_format: CloneFormat::Auto,
            default_data_pool: String::new(),
            default_stripe_unit: 0,
            default_stripe_count: 0,
            clone_copy_on_read: false,
            concurrent_management_ops: 10,
            discard_granularity_bytes: None,
            skip_partial_discard: true,
            mtime_update_interval: 60,
            atime_update_interval: 60,
            move_to_trash_on_remove: false,
            move_to_trash_on_remove_expire_seconds: 0,
            move_parent_to_trash_on_remove: false,
            blocklist_on_break_lock: true,
        }
    }
}

impl Config {
    /// The same with one option set. Options that change nothing here are left alone.
    pub fn set(&mut self, option: &RbdOption, value: &Value) {
        match value {
            Value::Bool(truth) => self.set_truth(option.name, *truth),
            Value::Uint(number) => self.set_number(option.name, *number),
            Value::Text(text) => self.set_text(option.name, text),
            Value::Float(_) => {}
        }
    }

    /// The same under a pool's or an image's overrides. What cannot be read is passed over.
    pub fn overridden<'a>(
        &self,
        overrides: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> Config {
        let mut config = self.clone();
        for (name, text) in overrides {
            let read = option::find(name).and_then(|option| Ok((option, option.parse(text)?)));
            if let Ok((option, value)) = read {
                config.set(option, &value);
            }
        }
        config
    }

    fn set_truth(&mut self, name: &str, truth: bool) {
        let field = match name {
            "rbd_clone_copy_on_read" => &mut self.clone_copy_on_read,
            "rbd_skip_partial_discard" => &mut self.skip_partial_discard,
            "rbd_move_to_trash_on_remove" => &mut self.move_to_trash_on_remove,
            "rbd_move_parent_to_trash_on_remove" => &mut self.move_parent_to_trash_on_remove,
            "rbd_blocklist_on_break_lock" => &mut self.blocklist_on_break_lock,
            _ => return,
        };
        *field = truth;
    }

    fn set_number(&mut self, name: &str, number: u64) {
        let field = match name {
            "rbd_default_features" => &mut self.default_features,
            "rbd_default_stripe_unit" => &mut self.default_stripe_unit,
            "rbd_default_stripe_count" => &mut self.default_stripe_count,
            "rbd_mtime_update_interval" => &mut self.mtime_update_interval,
            "rbd_atime_update_interval" => &mut self.atime_update_interval,
            "rbd_move_to_trash_on_remove_expire_seconds" => {
                &mut self.move_to_trash_on_remove_expire_seconds
            }
            "rbd_default_order" => {
                self.default_order = u8::try_from(number).unwrap_or(u8::MAX);
                return;
            }
            "rbd_concurrent_management_ops" => {
                self.concurrent_management_ops = usize::try_from(number).unwrap_or(usize::MAX);
                return;
            }
            "rbd_discard_granularity_bytes" => {
                self.discard_granularity_bytes = Some(number);
                return;
            }
            _ => return,
        };
        *field = number;
    }

    fn set_text(&mut self, name: &str, text: &str) {
        match (name, text) {
            ("rbd_default_clone_format", "1") => self.default_clone_format = CloneFormat::V1,
            ("rbd_default_clone_format", "2") => self.default_clone_format = CloneFormat::V2,
            ("rbd_default_clone_format", _) => self.default_clone_format = CloneFormat::Auto,
            ("rbd_default_data_pool", pool) => pool.clone_into(&mut self.default_data_pool),
            _ => {}
        }
    }
}

/// Where the value of an option comes from, as `config … ls` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Defaults, the store, this process.
    Config,
    Pool,
    Image,
}

/// An option as it holds somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    pub name: &'static str,
    pub value: String,
    pub source: Source,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn defaults_are_the_table_s() {
        let mut config = Config::default();
        for option in option::all().filter(|o| o.name != "rbd_discard_granularity_bytes") {
            config.set(option, &option.parse(option.default).unwrap());
        }
        assert_eq!(config, Config::default());
    }

    #[test]
    fn overrides_are_read_and_nonsense_is_passed_over() {
        let pairs = [
            ("rbd_default_order", "23"),
            ("rbd_default_clone_format", "2"),
            ("rbd_default_data_pool", "fast"),
            ("rbd_clone_copy_on_read", "true"),
            ("rbd_skip_partial_discard", "no"),
            ("rbd_nonsense", "1"),
        ];
        let pairs: BTreeMap<String, String> =
            pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        let config = Config::default().overridden(&pairs);
        let expected = Config {
            default_order: 23,
            default_clone_format: CloneFormat::V2,
            default_data_pool: "fast".to_owned(),
            clone_copy_on_read: true,
            ..Config::default()
        };
        assert_eq!(config, expected);
    }
}
