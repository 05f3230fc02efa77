//! A gateway without attributes, served over real connections: for the tests of this layer and of
//! those above it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::{
    auth::{ErasedAuthenticator, identity::Known},
    call::{
        context::ExecutionContext,
        enhancers::{Enhancers, Level},
        reply::Reply,
        route::{Action, GatewayInfo, HandlerFn, Route},
    },
    clock::Clock,
    cluster::Cluster,
    dispatch::{
        gateway::{Conversations, GatewayRuntime, Hooks, Lines, Routes},
        sessions::{self, Sessions},
    },
    exception::WsException,
    inject::Services,
    metrics::MessageMetrics,
    options::Options,
    platform::{Mounted, Occupant, SocketId, mount, serve},
    socket::{deadlines::Deadlines, event::ListedEvents, namespace::Namespace, settings::Settings},
};

/// Longer than anything that comes.
const LONG: Duration = Duration::from_secs(20);

/// What the gateway is made of.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) options: Options,
    pub(crate) settings: Settings,
    pub(crate) enhancers: Level,
    pub(crate) clock: Clock,
    /// The process's place in a cluster, if it has one.
    pub(crate) cluster: Option<Cluster>,
    /// What clients are known as.
    pub(crate) identity: Known,
    authenticator: Option<Arc<dyn ErasedAuthenticator>>,
    handlers: Vec<(&'static str, HandlerFn)>,
    /// For all other events.
    others: Option<HandlerFn>,
    pub(crate) declared: ListedEvents,
    on_connection: Option<Action>,
    on_disconnect: Option<Action>,
}

impl Plan {
    /// A handler.
    pub(crate) fn handle<F>(
        mut self,
        event: &'static str,
        handler: impl Fn(ExecutionContext) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Reply, WsException>> + Send + 'static,
    {
        self.handlers
            .push((event, Box::new(move |context: ExecutionContext| handler(context).boxed())));
        self
    }

    /// The handler of all events that have none of their own.
    pub(crate) fn handle_others<F>(
        mut self,
        handler: impl Fn(ExecutionContext) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Reply, WsException>> + Send + 'static,
    {
        self.others = Some(Box::new(move |context: ExecutionContext| handler(context).boxed()));
        self
    }

    pub(crate) fn on_connection<F>(mut self, hook: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), WsException>> + Send + 'static,
    {
        self.on_connection =
            Some(Action::Hook(Box::new(move |_: ExecutionContext| hook().boxed())));
        self
    }

    pub(crate) fn on_disconnect<F>(mut self, hook: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), WsException>> + Send + 'static,
    {
        self.on_disconnect =
            Some(Action::Hook(Box::new(move |_: ExecutionContext| hook().boxed())));
        self
    }

    pub(crate) fn authenticate(mut self, authenticator: Arc<dyn ErasedAuthenticator>) -> Self {
        self.authenticator = Some(authenticator);
        self
    }
}

/// The gateway, served.
pub(crate) struct World {
    pub(crate) gateway: Arc<GatewayRuntime>,
    pub(crate) mounted: Mounted,
    pub(crate) cluster: Option<Cluster>,
    path: String,
    address: SocketAddr,
    /// The server, for as long as this is there.
    pub(crate) serving: AbortOnDropHandle<()>,
}

impl World {
    pub(crate) async fn of(plan: Plan) -> Self {
        let Plan { options, settings, enhancers, clock, authenticator, handlers, .. } = plan;
        let path = options.namespace.clone();
        let (mounted, namespaces) =
            serve::open(&Default::default(), &Default::default(), Default::default(), |_| {});
        let (hub, vacancy) = mount(&mounted, &path);
        let adapter = plan.cluster.as_ref().map(|cluster| cluster.adapter(&path));
        let namespace =
            Namespace::new(hub, plan.identity, plan.declared, options, settings, adapter);
        let info = Arc::new(GatewayInfo {
            name: "Gateway",
            namespace: Arc::new(namespace),
            services: Arc::new(Services::default()),
        });
        let level = Level::default();
        let enhancers = Enhancers::of_message(&enhancers, &level, Level::default());
        let route = |event: &'static str, action| {
            let nothing = Route::of_nothing(&info, event, enhancers.clone());
            Arc::new(Route { action, metrics: Some(MessageMetrics::of("/", event)), ..nothing })
        };
        let handled = handlers.into_iter().map(|(event, handler)| {
            (Box::<str>::from(event), route(event, Action::Handle(handler)))
        });
        let mut routes = Routes {
            by_event: handled.collect(),
            unknown: Arc::new(Route {
                event: None,
                action: plan.others.map_or(Action::Nothing, Action::Handle),
                ..Route::of_nothing(&info, "", enhancers.clone())
            }),
            arrival: route("on_connection", Action::Nothing),
            session: route("session", Action::Nothing),
        };
        let hooks = Hooks {
            on_connection: plan.on_connection.map(|hook| route("on_connection", hook)),
            on_disconnect: plan.on_disconnect.map(|hook| route("on_disconnect", hook)),
        };
        let gateway = Arc::new_cyclic(|gateway: &std::sync::Weak<GatewayRuntime>| {
            let looking = gateway.clone();
            let deadlines = Deadlines::start(clock.clone(), move |id| {
                if let Some(client) = looking.upgrade().and_then(|gateway| gateway.client(id)) {
                    client.check_session();
                }
            });
            let sessions = Arc::new(Sessions::new(deadlines, clock.clone()));
            if let Some(authenticator) = &authenticator {
                let renewal = sessions::renewal(Arc::clone(&sessions), Arc::clone(authenticator));
                let renewal = Route {
                    action: Action::Handle(renewal),
                    takes_secrets: true,
                    ..Route::of_nothing(&info, "reauthenticate", enhancers.clone())
                };
                routes.by_event.insert("reauthenticate".into(), Arc::new(renewal));
            }
            GatewayRuntime {
                info: Arc::clone(&info),
                routes,
                hooks,
                authenticator,
                cors: Default::default(),
                presence: None,
                sessions,
                draining: Default::default(),
                departures: TaskTracker::new(),
                conversations: Conversations::default(),
                lines: Lines::default(),
            }
        });
        gateway.end_replaced_sessions();
        gateway.namespace().take_part();
        vacancy.fill(Arc::clone(&gateway));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            axum::serve(listener, Router::new().fallback_service(namespaces)).await.unwrap();
        });
        let cluster = plan.cluster;
        Self { gateway, mounted, cluster, path, address, serving: AbortOnDropHandle::new(serving) }
    }

    /// A client that has asked to be let in.
    pub(crate) async fn newcomer(&self) -> Client {
        self.newcomer_with("").await
    }

    /// The same, with something to show.
    pub(crate) async fn newcomer_with(&self, auth: &str) -> Client {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", self.address);
        let mut client = Client(client_async(url, stream).await.unwrap().0);
        let namespace = if self.path == "/" { String::new() } else { format!("{},", self.path) };
        client.say(&format!("40{namespace}{auth}")).await;
        client
    }

    /// One that has been let in.
    pub(crate) async fn client(&self) -> Client {
        let mut client = self.newcomer().await;
        while !client.hear().await.is_some_and(|packet| packet.starts_with("40")) {}
        client
    }
}

impl World {
    /// How many events wait for this client's acknowledgement.
    pub(crate) fn outstanding(&self, id: SocketId) -> usize {
        self.gateway.client(id).map_or(0, |client| client.connection.link.outstanding())
    }

    /// A session on polling; answers its id.
    pub(crate) async fn polled(&self) -> String {
        let open = self.request("GET", "", "").await;
        let (_, sid) = open.split_once(r#""sid":""#).unwrap();
        sid[..16].to_owned()
    }

    /// Packets of a client on polling.
    pub(crate) async fn post(&self, session: &str, packets: &str) {
        let answer = self.request("POST", session, packets).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    async fn request(&self, method: &str, session: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} /socket.io/?EIO=4&transport=polling&sid={session} HTTP/1.1\r\nhost: test\r\n\
             connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(LONG, stream.read_to_string(&mut answer)).await.expect("an answer").unwrap();
        answer
    }
}

/// A client by hand.
pub(crate) struct Client(WebSocketStream<TcpStream>);

impl Client {
    /// Sends a packet, `421["event",1]` for one that asks for acknowledgement 1.
    pub(crate) async fn say(&mut self, packet: &str) {
        self.0.send(Message::text(packet)).await.unwrap();
    }

    /// The next packet but pings; `None` when the connection has ended.
    pub(crate) async fn hear(&mut self) -> Option<String> {
        loop {
            let message = timeout(LONG, self.0.next()).await.expect("a packet")?;
            match message {
                Ok(Message::Text(text)) if text == "2" => self.say("3").await,
                Ok(Message::Text(text)) => return Some(text.as_str().to_owned()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next attachment.
    pub(crate) async fn hear_binary(&mut self) -> Vec<u8> {
        match timeout(LONG, self.0.next()).await.expect("an attachment") {
            Some(Ok(Message::Binary(bytes))) => bytes.to_vec(),
            other => panic!("{other:?} is no attachment"),
        }
    }

    /// Says something, and hears what comes next.
    pub(crate) async fn ask(&mut self, packet: &str) -> String {
        self.say(packet).await;
        self.hear().await.expect("an answer")
    }
}

/// Waits until it is so.
pub(crate) async fn eventually(mut so: impl FnMut() -> bool) {
    let waited = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, waited).await.expect("what is waited for");
}
