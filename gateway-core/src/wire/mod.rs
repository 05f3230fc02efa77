//! What a message is made of, in both directions: positional arguments, JSON and binary mixed.
//!
//! Knows serde and the text of a packet's arguments, not the platform: who sends them, and how, is
//! `platform/`'s business.

mod argument;
mod decode;
mod encode;
mod payload;

pub use argument::{Argument, Arguments};
pub(crate) use decode::{DecodeError, InboundArguments, from_tree, wanted};
pub(crate) use encode::encode;
pub use payload::{Args, ArgumentList, Payload};

/// How a Rust type maps to the positional arguments of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `()`: no argument at all.
    Nothing,
    /// A tuple or [`Arguments`]: the argument list.
    List,
    /// Anything else: one argument.
    One,
}

/// Asks the type for its [`Shape`].
///
/// serde cannot tell a tuple from an array or a tuple struct, and coherence forbids a blanket
/// implementation beside one for tuples, so the compiler's own name of the type decides: only
/// tuples are written with a leading parenthesis. The tests below pin that.
fn shape<T: ?Sized>() -> Shape {
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
