//! Stand-ins for what the feature `validate` would bring, for applications that have switched it off but
//! use it anyway: the compiler then says which feature is needed.

use serde::{Deserialize, Deserializer};

/// Implemented by no type.
#[diagnostic::on_unimplemented(
    message = "`Valid` needs the feature `validate` of `gateway-core`",
    label = "the feature `validate` is switched off",
    note = "write `gateway-core = {{ version = \"..\", default-features = false, features = [\"validate\", ..] }}` \
            in Cargo.toml"
)]
#[doc(hidden)]
pub trait FeatureValidate {}

#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Valid<T>(pub T);

// Where a handler takes it, the compiler asks for this.
impl<'de, T: FeatureValidate> Deserialize<'de> for Valid<T> {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        unreachable!("no type has the feature")
    }
}
