//! Without the feature `contract`, nothing is described.

/// The description of a block.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct BlockDescription;

/// What a filter tells clients.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct BodyDescription;

impl BodyDescription {
    /// Of any type.
    // As with the feature, which asks for its name.
    #[allow(clippy::extra_unused_type_parameters)]
    pub(crate) fn unknown<T: ?Sized>() -> Self {
        Self
    }
}

#[doc(hidden)]
#[macro_export]
macro_rules! __describe_handler {
    ($($anything:tt)*) => {};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __describe_event {
    ($($anything:tt)*) => {};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __described {
    ($event:ty) => {
        $crate::private::BodyDescription
    };
}
