//! What clients are known as, and how that is told to other processes.
//!
//! A connection keeps its identity as `dyn Any`. Whoever asks for it in another process knows its type, but the process
//! that answers has to write it without having been told: so generated code states how, wherever it names the type: for the
//! authenticator of a gateway, and for `Identity<U>` of a handler where the application's authenticator gives the `U`.

use std::{fmt, marker::PhantomData};

use serde::Serialize;

use super::{Authenticator, session::Session};
use crate::inject::Key;

/// What the clients of a namespace are known as.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// `()` where nobody authenticates them.
    pub(crate) key: Key,
    /// How it is written, where it can be.
    pub(crate) codec: Option<IdentityCodec>,
}

impl Known {
    /// Nobody authenticates them.
    pub(crate) fn nobody() -> Self {
        Self { key: Key::of::<()>(), codec: None }
    }
}

#[cfg(test)]
impl Default for Known {
    fn default() -> Self {
        Self::nobody()
    }
}

/// How identities of one type are written.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct IdentityCodec {
    pub(crate) identity: Key,
    write: fn(&Session) -> Option<serde_json::Result<String>>,
}

impl IdentityCodec {
    pub(crate) fn of<U: Serialize + Send + Sync + 'static>() -> Self {
        let write = |session: &Session| Some(serde_json::to_string(&*session.identity::<U>()?));
        Self { identity: Key::of::<U>(), write }
    }

    /// Whose session this is, as JSON. `None` if it is not known as that.
    pub(crate) fn written(&self, session: &Session) -> Option<serde_json::Result<String>> {
        (self.write)(session)
    }
}

impl fmt::Debug for IdentityCodec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("IdentityCodec").field(&self.identity).finish()
    }
}

/// A probe for the identity that an authenticator gives, or an extractor takes.
///
/// Method resolution climbs down a ladder: generated code starts with two references, and the one that is taken off
/// reaches the next implementation.
#[doc(hidden)]
pub struct IdentityProbe<A>(PhantomData<fn() -> A>);

impl<A> IdentityProbe<A> {
    /// For authenticators, or extractors, of this type.
    pub const OF: Self = Self(PhantomData);
}

impl<A> fmt::Debug for IdentityProbe<A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IdentityProbe")
    }
}

#[doc(hidden)]
pub(crate) mod ladder {
    //! The traits of the ladder; generated code has them in scope.

    use super::*;

    /// Its identity can be written.
    pub trait IsWritten {
        fn codec(&self) -> Option<IdentityCodec>;
    }

    impl<A: Authenticator> IsWritten for &IdentityProbe<A>
    where
        A::Identity: Serialize,
    {
        fn codec(&self) -> Option<IdentityCodec> {
            Some(IdentityCodec::of::<A::Identity>())
        }
    }

    /// Any other, and what has nothing to do with identities.
    pub trait IsNotWritten {
        fn codec(&self) -> Option<IdentityCodec>;
    }

    impl<A> IsNotWritten for IdentityProbe<A> {
        fn codec(&self) -> Option<IdentityCodec> {
            None
        }
    }
}

#[cfg(test)]
// As generated code writes it, which does not know the type.
#[allow(clippy::needless_borrow)]
mod tests {
    use serde::Deserialize;

    use super::{
        super::session::Authenticated,
        ladder::{IsNotWritten as _, IsWritten as _},
        *,
    };
    use crate::{Handshake, Identity, WsException};

    struct Gives<U>(U);

    impl<U: Clone + Send + Sync + 'static> Authenticator for Gives<U> {
        type Identity = U;

        async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<U>, WsException> {
            Ok(self.0.clone().into())
        }
    }

    #[derive(Clone, Serialize, Deserialize)]
    struct User {
        id: u64,
    }

    #[derive(Clone)]
    struct Secret;

    #[test]
    fn what_can_be_serialized_is_written_wherever_its_type_is_named() {
        let by_authenticator = (&&IdentityProbe::<Gives<User>>::OF).codec();
        let by_extractor = (&&IdentityProbe::<Identity<User>>::OF).codec();
        let session = Session::from(Authenticated::new(User { id: 7 }));
        for codec in [by_authenticator, by_extractor] {
            let codec = codec.expect("it can be serialized");
            assert_eq!(codec.identity, Key::of::<User>());
            assert_eq!(codec.written(&session).unwrap().unwrap(), r#"{"id":7}"#);
            assert!(codec.written(&Session::from(Authenticated::new(Secret))).is_none());
        }
    }

    #[test]
    fn what_cannot_be_serialized_or_is_no_identity_is_not() {
        assert!((&&IdentityProbe::<Gives<Secret>>::OF).codec().is_none());
        assert!((&&IdentityProbe::<Identity<Secret>>::OF).codec().is_none());
        assert!((&&IdentityProbe::<User>::OF).codec().is_none());
        assert!((&&IdentityProbe::<super::super::Inherited>::OF).codec().is_none());
    }
}
