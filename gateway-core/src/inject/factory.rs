//! [`Factory`]: a function that makes a service from others.

use std::{any::Any, collections::HashMap, error::Error, panic::Location, sync::Arc};

use super::{Dependencies, Key, Need, Provider};

/// A function that makes a service from others, for the bounds of generic code: a closure whose parameters are references
/// to services, up to eight of them. [`provide_with`](crate::AppBuilder::provide_with) takes it; it is not meant to be
/// implemented by hand.
///
/// ```
/// use gateway_core::{AppBuilder, Factory};
///
/// struct Config {
///     greeting: String,
/// }
///
/// fn with<A, T: Send + Sync + 'static>(builder: AppBuilder, make: impl Factory<A, T>) -> AppBuilder {
///     builder.provide_with(make)
/// }
///
/// let builder = with(gateway_core::App::builder(), |config: &Config| config.greeting.len());
/// # drop(builder);
/// ```
#[diagnostic::on_unimplemented(
    message = "this makes no service from others",
    label = "not a closure that takes references to services",
    note = "write `|config: &Config| ..`, with a reference for each service that it takes, up to eight; a value that is \
            there already is given to `.provide(..)`"
)]
pub trait Factory<Arguments, T>: 'static {
    #[doc(hidden)]
    #[track_caller]
    fn dependencies() -> Dependencies;
    #[doc(hidden)]
    fn make(self, provider: &mut Provider) -> T;
}

macro_rules! factory {
    ($($argument:ident),*) => {
        impl<F, T, $($argument),*> Factory<($($argument,)*), T> for F
        where
            F: FnOnce($(&$argument),*) -> T + 'static,
            $($argument: Send + Sync + 'static,)*
        {
            #[track_caller]
            fn dependencies() -> Dependencies {
                Dependencies::new()$(.argument::<$argument>())*
            }

            #[allow(unused_variables, reason = "a factory may take nothing")]
            fn make(self, provider: &mut Provider) -> T {
                self($(&provider.service::<$argument>()),*)
            }
        }
    };
}

factory!();
factory!(A);
factory!(A, B);
factory!(A, B, C);
factory!(A, B, C, D);
factory!(A, B, C, D, E);
factory!(A, B, C, D, E, G);
factory!(A, B, C, D, E, G, H);
factory!(A, B, C, D, E, G, H, I);

type AnyError = Box<dyn Error + Send + Sync>;

/// The `Arc` of a service, made.
type Made = Result<Box<dyn Any + Send + Sync>, AnyError>;

/// A factory, with what it makes.
pub(crate) struct Maker {
    pub(crate) makes: Key,
    pub(crate) dependencies: Dependencies,
    pub(crate) place: &'static Location<'static>,
    make: Box<dyn FnOnce(&mut Provider) -> Made>,
}

impl Maker {
    #[track_caller]
    pub(crate) fn new<A, R, T: ?Sized + Send + Sync + 'static, F: Factory<A, R>>(
        factory: F,
        made: impl FnOnce(R) -> Result<Arc<T>, AnyError> + 'static,
    ) -> Self {
        Self {
            makes: Key::of::<T>(),
            dependencies: F::dependencies(),
            place: Location::caller(),
            make: Box::new(move |provider| {
                let service = made(factory.make(provider))?;
                Ok(Box::new(service) as Box<dyn Any + Send + Sync>)
            }),
        }
    }
}

impl Maker {
    /// The same, with what it makes changed, if that is a `T`.
    #[cfg_attr(not(feature = "jwt"), allow(dead_code, reason = "only tokens are changed"))]
    pub(crate) fn with<T: ?Sized + Send + Sync + 'static>(
        self,
        change: impl FnOnce(Arc<T>) -> Arc<T> + 'static,
    ) -> Self {
        let make = self.make;
        let make = move |provider: &mut Provider| match make(provider)?.downcast::<Arc<T>>() {
            Ok(service) => Ok(Box::new(change(*service)) as Box<dyn Any + Send + Sync>),
            Err(other) => Ok(other),
        };
        Self { make: Box::new(make), ..self }
    }
}

/// A factory that has made nothing.
pub(crate) struct Failed {
    pub(crate) makes: Key,
    pub(crate) place: &'static Location<'static>,
    pub(crate) error: AnyError,
}

/// Makes the services of all factories, each after those that it stands on.
pub(super) struct Making<'a> {
    provider: &'a mut Provider,
    makers: HashMap<Key, Maker>,
    /// Whether everything that a service stands on has been made, where that is known.
    known: HashMap<Key, bool>,
    failed: Vec<Failed>,
}

impl<'a> Making<'a> {
    /// The factories that have failed. What stands on one of them is not even tried.
    pub(super) fn all(provider: &'a mut Provider, makers: Vec<Maker>) -> Vec<Failed> {
        let order: Vec<Key> = makers.iter().map(|maker| maker.makes).collect();
        let makers = makers.into_iter().map(|maker| (maker.makes, maker)).collect();
        let mut making = Self { provider, makers, known: HashMap::new(), failed: Vec::new() };
        for key in order {
            making.is_there(key);
        }
        making.failed
    }

    /// Whether the service can be had: boot has found that nothing stands on itself.
    fn is_there(&mut self, key: Key) -> bool {
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let maker = self.makers.remove(&key);
        let dependencies = match &maker {
            Some(maker) => maker.dependencies.clone(),
            None => self.provider.dependencies_of(key),
        };
        let mut is_there = true;
        for field in &dependencies.fields {
            if let Need::Service(needed) | Need::Optional(needed) = field.need {
                is_there &= self.is_there(needed);
            }
        }
        if let Some(maker) = maker.filter(|_| is_there) {
            match (maker.make)(self.provider) {
                Ok(service) => self.provider.keep(key, service),
                Err(error) => {
                    self.failed.push(Failed { makes: key, place: maker.place, error });
                    is_there = false;
                }
            }
        }
        self.known.insert(key, is_there);
        is_there
    }
}

#[cfg(test)]
mod tests {
    use std::num::ParseIntError;

    use super::*;
    use crate::inject::Services;

    #[derive(Debug, PartialEq)]
    struct Length(usize);
    #[derive(Debug, PartialEq)]
    struct Double(usize);

    fn provider(text: &str) -> Provider {
        let mut services = Services::default();
        services.insert(Arc::new(text.to_owned()));
        Provider::new(services, HashMap::new())
    }

    fn made<T>(value: T) -> Result<Arc<T>, AnyError> {
        Ok(Arc::new(value))
    }

    #[test]
    fn each_is_made_after_what_it_stands_on() {
        let mut provider = provider("four");
        let double = |length: &Length, text: &String| Double(length.0 + text.len());
        let length = |text: &String| Length(text.len());
        let makers = vec![Maker::new(double, made), Maker::new(length, made)];
        assert!(Making::all(&mut provider, makers).is_empty());
        assert_eq!(*provider.service::<Double>(), Double(8));
        assert_eq!(*provider.service::<Length>(), Length(4));
    }

    #[test]
    fn what_stands_on_a_failure_is_not_tried() {
        let mut provider = provider("four");
        let double = |_: &Length| -> Double { unreachable!("there is no length") };
        let length = |text: &String| text.parse::<usize>().map(Length);
        let makers = vec![
            Maker::new(double, made),
            Maker::new(length, |length: Result<Length, ParseIntError>| Ok(Arc::new(length?))),
            Maker::new(|| 7_u8, made),
        ];
        let failed = Making::all(&mut provider, makers);
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].makes, Key::of::<Length>());
        assert_eq!(failed[0].error.to_string(), "invalid digit found in string");
        assert_eq!(*provider.service::<u8>(), 7, "others are made all the same");
    }
}
