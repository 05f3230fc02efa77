//! What a message is made of, in both directions: positional arguments, JSON and binary mixed.
//!
//! It knows serde and the text of a packet's arguments, but not the platform: who sends them, and how, is up to
//! `platform/`.

mod argument;
mod binary;
mod buffers;
mod decode;
mod encode;
mod encoded_arguments;
mod json;
#[cfg(any(test, feature = "redis"))]
pub(crate) mod msgpack;
mod number;
mod payload;
mod placeholder;
#[cfg(test)]
mod properties;
mod reader;
pub(crate) mod room_names;
mod unreadable;
#[cfg(test)]
mod ways;

pub use argument::{Argument, Arguments};
pub use binary::Binary;
pub(crate) use buffers::knowing;
pub(crate) use decode::{InboundArguments, from_tree, from_value, read};
pub(crate) use encode::encode;
pub use encoded_arguments::EncodedArguments;
pub(crate) use json::parse;
pub use number::Number;
pub(crate) use payload::OneArgument;
pub use payload::{Args, ArgumentList, Payload};
pub(crate) use unreadable::Unreadable;

/// How a Rust type maps to the positional arguments of a message.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `()`: no argument at all.
    Nothing,
    /// A tuple or [`Arguments`]: the argument list.
    List,
    /// Anything else: one argument.
    One,
}

impl Shape {
    /// How many of `sent` arguments a value is made of.
    pub(crate) fn wanted(self, sent: usize) -> usize {
        match self {
            Self::List => sent,
            Self::Nothing | Self::One => 1,
        }
    }
}

/// The types whose shape is [`Shape::List`], for code that knows the concrete type: generated code does.
#[doc(hidden)]
pub trait Listed {}

impl Listed for Arguments {}

macro_rules! tuples_are_listed {
    () => {};
    ($first:ident $($others:ident)*) => {
        impl<$first, $($others),*> Listed for ($first, $($others,)*) {}
        tuples_are_listed!($($others)*);
    };
}

// As many elements as serde can read.
tuples_are_listed!(A B C D E F G H I J K L M N O P);

/// Asks the type for its [`Shape`], where the type is generic: in `emit_with_ack::<(A, B)>`, and in an
/// extractor that reads the payload by itself.
///
/// serde cannot tell a tuple from an array or a tuple struct, and coherence forbids a blanket
/// implementation beside one for tuples, so the compiler's own name of the type decides: only
/// tuples are written with a leading parenthesis. The tests below pin that.
pub(crate) fn shape<T: ?Sized>() -> Shape {
    match std::any::type_name::<T>().trim_start_matches('&') {
        "()" => Shape::Nothing,
        name if name.starts_with('(') || name == std::any::type_name::<Arguments>() => Shape::List,
        _ => Shape::One,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Newtype(#[allow(dead_code)] (u8, u8));
    type Alias = (u8, Option<(u8, u8)>);

    #[test]
    fn tuples_and_arguments_are_argument_lists() {
        assert_eq!(shape::<()>(), Shape::Nothing);
        assert_eq!(shape::<&()>(), Shape::Nothing);
        assert_eq!(shape::<(u8,)>(), Shape::List);
        assert_eq!(shape::<(u8, String)>(), Shape::List);
        assert_eq!(shape::<Alias>(), Shape::List);
        assert_eq!(shape::<Arguments>(), Shape::List);
        assert_eq!(shape::<Argument>(), Shape::One);
        assert_eq!(shape::<[u8; 2]>(), Shape::One);
        assert_eq!(shape::<Vec<(u8, u8)>>(), Shape::One);
        assert_eq!(shape::<Newtype>(), Shape::One);
        assert_eq!(shape::<Option<(u8, u8)>>(), Shape::One);
        assert_eq!(shape::<str>(), Shape::One);
    }
}
