//! A mosquitto that belongs to one test.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

/// A running mosquitto. It is killed when this is dropped, and its folder goes with it.
pub struct Mosquitto {
    child: Child,
    folder: PathBuf,
    pub port: u16,
    log: Arc<Log>,
}

/// What mosquitto has written so far.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
    is_over: AtomicBool,
}

impl Mosquitto {
    /// A broker that takes everybody.
    pub fn start() -> Self {
        Self::with("allow_anonymous true\n")
    }

    /// A broker that takes only this user.
    #[allow(dead_code)] // the tests of the command line use it
    pub fn with_user(name: &str, password: &str) -> Self {
        let folder = new_folder();
        let file = folder.join("passwords");
        let status =
            Command::new(find("mosquitto_passwd")).args(["-c", "-b"]).arg(&file).args([name, password]).status();
        assert!(status.expect("mosquitto_passwd starts").success());
        Self::launch(folder, free_port(), &format!("allow_anonymous false\npassword_file {}\n", file.display()))
    }

    /// A broker with these lines in its configuration.
    pub fn with(config: &str) -> Self {
        Self::launch(new_folder(), free_port(), config)
    }

    /// Kills the broker, with all that it knew, and starts a new one for everybody on the same port.
    pub fn restart(self) -> Self {
        self.restart_with("allow_anonymous true\n")
    }

    /// Kills the broker, and starts a new one with these lines on the same port.
    #[allow(dead_code)] // few restart it with other lines
    pub fn restart_with(self, config: &str) -> Self {
        let port = self.port;
        drop(self);
        Self::launch(new_folder(), port, config)
    }

    /// Kills the broker, and gives all that it has logged. It is to be restarted on its port.
    #[allow(dead_code)] // few look at what is left of it
    pub fn kill(&mut self) -> Vec<String> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let lines = self.log.lines.lock().unwrap();
        let (lines, waited) =
            self.log.grown.wait_timeout_while(lines, PATIENCE, |_| !self.log.is_over.load(Ordering::Acquire)).unwrap();
        assert!(!waited.timed_out(), "the log of a killed mosquitto has no end");
        lines.clone()
    }

    /// Ends the broker in order, so that it writes what it knows to where `config` says, and starts a new one with these lines on the same port.
    #[allow(dead_code)] // the tests of the example hosts use it
    pub fn restart_in_order(mut self, config: &str) -> Self {
        self.signal("TERM");
        let start = Instant::now();
        while self.child.try_wait().expect("the child can be asked").is_none() {
            assert!(start.elapsed() < PATIENCE, "mosquitto does not end");
            thread::sleep(Duration::from_millis(2)); // between two questions
        }
        let port = self.port;
        drop(self);
        Self::launch(new_folder(), port, config)
    }

    /// Sends the broker a signal: `STOP` makes it deaf without closing anything, until `CONT`.
    #[allow(dead_code)] // the tests of the example hosts use it
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill starts").success());
    }

    fn launch(folder: PathBuf, port: u16, config: &str) -> Self {
        let file = folder.join("mosquitto.conf");
        let mut text = format!("listener {port} 127.0.0.1\npersistence false\nlog_dest stderr\nlog_type all\n");
        text.write_str(config).expect("a string grows");
        fs::write(&file, text).expect("the configuration can be written");
        let mut command = Command::new(find("mosquitto"));
        command.arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("mosquitto starts");
        let log = Arc::new(Log::default());
        follow(child.stderr.take().expect("stderr is a pipe"), &log);
        let mut broker = Self { child, folder, port, log };
        broker.await_readiness();
        broker
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Waits until mosquitto has logged a line with `text` in it.
    pub fn await_log(&self, text: &str) {
        self.await_log_count(text, 1);
    }

    /// Waits until mosquitto has logged so many lines with `text` in them.
    pub fn await_log_count(&self, text: &str, count: usize) {
        let lines = self.log.lines.lock().unwrap();
        let is_missing = |lines: &mut Vec<String>| lines.iter().filter(|line| line.contains(text)).count() < count;
        let (lines, waited) = self.log.grown.wait_timeout_while(lines, PATIENCE, is_missing).unwrap();
        let log = lines.join("\n");
        drop(lines); // a panic that holds the lock would hide itself behind another one
        assert!(!waited.timed_out(), "mosquitto never logged {text:?}:\n{log}");
    }

    /// How many lines with `text` in them mosquitto has logged until now. It must be running: one that was stopped says nothing.
    pub fn logged(&self, text: &str) -> usize {
        self.lines(text).len()
    }

    /// The lines with `text` in them that mosquitto has logged until now.
    pub fn lines(&self, text: &str) -> Vec<String> {
        self.catch_up();
        self.log.lines.lock().unwrap().iter().filter(|line| line.contains(text)).cloned().collect()
    }

    /// Waits until all that mosquitto has written until now has been read: the log comes through a pipe, behind the packets. Mosquitto logs each new
    /// connection with its port, and behind that line is nothing that was written before.
    fn catch_up(&self) {
        let mark = TcpStream::connect(("127.0.0.1", self.port)).expect("mosquitto listens");
        let port = mark.local_addr().expect("it is connected").port();
        self.await_log(&format!("New connection from 127.0.0.1:{port} on port"));
    }

    fn await_readiness(&mut self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let status = self.child.try_wait().expect("the child can be asked");
            let log = || self.log.lines.lock().unwrap().join("\n");
            assert!(status.is_none(), "mosquitto gave up:\n{}", log());
            assert!(start.elapsed() < PATIENCE, "mosquitto does not listen:\n{}", log());
            thread::sleep(Duration::from_millis(2)); // between two attempts
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
        if thread::panicking() {
            let lines = self.log.lines.lock().unwrap();
            println!("the end of mosquitto's log:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

/// Keeps what mosquitto writes.
fn follow(stderr: ChildStderr, log: &Arc<Log>) {
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            log.lines.lock().unwrap().push(line);
            log.grown.notify_all();
        }
        let _lines = log.lines.lock().unwrap(); // or somebody looks just before, and waits just behind
        log.is_over.store(true, Ordering::Release);
        log.grown.notify_all();
    });
}

/// The configuration of a broker that takes everybody and keeps sessions in `folder` when it ends, with these lines behind. `user root` because a
/// broker that root starts could not write there otherwise; for everybody else mosquitto doesn't heed it.
#[allow(dead_code)] // few need one that remembers
pub fn lasting(folder: impl AsRef<Path>, lines: &str) -> String {
    let path = folder.as_ref().display();
    format!(
        "user root\nallow_anonymous true\npersistence true\npersistence_location {path}/\nmax_queued_messages 0\n{lines}"
    )
}

/// A program of mosquitto's, in the search path or where Debian puts it.
///
/// # Panics
/// If it isn't there: a test that was asked for must not pass because it could not run.
pub fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")]);
    let mut places = folders.map(|folder| folder.join(program));
    places.find(|place| place.is_file()).unwrap_or_else(|| panic!("{program} is missing: run `cargo xtask setup`"))
}

/// A port below those that the system gives to outgoing connections, and never the same twice.
pub fn free_port() -> u16 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let candidates = std::iter::repeat_with(|| {
        let number = std::process::id().wrapping_mul(64) + COUNT.fetch_add(1, Ordering::Relaxed);
        20_000 + (number % 10_000) as u16
    });
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    candidates.take(10_000).find(is_free).expect("a port is free")
}

fn new_folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("pure-mqtt-mosquitto-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder can be made");
    open_to_all(&folder);
    folder
}

/// Started by root, mosquitto reads its files as another user.
fn open_to_all(folder: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("the folder is ours");
    }
    #[cfg(not(unix))]
    let _ = folder;
}
