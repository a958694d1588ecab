//! A program under test as a process of its own: started, watched through its output, ended.
//! It does not know what the program does.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use tempfile::NamedTempFile;

use crate::{
    eventually,
    spawning::{bound, spawn_bound},
};

/// A running program; killed when dropped, and when the test's own process ends. What it prints goes to one file.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: NamedTempFile,
}

impl Process {
    /// Starts a binary of the workspace with the environment of the test and `environment`.
    ///
    /// `tests/run.sh` has built all of them; after a change, a run without it starts the old one.
    ///
    /// # Panics
    /// When the binary cannot be built or started.
    pub fn start(binary: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(path_of(binary));
        command.args(arguments).envs(environment.iter().copied());
        Self::spawn(binary, &command)
    }

    /// Starts any program.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn(name: &str, command: &Command) -> Self {
        let output = NamedTempFile::new().expect("a temporary file");
        let stdout = output.reopen().expect("the temporary file again");
        let stderr = stdout.try_clone().expect("the temporary file again");
        let mut command = bound(command);
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        let child = spawn_bound(command).unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Self { name: name.into(), child, output }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has printed so far, to standard output and standard error.
    pub fn output(&self) -> String {
        let bytes = std::fs::read(self.output.path()).expect("the output file");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until it has printed a whole line that contains `text`, and returns that line.
    ///
    /// # Panics
    /// After `deadline`, or when the process has ended without it; with the end of its output.
    pub async fn wait_for_line(&mut self, deadline: Duration, text: &str) -> String {
        eventually(deadline, || {
            let ended = self.has_ended();
            let output = self.output();
            let whole_lines = output.rfind('\n').map_or("", |end| &output[..end]);
            let line = whole_lines.lines().find(|line| line.contains(text)).map(str::to_owned);
            assert!(line.is_some() || !ended, "{} ended without {text:?}:\n{}", self.name, tail(&output));
            let seen = line.ok_or_else(|| format!("no line with {text:?} in\n{}", tail(&output)));
            async move { seen }
        })
        .await
    }

    /// Waits until a GET of `url` answers with a 2xx status.
    ///
    /// # Panics
    /// After `deadline`, or when the process has ended; with the end of its output.
    pub async fn wait_for_url(&mut self, deadline: Duration, url: &str) {
        let client = reqwest::Client::new();
        eventually(deadline, || {
            let output = tail(&self.output());
            assert!(!self.has_ended(), "{} ended before {url} answered:\n{output}", self.name);
            let request = client.get(url).send();
            async move {
                let answer = match request.await {
                    Ok(response) if response.status().is_success() => return Ok(()),
                    Ok(response) => response.status().to_string(),
                    Err(error) => error.to_string(),
                };
                Err(format!("{url}: {answer}; output:\n{output}"))
            }
        })
        .await;
    }

    /// Waits until something accepts connections at `address`.
    ///
    /// # Panics
    /// After `deadline`, or when the process has ended; with the end of its output.
    pub async fn wait_for_port(&mut self, deadline: Duration, address: SocketAddr) {
        eventually(deadline, || {
            let output = tail(&self.output());
            assert!(!self.has_ended(), "{} ended before it listened on {address}:\n{output}", self.name);
            async move {
                let connected = tokio::net::TcpStream::connect(address).await;
                connected.map(drop).map_err(|error| format!("{address}: {error}; output:\n{output}"))
            }
        })
        .await;
    }

    /// Sends the signal of that name (`TERM`, `STOP`, `CONT`, ...).
    ///
    /// # Panics
    /// When there is no such process or signal.
    pub fn signal(&self, signal: &str) {
        // The shell's own `kill` is everywhere; the program is not.
        let command = format!("kill -{signal} {}", self.id());
        let sent = Command::new("sh").args(["-c", &command]).status().expect("a shell");
        assert!(sent.success(), "{command} ({}) failed", self.name);
    }

    /// Asks it to stop with SIGTERM and waits for its end.
    ///
    /// # Panics
    /// When it has not ended after `deadline`; with the end of its output.
    pub async fn terminate(&mut self, deadline: Duration) -> ExitStatus {
        self.signal("TERM");
        self.wait_for_end(deadline).await
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// When it has not ended after `deadline`; with the end of its output.
    pub async fn wait_for_end(&mut self, deadline: Duration) -> ExitStatus {
        eventually(deadline, || {
            let status = self.child.try_wait().expect("a child of ours");
            let seen = status.ok_or_else(|| format!("{} still runs; output:\n{}", self.name, tail(&self.output())));
            async move { seen }
        })
        .await
    }

    /// The most memory it has ever had, in MiB.
    ///
    /// # Panics
    /// When it has ended.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).expect("a running process");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel's count");
        peak.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") >> 10
    }

    /// Sends a signal, if it still runs, and gives it so much time to end.
    pub(crate) fn end_with(&mut self, signal: &str, patience: Duration) {
        let deadline = Instant::now() + patience;
        if !self.has_ended() {
            self.signal(signal);
        }
        while !self.has_ended() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        // A process that has ended already is what was wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// The package of a binary has the binary's name. The test itself runs from `deps` below the binaries' directory.
pub(crate) fn path_of(binary: &str) -> PathBuf {
    static BUILDING: Mutex<()> = Mutex::new(());
    let test = std::env::current_exe().expect("the path of this test");
    let directory = test.parent().and_then(Path::parent).expect("a build directory");
    let path = directory.join(binary);
    let _one_at_a_time = BUILDING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if File::open(&path).is_err() {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--locked", "--package", binary, "--bin", binary]);
        cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
        if directory.ends_with("release") {
            cargo.arg("--release");
        }
        let built = cargo.status().unwrap_or_else(|error| panic!("cannot run cargo: {error}"));
        assert!(built.success() && path.exists(), "cargo did not build {}", path.display());
    }
    path
}
