//! A real Redis for tests, on a free port, without persistence.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use redis::cmd;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{sleep, timeout};

use super::{Connection, Place};

/// How long Redis may take to start, at most.
const STARTS: Duration = Duration::from_secs(20);

const CONFIGURATION: &str = "redis.conf";

/// Ends when it is dropped.
pub(crate) struct Server {
    port: u16,
    arguments: Vec<String>,
    folder: PathBuf,
    process: Option<Child>,
}

impl Server {
    /// Starts an empty Redis, and waits until it takes connections.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// As [`start`](Self::start), with more arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let mut all = vec!["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        all.extend(arguments);
        Self::start_as(&all, "")
    }

    /// A Sentinel that watches a master by the name `main`, and decides alone and quickly.
    pub(crate) fn sentinel(master: &Self) -> Self {
        let watched = format!(
            "sentinel monitor main 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds main 500\n\
             sentinel failover-timeout main 2000\n",
            master.port()
        );
        Self::start_as(&["--sentinel", "--bind", "127.0.0.1"], &watched)
    }

    /// With a certificate for `localhost` that an authority of its own has signed, in `authority.pem`.
    #[cfg(feature = "redis-tls")]
    pub(crate) fn with_tls() -> Self {
        let mut server = Self::prepared(&["--tls-auth-clients", "no"], "");
        let openssl = |arguments: &str| {
            let made = Command::new("openssl")
                .args(arguments.split(' '))
                .current_dir(&server.folder)
                .stderr(Stdio::null())
                .status();
            assert!(made.expect("this test needs openssl on the PATH").success(), "{arguments}");
        };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -keyout";
        openssl(&format!("req -x509 {key} authority.key -out authority.pem -subj /CN=authority"));
        openssl(&format!(
            "req -x509 {key} server.key -out server.pem -subj /CN=localhost -CA authority.pem -CAkey authority.key \
             -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE"
        ));
        let port = server.port.to_string();
        let tls = ["--port", "0", "--tls-port", &port];
        let files = ["--tls-cert-file", "server.pem", "--tls-key-file", "server.key"];
        let authority = ["--tls-ca-cert-file", "authority.pem"];
        let more = tls.into_iter().chain(files).chain(authority);
        server.arguments.extend(more.map(str::to_owned));
        server.resume();
        server
    }

    /// `configuration` is a file that Redis may rewrite.
    fn start_as(arguments: &[&str], configuration: &str) -> Self {
        let mut server = Self::prepared(arguments, configuration);
        server.resume();
        server
    }

    fn prepared(arguments: &[&str], configuration: &str) -> Self {
        /// Tells apart the folders of one process' servers.
        static NUMBER: AtomicU32 = AtomicU32::new(0);

        // Only the number's being unique counts.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("gateway-redis-{}-{number}", process::id()));
        fs::create_dir_all(&folder).expect("a folder for Redis");
        fs::write(folder.join(CONFIGURATION), configuration).expect("a file for Redis");
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { port: free_port(), arguments, folder, process: None }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What the documentation of [`Redis`](super::Redis) lets a user do, and not more: its URL.
    pub(crate) async fn for_a_user_with_few_permissions(&self) -> String {
        let mut connection = self.place().connect("").await.expect("a connection");
        let documentation = include_str!("options.rs").lines();
        let lines = documentation.filter_map(|line| line.trim().strip_prefix("/// ACL SETUSER "));
        // Not a part of the package.
        let deployment = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/deployment.md");
        let deployment = std::fs::read_to_string(deployment).expect("docs/deployment.md");
        let mut count = 0;
        for line in lines {
            assert!(deployment.contains(line), "docs/deployment.md says the same: {line}");
            let mut set = cmd("ACL");
            set.arg("SETUSER").arg(line.split_whitespace().collect::<Vec<_>>());
            set.exec_async(&mut connection).await.expect("permissions");
            count += 1;
        }
        assert_eq!(count, 4);
        format!("redis://gateway:password@127.0.0.1:{}", self.port)
    }

    pub(crate) fn place(&self) -> Place {
        Place::parse(&self.url()).expect("a URL")
    }

    /// As `kill -9`; what Redis had in memory is lost.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("a process to end");
            process.wait().expect("its end");
        }
    }

    /// Starts it again on the same port, after [`kill`](Self::kill).
    pub(crate) fn resume(&mut self) {
        let process = Command::new("redis-server")
            .arg(self.folder.join(CONFIGURATION))
            .args(["--port", &self.port.to_string(), "--dir"])
            .arg(&self.folder)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("these tests need redis-server on the PATH");
        self.process = Some(process);
        let until = Instant::now() + STARTS;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < until, "redis-server does not listen");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// It stays connected, and does nothing.
    pub(crate) fn freeze(&self) {
        self.send(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.send(Signal::CONT);
    }

    fn send(&self, signal: Signal) {
        let process = self.process.as_ref().expect("it runs");
        let id = i32::try_from(process.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(id, signal).expect("a signal");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// A port that is free, and that no other server of this process is given: one that a test has killed must find its port
/// free when it comes back, and not the server of another test, whose messages it would hear.
pub(crate) fn free_port() -> u16 {
    // Below those that the system gives to whoever asks for any.
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 10_000;
    static NUMBER: AtomicU32 = AtomicU32::new(0);

    loop {
        // Only the number's being unique counts.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (process::id().wrapping_mul(97).wrapping_add(number)) % COUNT;
        let port = u16::try_from(port).expect("a port");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// A Redis Cluster of two nodes, each with half of the slots: keys with the hash tags `a` and `b` are apart.
pub(crate) async fn redis_cluster() -> ([Server; 2], Place) {
    let buses = [free_port(), free_port()].map(|port| port.to_string());
    let nodes = buses
        .each_ref()
        .map(|bus| Server::start_with(&["--cluster-enabled", "yes", "--cluster-port", bus]));
    let slots = [(0, 8191), (8192, 16383)];
    let mut connections = Vec::new();
    for (node, (first, last)) in nodes.iter().zip(slots) {
        let mut connection = node.place().connect("key").await.expect("a connection");
        let mut own = cmd("CLUSTER");
        own.arg("ADDSLOTSRANGE").arg(first).arg(last);
        own.exec_async(&mut connection).await.expect("slots");
        connections.push(connection);
    }
    let mut meet = cmd("CLUSTER");
    meet.arg("MEET").arg("127.0.0.1").arg(nodes[0].port()).arg(&buses[0]);
    meet.exec_async(&mut connections[1]).await.expect("a meeting");
    for connection in &mut connections {
        timeout(STARTS, knows_all_slots(connection)).await.expect("a cluster");
    }
    let [first, second] = nodes.each_ref().map(Server::port);
    let url = format!("redis+cluster://127.0.0.1:{first},127.0.0.1:{second}");
    (nodes, Place::parse(&url).expect("a URL"))
}

async fn knows_all_slots(connection: &mut Connection) {
    loop {
        let info: String =
            cmd("CLUSTER").arg("INFO").query_async(connection).await.expect("an answer");
        if info.contains("cluster_state:ok") {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
}
