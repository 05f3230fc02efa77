//! What can be sent: any `Serialize` value as one argument, `()` as none, [`Args`] as several.

use serde::{Serialize, Serializer, ser::SerializeTuple};

use super::{Argument, Arguments, Shape, shape};

/// A value that can be sent as the arguments of an event or of an acknowledgement.
///
/// Every `Serialize` value is **one** argument, whatever its type: a `Vec` is one array, a newtype one value.
/// `()` sends no arguments. To send several, use [`Args`].
///
/// ```
/// # use gateway_core::prelude::*;
/// # async fn send(socket: Socket) -> Result<(), WsException> {
/// socket.emit("news", "hello").await?;            // ["news","hello"]
/// socket.emit("list", [1, 2]).await?;             // ["list",[1,2]]
/// socket.emit("pair", Args((1, "two"))).await?;   // ["pair",1,"two"]
/// socket.emit("ping!", ()).await?;                // ["ping!"]
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to a client",
    label = "this cannot be serialized",
    note = "derive `serde::Serialize` for it; several arguments are sent as `Args((a, b))`"
)]
pub trait Payload {
    #[doc(hidden)]
    type Wire<'a>: Serialize
    where
        Self: 'a;

    /// The list of arguments: what serialises as a tuple.
    #[doc(hidden)]
    fn wire(&self) -> Self::Wire<'_>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> Payload for T {
    type Wire<'a>
        = OneArgument<'a, T>
    where
        T: 'a;

    fn wire(&self) -> OneArgument<'_, T> {
        OneArgument(self)
    }
}

/// Several positional arguments instead of a single one: `emit("e", Args((1, 2)))` sends what a JavaScript client
/// sends with `emit("e", 1, 2)`.
///
/// Takes a tuple, a `Vec`, an array, a slice, or [`Arguments`]. Works in emits, in acknowledgements
/// (`Ok(Args((a, b)))` from a handler) and in [`WsResponse`](crate::WsResponse).
///
/// ```
/// use gateway_core::Args;
/// # use gateway_core::prelude::*;
/// # async fn send(socket: Socket) -> Result<(), EmitError> {
/// socket.emit("moved", Args((3, 4, "fast"))).await
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Args<T>(pub T);

impl<T: ArgumentList> Payload for Args<T> {
    type Wire<'a>
        = Spread<'a, T>
    where
        T: 'a;

    fn wire(&self) -> Spread<'_, T> {
        Spread(&self.0)
    }
}

impl<T: ArgumentList> Payload for &Args<T> {
    type Wire<'a>
        = Spread<'a, T>
    where
        Self: 'a;

    fn wire(&self) -> Spread<'_, T> {
        Spread(&self.0)
    }
}

/// A list of values, each of which is one argument: what [`Args`] takes.
///
/// ```
/// # fn takes(_: impl gateway_core::ArgumentList) {}
/// takes((1, "two"));
/// takes(vec![1, 2, 3]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of arguments",
    label = "expected a tuple, a `Vec`, an array, a slice or `Arguments`"
)]
pub trait ArgumentList {
    #[doc(hidden)]
    fn count(&self) -> usize;

    #[doc(hidden)]
    fn each<S: SerializeTuple>(&self, arguments: &mut S) -> Result<(), S::Error>;
}

/// The value as the only element of the list of arguments, whatever it is itself.
#[derive(Debug)]
pub struct OneArgument<'a, T>(&'a T);

impl<T: Serialize> Serialize for OneArgument<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if shape::<T>() == Shape::Nothing {
            return serializer.serialize_tuple(0)?.end();
        }
        let mut arguments = serializer.serialize_tuple(1)?;
        arguments.serialize_element(self.0)?;
        arguments.end()
    }
}

impl<'a, T> OneArgument<'a, T> {
    pub(crate) fn of(value: &'a T) -> Self {
        Self(value)
    }
}

/// The elements of a list as arguments.
#[derive(Debug)]
pub struct Spread<'a, T>(&'a T);

impl<T: ArgumentList> Serialize for Spread<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut arguments = serializer.serialize_tuple(self.0.count())?;
        self.0.each(&mut arguments)?;
        arguments.end()
    }
}

impl ArgumentList for () {
    fn count(&self) -> usize {
        0
    }

    fn each<S: SerializeTuple>(&self, _: &mut S) -> Result<(), S::Error> {
        Ok(())
    }
}

impl ArgumentList for Arguments {
    fn count(&self) -> usize {
        self.len()
    }

    fn each<S: SerializeTuple>(&self, arguments: &mut S) -> Result<(), S::Error> {
        self.iter().try_for_each(|one: &Argument| arguments.serialize_element(one))
    }
}

impl<T: Serialize> ArgumentList for [T] {
    fn count(&self) -> usize {
        self.len()
    }

    fn each<S: SerializeTuple>(&self, arguments: &mut S) -> Result<(), S::Error> {
        self.iter().try_for_each(|one| arguments.serialize_element(one))
    }
}

impl<T: Serialize> ArgumentList for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn each<S: SerializeTuple>(&self, arguments: &mut S) -> Result<(), S::Error> {
        self.as_slice().each(arguments)
    }
}

impl<T: Serialize, const N: usize> ArgumentList for [T; N] {
    fn count(&self) -> usize {
        N
    }

    fn each<S: SerializeTuple>(&self, arguments: &mut S) -> Result<(), S::Error> {
        self.as_slice().each(arguments)
    }
}

impl<T: ArgumentList + ?Sized> ArgumentList for &T {
    fn count(&self) -> usize {
        T::count(self)
    }

    fn each<S: SerializeTuple>(&self, arguments: &mut S) -> Result<(), S::Error> {
        T::each(self, arguments)
    }
}

macro_rules! argument_list_of_tuple {
    ($($element:ident),+) => {
        #[diagnostic::do_not_recommend]
        impl<$($element: Serialize),+> ArgumentList for ($($element,)+) {
            fn count(&self) -> usize {
                [$(stringify!($element)),+].len()
            }

            #[allow(non_snake_case)]
            fn each<SS: SerializeTuple>(&self, arguments: &mut SS) -> Result<(), SS::Error> {
                let ($($element,)+) = self;
                $(arguments.serialize_element($element)?;)+
                Ok(())
            }
        }
    };
}

argument_list_of_tuple!(A);
argument_list_of_tuple!(A, B);
argument_list_of_tuple!(A, B, C);
argument_list_of_tuple!(A, B, C, D);
argument_list_of_tuple!(A, B, C, D, E);
argument_list_of_tuple!(A, B, C, D, E, F);
argument_list_of_tuple!(A, B, C, D, E, F, G);
argument_list_of_tuple!(A, B, C, D, E, F, G, H);
argument_list_of_tuple!(A, B, C, D, E, F, G, H, I);
argument_list_of_tuple!(A, B, C, D, E, F, G, H, I, J);
argument_list_of_tuple!(A, B, C, D, E, F, G, H, I, J, K);
argument_list_of_tuple!(A, B, C, D, E, F, G, H, I, J, K, L);

#[cfg(test)]
mod tests {
    use super::*;

    fn json(payload: impl Payload) -> String {
        serde_json::to_string(&payload.wire()).unwrap()
    }

    #[derive(Serialize)]
    struct Newtype(&'static str);

    #[test]
    fn a_value_is_one_argument() {
        assert_eq!(json("a"), r#"["a"]"#);
        assert_eq!(json([1, 2]), "[[1,2]]");
        assert_eq!(json((1, 2)), "[[1,2]]");
        assert_eq!(json(Newtype("r")), r#"["r"]"#);
        let borrowed = &Newtype("r");
        assert_eq!(json(borrowed), r#"["r"]"#);
        assert_eq!(json(None::<u8>), "[null]");
    }

    #[test]
    fn unit_is_no_argument() {
        assert_eq!(json(()), "[]");
        let borrowed = &();
        assert_eq!(json(borrowed), "[]");
        assert_eq!(json(Args(())), "[]");
    }

    #[test]
    fn args_are_several() {
        assert_eq!(json(Args((1, "b", [2]))), r#"[1,"b",[2]]"#);
        assert_eq!(json(Args(vec![1, 2])), "[1,2]");
        assert_eq!(json(Args([[1], [2]])), "[[1],[2]]");
    }
}
