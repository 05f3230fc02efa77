//! What `#[use_guards]` and its like put around a handler: as stated, as built, and merged.
//!
//! NestJS calls guards, interceptors, pipes and filters "enhancers" too.

use std::{
    any::{Any, type_name},
    fmt,
    sync::Arc,
};

use crate::{
    filter::{ErasedFilter, ExceptionFilter, Filters},
    guard::{ErasedGuard, Guard},
    interceptor::{ErasedInterceptor, Interceptor},
    metadata::Metadata,
    pipe::{ErasedPipe, Pipe},
    provider::{Dependencies, Injectable, Provider},
};

/// One entry of a `#[use_..(..)]`: what it is, and how it is made.
#[doc(hidden)]
pub struct Enhancer<D: ?Sized> {
    pub(crate) name: &'static str,
    pub(crate) dependencies: fn() -> Dependencies,
    build: Build<D>,
}

type Build<D> = Box<dyn FnOnce(&mut Provider) -> Arc<D>>;

impl<D: ?Sized> Enhancer<D> {
    pub(crate) fn build(self, provider: &mut Provider) -> Arc<D> {
        (self.build)(provider)
    }

    fn by_type<T: Injectable>(build: impl FnOnce(&mut Provider) -> Arc<D> + 'static) -> Self {
        Self { name: type_name::<T>(), dependencies: T::dependencies, build: Box::new(build) }
    }

    fn by_value<T>(make: impl FnOnce() -> Arc<D> + 'static) -> Self {
        Self {
            name: type_name::<T>(),
            dependencies: Dependencies::new,
            build: Box::new(|_| make()),
        }
    }
}

impl<D: ?Sized> fmt::Debug for Enhancer<D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Enhancer").field(&self.name).finish()
    }
}

// Written out and not by a macro: wrong types in `#[use_..]` are reported with these lines.

/// A guard in `#[use_guards(..)]`.
#[doc(hidden)]
pub type GuardFacts = Enhancer<dyn ErasedGuard>;

impl GuardFacts {
    /// Named by its type, and built by injection.
    #[must_use]
    pub fn injected<T: Guard + Injectable>() -> Self {
        Self::by_type::<T>(|provider| provider.service_or_build::<T>())
    }

    /// Given as an expression, evaluated at the start.
    #[must_use]
    pub fn value<T: Guard>(make: impl FnOnce() -> T + 'static) -> Self {
        Self::by_value::<T>(|| Arc::new(make()))
    }
}

/// An interceptor in `#[use_interceptors(..)]`.
#[doc(hidden)]
pub type InterceptorFacts = Enhancer<dyn ErasedInterceptor>;

impl InterceptorFacts {
    /// Named by its type, and built by injection.
    #[must_use]
    pub fn injected<T: Interceptor + Injectable>() -> Self {
        Self::by_type::<T>(|provider| provider.service_or_build::<T>())
    }

    /// Given as an expression, evaluated at the start.
    #[must_use]
    pub fn value<T: Interceptor>(make: impl FnOnce() -> T + 'static) -> Self {
        Self::by_value::<T>(|| Arc::new(make()))
    }
}

/// A pipe in `#[use_pipes(..)]`.
#[doc(hidden)]
pub type PipeFacts = Enhancer<dyn ErasedPipe>;

impl PipeFacts {
    /// Named by its type, and built by injection.
    #[must_use]
    pub fn injected<T: Pipe + Injectable>() -> Self {
        Self::by_type::<T>(|provider| provider.service_or_build::<T>())
    }

    /// Given as an expression, evaluated at the start.
    #[must_use]
    pub fn value<T: Pipe>(make: impl FnOnce() -> T + 'static) -> Self {
        Self::by_value::<T>(|| Arc::new(make()))
    }
}

/// A filter in `#[use_filters(..)]`.
#[doc(hidden)]
pub type FilterFacts = Enhancer<dyn ErasedFilter>;

impl FilterFacts {
    /// Named by its type, and built by injection.
    #[must_use]
    pub fn injected<T: ExceptionFilter + Injectable>() -> Self {
        Self::by_type::<T>(|provider| provider.service_or_build::<T>())
    }

    /// Given as an expression, evaluated at the start.
    #[must_use]
    pub fn value<T: ExceptionFilter>(make: impl FnOnce() -> T + 'static) -> Self {
        Self::by_value::<T>(|| Arc::new(make()))
    }
}

type Fact = Box<dyn FnOnce() -> Arc<dyn Any + Send + Sync>>;

/// Everything that is stated at one place: on a gateway, or on one of its methods.
#[derive(Default)]
pub(crate) struct EnhancerFacts {
    pub(crate) guards: Vec<GuardFacts>,
    pub(crate) interceptors: Vec<InterceptorFacts>,
    pub(crate) pipes: Vec<PipeFacts>,
    pub(crate) argument_pipes: Vec<(usize, PipeFacts)>,
    pub(crate) filters: Vec<FilterFacts>,
    metadata: Vec<Fact>,
}

impl EnhancerFacts {
    pub(crate) fn add_metadata<T: Send + Sync + 'static>(
        &mut self,
        make: impl FnOnce() -> T + 'static,
    ) {
        self.metadata.push(Box::new(|| Arc::new(make())));
    }

    /// Who they are and what they need.
    pub(crate) fn dependencies(&self) -> impl Iterator<Item = (&'static str, Dependencies)> {
        fn of<D: ?Sized>(enhancer: &Enhancer<D>) -> (&'static str, Dependencies) {
            (enhancer.name, (enhancer.dependencies)())
        }
        let pipes = self.pipes.iter().chain(self.argument_pipes.iter().map(|(_, pipe)| pipe));
        (self.guards.iter().map(of))
            .chain(self.interceptors.iter().map(of))
            .chain(pipes.map(of))
            .chain(self.filters.iter().map(of))
    }

    pub(crate) fn build(self, provider: &mut Provider) -> Level {
        let mut metadata = Metadata::default();
        for make in self.metadata {
            metadata.insert(make());
        }
        Level {
            guards: self.guards.into_iter().map(|one| one.build(provider)).collect(),
            interceptors: self.interceptors.into_iter().map(|one| one.build(provider)).collect(),
            pipes: self.pipes.into_iter().map(|one| one.build(provider)).collect(),
            argument_pipes: (self.argument_pipes.into_iter())
                .map(|(index, one)| (index, one.build(provider)))
                .collect(),
            filters: self.filters.into_iter().map(|one| one.build(provider)).collect(),
            metadata,
        }
    }
}

/// The enhancers of one level: global, gateway or method.
#[derive(Default)]
pub(crate) struct Level {
    pub(crate) guards: Vec<Arc<dyn ErasedGuard>>,
    pub(crate) interceptors: Vec<Arc<dyn ErasedInterceptor>>,
    pub(crate) pipes: Vec<Arc<dyn ErasedPipe>>,
    argument_pipes: Vec<(usize, Arc<dyn ErasedPipe>)>,
    pub(crate) filters: Vec<Arc<dyn ErasedFilter>>,
    metadata: Metadata,
}

/// The enhancers of one method, of all levels, in the order they are asked.
#[derive(Clone, Default)]
pub(crate) struct Enhancers {
    pub(crate) guards: Arc<[Arc<dyn ErasedGuard>]>,
    pub(crate) interceptors: Arc<[Arc<dyn ErasedInterceptor>]>,
    pipes: Arc<[Arc<dyn ErasedPipe>]>,
    argument_pipes: Arc<[(usize, Arc<dyn ErasedPipe>)]>,
    pub(crate) filters: Filters,
    pub(crate) metadata: Metadata,
}

impl Enhancers {
    /// On the way in global → gateway → method, on the way out (filters) the other way round.
    pub(crate) fn of_message(global: &Level, gateway: &Level, method: Level) -> Self {
        let guards = [&global.guards, &gateway.guards, &method.guards];
        let interceptors = [&global.interceptors, &gateway.interceptors, &method.interceptors];
        let pipes = [&global.pipes, &gateway.pipes, &method.pipes];
        Self {
            guards: guards.into_iter().flatten().cloned().collect(),
            interceptors: interceptors.into_iter().flatten().cloned().collect(),
            pipes: pipes.into_iter().flatten().cloned().collect(),
            argument_pipes: method.argument_pipes.into(),
            filters: Filters::of_levels(&[&method.filters, &gateway.filters, &global.filters]),
            metadata: method.metadata.over(&gateway.metadata),
        }
    }

    /// A hook is no message: the guards of messages do not concern it, its own do.
    pub(crate) fn of_hook(global: &Level, gateway: &Level, method: Level) -> Self {
        Self {
            guards: method.guards.into(),
            filters: Filters::of_levels(&[&method.filters, &gateway.filters, &global.filters]),
            metadata: method.metadata.over(&gateway.metadata),
            ..Self::default()
        }
    }

    /// The pipes of the parameter at `position`, in order.
    pub(crate) fn pipes(&self, position: Option<usize>) -> impl Iterator<Item = &dyn ErasedPipe> {
        let own = self.argument_pipes.iter().filter(move |(index, _)| Some(*index) == position);
        self.pipes.iter().chain(own.map(|(_, pipe)| pipe)).map(|pipe| &**pipe)
    }
}

/// The methods by which generated code states the enhancers of a gateway or a method.
macro_rules! states_enhancers {
    ($facts:ident) => {
        impl $facts {
            /// A guard.
            #[must_use]
            pub fn guard(mut self, guard: $crate::enhancers::GuardFacts) -> Self {
                self.enhancers.guards.push(guard);
                self
            }

            /// An interceptor.
            #[must_use]
            pub fn interceptor(mut self, interceptor: $crate::enhancers::InterceptorFacts) -> Self {
                self.enhancers.interceptors.push(interceptor);
                self
            }

            /// A pipe.
            #[must_use]
            pub fn pipe(mut self, pipe: $crate::enhancers::PipeFacts) -> Self {
                self.enhancers.pipes.push(pipe);
                self
            }

            /// A pipe of the parameter at `index`.
            #[must_use]
            pub fn argument_pipe(
                mut self,
                index: usize,
                pipe: $crate::enhancers::PipeFacts,
            ) -> Self {
                self.enhancers.argument_pipes.push((index, pipe));
                self
            }

            /// A filter.
            #[must_use]
            pub fn filter(mut self, filter: $crate::enhancers::FilterFacts) -> Self {
                self.enhancers.filters.push(filter);
                self
            }

            /// A fact for guards and their like.
            #[must_use]
            pub fn metadata<T: Send + Sync + 'static>(
                mut self,
                make: impl FnOnce() -> T + 'static,
            ) -> Self {
                self.enhancers.add_metadata(make);
                self
            }
        }
    };
}

pub(crate) use states_enhancers;
