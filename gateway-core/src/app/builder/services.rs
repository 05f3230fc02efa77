//! What is injected, and how it is made.

use std::{error::Error, sync::Arc};

use super::AppBuilder;
use crate::{
    boot::start_report::Problem,
    inject::{
        Injectable, Key, Recipe,
        factory::{Factory, Maker},
    },
    type_names::short,
};

impl AppBuilder {
    /// Provides a service, which is injected as `Arc<T>`.
    #[must_use]
    pub fn provide<T: Send + Sync + 'static>(self, service: T) -> Self {
        self.provide_arc(Arc::new(service))
    }

    /// Provides a service that is already shared, or that is injected as a trait:
    /// `provide_arc::<dyn Clock>(..)`.
    #[must_use]
    pub fn provide_arc<T: ?Sized + Send + Sync + 'static>(mut self, service: Arc<T>) -> Self {
        self.provided_once(Key::of::<T>());
        self.blueprint.services.insert(service);
        self
    }

    /// Provides a service that `make` makes from others, when the application is built (NestJS: `useFactory`, `inject`).
    /// The parameters of `make` are references to services, wherever those come from; if one is missing, that is reported
    /// with everything else that is, before any factory runs.
    ///
    /// A factory takes precedence over `#[injectable]`. [`try_provide_with`](Self::try_provide_with) takes one that may
    /// fail, and [`provide_arc_with`](Self::provide_arc_with) one whose service is injected as a trait. A factory is not
    /// async: what has to be waited for, such as a connection, is opened before and given to
    /// [`provide`](Self::provide).
    ///
    /// ```
    /// use gateway_core::prelude::*;
    ///
    /// struct Config {
    ///     bad_words: Vec<String>,
    /// }
    ///
    /// struct Filter(Vec<String>);
    ///
    /// let builder = App::builder()
    ///     .provide(Config { bad_words: vec!["damn".to_owned()] })
    ///     .provide_with(|config: &Config| Filter(config.bad_words.clone()));
    /// # drop(builder);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn provide_with<A, T: Send + Sync + 'static>(self, make: impl Factory<A, T>) -> Self {
        self.make(Maker::new(make, |service| Ok(Arc::new(service))))
    }

    /// Provides a service that `make` makes, or does not: an error is a startup error, which says what was to be made and
    /// why it was not. See [`provide_with`](Self::provide_with).
    ///
    /// ```
    /// use std::{fs, io};
    /// use gateway_core::prelude::*;
    ///
    /// struct Config {
    ///     words: String,
    /// }
    ///
    /// struct Words(String);
    ///
    /// let builder = App::builder()
    ///     .provide(Config { words: "/usr/share/dict/words".to_owned() })
    ///     .try_provide_with(|config: &Config| -> io::Result<Words> {
    ///         Ok(Words(fs::read_to_string(&config.words)?))
    ///     });
    /// # drop(builder);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn try_provide_with<A, T, E>(self, make: impl Factory<A, Result<T, E>>) -> Self
    where
        T: Send + Sync + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        self.make(Maker::new(make, |made: Result<T, E>| made.map(Arc::new).map_err(Into::into)))
    }

    /// Provides a service that `make` makes, and that is injected as a trait or is shared already. See
    /// [`provide_with`](Self::provide_with).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use gateway_core::prelude::*;
    ///
    /// trait Clock: Send + Sync {}
    /// struct Fixed(u64);
    /// impl Clock for Fixed {}
    ///
    /// let builder = App::builder()
    ///     .provide(7_u64)
    ///     .provide_arc_with(|time: &u64| -> Arc<dyn Clock> { Arc::new(Fixed(*time)) });
    /// # drop(builder);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn provide_arc_with<A, T: ?Sized + Send + Sync + 'static>(
        self,
        make: impl Factory<A, Arc<T>>,
    ) -> Self {
        self.make(Maker::new(make, Ok))
    }

    /// Has a service built that no `#[injectable]` can know of. Asking for it again is a problem.
    pub(crate) fn build_service<T: Injectable + Send + Sync + 'static>(
        mut self,
        twice: impl FnOnce() -> Problem,
    ) -> Self {
        let key = Key::of::<T>();
        if self.blueprint.recipes.iter().any(|(known, _)| *known == key) {
            self.blueprint.problems.push(twice());
        }
        self.blueprint.recipes.push((key, Recipe::of::<T>()));
        self
    }

    fn make(mut self, maker: Maker) -> Self {
        self.provided_once(maker.makes);
        self.blueprint.makers.push(maker);
        self
    }

    fn provided_once(&mut self, key: Key) {
        let mut makers = self.blueprint.makers.iter();
        if self.blueprint.services.contains(key) || makers.any(|maker| maker.makes == key) {
            self.blueprint.problems.push(Problem::new(
                format!("`{}` is provided twice", short(key.name)),
                "provide it once; two values of one type need two types",
            ));
        }
    }
}
