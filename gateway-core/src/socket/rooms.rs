//! [`Rooms`]: how applications name rooms.

use smallvec::smallvec;

use crate::{
    platform::{Names, SocketId},
    wire::room_names,
};

/// The name of one room, or of several.
///
/// ```
/// # fn takes(_: impl gateway_core::Rooms) {}
/// takes("lobby");
/// takes(format!("room:{}", 7));
/// takes(["a", "b"]);
/// takes(vec![String::from("a")]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name rooms",
    label = "expected a string, an array or a `Vec` of strings, or a `SocketId`"
)]
pub trait Rooms {
    #[doc(hidden)]
    fn into_names(self) -> Names;
}

impl Rooms for &str {
    fn into_names(self) -> Names {
        smallvec![room_names::stored(self.to_owned())]
    }
}

impl Rooms for String {
    fn into_names(self) -> Names {
        smallvec![room_names::stored(self)]
    }
}

impl Rooms for &String {
    fn into_names(self) -> Names {
        smallvec![room_names::stored(self.clone())]
    }
}

impl Rooms for SocketId {
    fn into_names(self) -> Names {
        smallvec![self.to_string()]
    }
}

impl<R: Rooms> Rooms for Vec<R> {
    fn into_names(self) -> Names {
        self.into_iter().flat_map(Rooms::into_names).collect()
    }
}

impl<R: Rooms, const N: usize> Rooms for [R; N] {
    fn into_names(self) -> Names {
        self.into_iter().flat_map(Rooms::into_names).collect()
    }
}

impl<R: Rooms + Clone> Rooms for &[R] {
    fn into_names(self) -> Names {
        self.iter().cloned().flat_map(Rooms::into_names).collect()
    }
}
