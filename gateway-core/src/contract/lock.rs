//! [`Lock`]: the contract as it is committed.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::model::Namespace;

/// The form of the file, so that a later version knows an earlier one.
const VERSION: u32 = 1;

/// A contract without its prose, in the form of the committed file `lock.json`: what changes are judged by.
///
/// As text it is JSON, with sorted keys, on many lines, so that a review reads it as a diff.
///
/// ```
/// use gateway_core::{Contract, Lock};
///
/// let lock = Contract::default().lock();
/// let committed: Lock = lock.to_string().parse()?;
/// assert_eq!(committed, lock);
/// # Ok::<(), gateway_core::InvalidLock>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lock {
    contract: u32,
    pub(super) namespaces: BTreeMap<String, Namespace>,
}

/// The text is not that of a [`Lock`].
///
/// ```
/// use gateway_core::Lock;
/// assert!("{}".parse::<Lock>().is_err());
/// ```
#[derive(Debug, Error)]
#[error("this is no lock of a contract: {0}")]
pub struct InvalidLock(Reason);

#[derive(Debug, Error)]
enum Reason {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("it has version {0}, and this program knows version {VERSION}")]
    Version(u32),
}

impl Lock {
    pub(super) fn of(namespaces: &BTreeMap<String, Namespace>) -> Self {
        let locked = |(path, one): (&String, &Namespace)| (path.clone(), one.locked());
        Self { contract: VERSION, namespaces: namespaces.iter().map(locked).collect() }
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?;
        writeln!(formatter, "{json}")
    }
}

impl FromStr for Lock {
    type Err = InvalidLock;

    fn from_str(text: &str) -> Result<Self, InvalidLock> {
        let lock: Self = serde_json::from_str(text).map_err(|error| InvalidLock(error.into()))?;
        match lock.contract {
            VERSION => Ok(lock),
            other => Err(InvalidLock(Reason::Version(other))),
        }
    }
}
