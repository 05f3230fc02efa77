//! [`Binary`]: bytes that are read and sent without being copied.

use std::{fmt, ops::Deref};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
};

use super::buffers;

/// Binary data anywhere in a payload, shared with the packet that it arrived in and with those that it is sent in.
///
/// [`Bytes`] works everywhere as well, but serde only knows it as a slice, and so copies it once when a payload is
/// read and once when it is sent. For small values that does not matter; use this type for large values, and for
/// those that are passed on.
///
/// ```
/// # use gateway_core::prelude::*;
/// use gateway_core::Binary;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, Serialize)]
/// struct Picture {
///     title: String,
///     pixels: Binary,
/// }
///
/// # struct Gateway;
/// # impl Gateway {
/// async fn share(&self, socket: Socket, MessageBody(picture): MessageBody<Picture>) -> Result<(), WsException> {
///     println!("{} bytes", picture.pixels.len());
///     socket.to("gallery").emit("picture", picture).await?;
///     Ok(())
/// }
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Binary(pub Bytes);

impl Deref for Binary {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.0
    }
}

impl From<Bytes> for Binary {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<Binary> for Bytes {
    fn from(binary: Binary) -> Self {
        binary.0
    }
}

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        buffers::remember(&self.0);
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Binary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;

        impl<'de> Visitor<'de> for Whole {
            type Value = Binary;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("binary")
            }

            fn visit_bytes<E>(self, value: &[u8]) -> Result<Binary, E> {
                Ok(Binary(buffers::owned(value)))
            }

            fn visit_byte_buf<E>(self, value: Vec<u8>) -> Result<Binary, E> {
                Ok(Binary(value.into()))
            }

            // A list of numbers, which `Bytes` accepts as well.
            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Binary, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = numbers.next_element::<u8>()? {
                    bytes.push(byte);
                }
                Ok(Binary(bytes.into()))
            }
        }

        deserializer.deserialize_byte_buf(Whole)
    }
}
