//! What was given, taken setting by setting: a value of the wrong type, one outside its bounds and what is no setting
//! are each a sentence. Used by `load`, and by the code that `table` makes.

use super::value::SettingValue;
use super::{env_name, setting_name};
use config::{Value, ValueKind};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// The values that were given and not yet taken, and the faults found on the way.
pub(super) struct Given {
    values: BTreeMap<String, ValueKind>,
    faults: Vec<String>,
}

impl Given {
    /// The leaves of the tree, and the faults found until now.
    pub(super) fn of(tree: impl IntoIterator<Item = (String, Value)>, faults: Vec<String>) -> Self {
        let mut values = BTreeMap::new();
        flatten("", tree, &mut values);
        Given { values, faults }
    }

    /// The value of a setting, if it was given; one of the wrong type is a fault.
    pub(super) fn take<T: SettingValue>(&mut self, key: &str) -> Option<T> {
        let kind = self.values.remove(key)?;
        let value = T::read(&kind);
        if value.is_none() {
            self.faults.push(format!("{} must be {}.", setting_name(key), T::EXPECTED));
        }
        value
    }

    /// The faults, now that what is left is no setting.
    pub(super) fn finish(mut self) -> Vec<String> {
        self.faults.extend(self.values.into_keys().map(|key| {
            format!(
                "`{key}` ({} in the environment) is not a setting; see the settings reference for the names.",
                env_name(&key)
            )
        }));
        self.faults
    }
}

/// The tree's leaves under their dotted names; an array is a leaf.
fn flatten(prefix: &str, table: impl IntoIterator<Item = (String, Value)>, leaves: &mut BTreeMap<String, ValueKind>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        if let ValueKind::Table(inner) = value.kind {
            flatten(&key, inner, leaves);
        } else {
            leaves.insert(key, value.kind);
        }
    }
}

/// The fault of a number outside its bounds.
pub(super) fn outside<T: PartialOrd + Display>(key: &str, value: &T, bounds: &RangeInclusive<T>) -> Option<String> {
    (!bounds.contains(value))
        .then(|| format!("{} must be {} to {}, not {value}.", setting_name(key), bounds.start(), bounds.end()))
}
