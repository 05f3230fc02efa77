//! What generated code calls to describe itself. Without the feature `contract`, the same macros make nothing of what
//! they are given (`off.rs`), so nothing of it is compiled.

/// Describes a handler of messages.
#[doc(hidden)]
#[macro_export]
macro_rules! __describe_handler {
    (
        $block:ident, $place:expr, $event:expr, $name:literal, $docs:literal,
        [$($argument:ty),*] -> $([$returns:ty])? $(async $call:block)?
    ) => {{
        #[allow(unused_imports)]
        use $crate::private::probe::{self, ladder::*};
        let __output = $(probe::Output::<$returns>::OF)? $(probe::Output::of(async move $call))?;
        let __output = (&&__output).__peeled();
        #[allow(unused_mut)]
        let mut __handler = probe::Handler::new($place, $event, $name, $docs);
        $(__handler.takes((&&&&probe::Argument::<$argument>::OF).__takes());)*
        $block.handlers.push(__handler.answers((&&&&&&__output).__reply()));
    }};
}

/// Describes an event that a gateway emits.
#[doc(hidden)]
#[macro_export]
macro_rules! __describe_event {
    ($block:ident, $event:ty) => {{
        #[allow(unused_imports)]
        use $crate::private::probe::{self, ladder::*};
        let __event = probe::Value::<$event>::OF;
        $block.events.extend((&&__event).__event((&&__event).__schema(), (&&&__event).__ack()));
    }};
}

/// What an event says about itself, where a filter has it for its body.
#[doc(hidden)]
#[macro_export]
macro_rules! __described {
    ($event:ty) => {{
        #[allow(unused_imports)]
        use $crate::private::probe::{self, ladder::*};
        let __event = probe::Value::<$event>::OF;
        probe::body((&&__event).__schema(), (&&__event).__event((&&__event).__schema(), None))
    }};
}
