//! The tools that people use today, at the other end: nc, ncat, socat, openssl, Python's socketserver.

use landline_testkit::{Machine, Office, needs};

use super::{Listening, listen, office};

/// A landline machine and a shell.
fn both() -> (Office, Office, Machine, Machine) {
    let (ours, theirs) = (office(), Office::new("/bin/sh"));
    let (machine, shell) = (ours.machine("landline"), theirs.machine("shell"));
    (ours, theirs, machine, shell)
}

/// `line` in a shell; `$PORT` and `$PATH_TO` are those of the server.
#[track_caller]
fn asks(shell: &Machine, server: &Listening, line: &str, answer: &str) {
    let place = server.endpoint.rsplit(':').next().unwrap();
    shell.cmd(["-c", line]).env("PORT", place).env("SOCKET", place).succeeds().stdout(answer);
}

#[test]
fn netcat_is_answered_and_answers() {
    if !needs("nc") {
        return;
    }
    let (_a, _b, machine, shell) = both();
    let echo = listen(&machine, ["127.0.0.1:0", "--service", "echo"]);
    asks(&shell, &echo, "printf hello | nc -N 127.0.0.1 $PORT", "hello");
    let path = machine.work().join("s");
    let unix = listen(&machine, [format!("unix:{}", path.display()).as_str(), "--service", "upper"]);
    asks(&shell, &unix, "printf hello | nc -N -U $SOCKET", "HELLO");
    let v6 = listen(&machine, ["tcp://[::1]:0", "--service", "echo"]);
    asks(&shell, &v6, "printf hello | nc -6 -N ::1 $PORT", "hello");
    let time = listen(&machine, ["udp://127.0.0.1:0", "--service", "upper"]);
    asks(&shell, &time, "printf hello | nc -u -w1 127.0.0.1 $PORT", "HELLO");

    // nc listens, at a name of its own so that no port has to be guessed.
    let name = shell.work().join("nc.sock");
    let server = shell.cmd(["-c", "printf answer | nc -N -lU \"$0\""]).arg(&name).spawn();
    let endpoint = format!("unix:{}", name.display());
    machine.cmd(["dial", &endpoint, "--wait", "60"]).stdin("question").succeeds().stdout("answer");
    server.wait().exits_with(0).stdout("question");
}

#[test]
fn ncat_is_answered_and_answers_also_by_tls() {
    if !needs("ncat") {
        return;
    }
    let (_a, _b, machine, shell) = both();
    let echo = listen(&machine, ["127.0.0.1:0", "--service", "echo"]);
    asks(&shell, &echo, "printf hello | ncat 127.0.0.1 $PORT", "hello");
    let tls = listen(&machine, ["tls://127.0.0.1:0", "--self-signed", "--service", "upper"]);
    asks(&shell, &tls, "printf hello | ncat --ssl 127.0.0.1 $PORT 2>/dev/null", "HELLO");
    let name = shell.work().join("ncat.sock");
    // Not with --exec: this version of ncat cuts the answer off at the end of the question (nmap/nmap#962).
    let server = shell.cmd(["-c", "printf answer | ncat -lU \"$0\""]).arg(&name).spawn();
    let endpoint = format!("unix:{}", name.display());
    machine.cmd(["dial", &endpoint, "--wait", "60"]).stdin("question").succeeds().stdout("answer");
    server.wait().exits_with(0).stdout("question");
}

#[test]
fn socat_is_answered_and_answers_on_every_kind() {
    if !needs("socat") {
        return;
    }
    let (_a, _b, machine, shell) = both();
    let echo = listen(&machine, ["127.0.0.1:0", "--service", "echo"]);
    asks(&shell, &echo, "printf hello | socat -t60 - TCP:127.0.0.1:$PORT", "hello");
    let udp = listen(&machine, ["udp://127.0.0.1:0", "--service", "upper"]);
    asks(&shell, &udp, "printf hello | socat -t1 - UDP:127.0.0.1:$PORT", "HELLO");
    let path = machine.work().join("s");
    for (kind, address) in [("unix", "UNIX-CONNECT"), ("unix-seqpacket", "UNIX-CONNECT")] {
        let server = listen(&machine, [format!("{kind}:{}{kind}", path.display()).as_str(), "--service", "upper"]);
        let socket_type = if kind == "unix" { "" } else { ",type=5" };
        asks(&shell, &server, &format!("printf hello | socat -t60 - {address}:$SOCKET{socket_type}"), "HELLO");
    }
    let abstract_name = format!("landline-socat-{}", std::process::id());
    let server = listen(&machine, [format!("unix:@{abstract_name}").as_str(), "--service", "upper"]);
    let line = format!("printf hello | socat -t60 - ABSTRACT-CONNECT:{abstract_name}");
    shell.cmd(["-c", &line]).succeeds().stdout("HELLO");
    drop(server);

    let name = shell.work().join("socat.sock");
    let server = shell.cmd(["-c", "exec socat UNIX-LISTEN:\"$0\" EXEC:cat"]).arg(&name).spawn();
    let endpoint = format!("unix:{}", name.display());
    machine.cmd(["dial", &endpoint, "--wait", "60"]).stdin("hello").succeeds().stdout("hello");
    server.wait().exits_with(0);
}

#[test]
fn openssl_is_answered_and_its_certificates_are_judged() {
    if !needs("openssl") {
        return;
    }
    let (_a, _b, machine, shell) = both();
    let make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
                -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out cert.pem 2>/dev/null";
    shell.cmd(["-c", make]).cwd(machine.work()).succeeds();
    let words = [
        "tls://localhost:0",
        "--cert",
        "cert.pem",
        "--cert-key",
        "key.pem",
        "--service",
        "upper",
        "--strip",
        "--one-answer",
    ];
    let running = machine.cmd(["listen"]).args(words).spawn();
    let endpoint = running.wait_for_line("listening on ");
    let server =
        Listening { running, endpoint: endpoint.replace("127.0.0.1", "localhost").replace("[::1]", "localhost") };
    let pem = machine.work().join("cert.pem");
    for version in ["-tls1_2", "-tls1_3"] {
        let line = format!(
            "printf 'hello\\n' | openssl s_client -quiet {version} -verify_return_error -CAfile '{}' \
             -connect localhost:$PORT 2>/dev/null",
            pem.display()
        );
        asks(&shell, &server, &line, "HELLO");
    }
    let dial = |words: &[&str]| machine.cmd(["dial", server.endpoint.as_str()]).args(words).stdin("hello");
    dial(&["--ca", "cert.pem"]).succeeds().stdout("HELLO");
    dial(&[]).fails_with(5).stderr_has("--pin"); // no authority of this system signed it
    let printed = shell.cmd(["-c", "openssl x509 -in \"$0\" -noout -fingerprint -sha256"]).arg(&pem).succeeds();
    let printed = String::from_utf8_lossy(printed.stdout_bytes()).into_owned();
    let pin = printed.trim().split('=').nth(1).unwrap();
    dial(&["--pin", pin]).succeeds().stdout("HELLO");
    machine.cmd(["listen", "tls://127.0.0.1:0", "--cert", "key.pem", "--cert-key", "key.pem"]).fails_with(2);
}

#[test]
fn pythons_socketserver_is_answered_and_answers() {
    if !needs("python3") {
        return;
    }
    let (_a, _b, machine, shell) = both();
    let program = "
import socketserver, sys
class Upper(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())
class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        data, socket = self.request
        socket.sendto(data.upper(), self.client_address)
kind, handler = (socketserver.ThreadingTCPServer, Upper) if sys.argv[1] == 'tcp' else (socketserver.ThreadingUDPServer, Datagram)
server = kind(('127.0.0.1', 0), handler)
print('port', server.server_address[1], flush=True)
server.serve_forever()
";
    for scheme in ["tcp", "udp"] {
        let server = shell.cmd(["-c", "exec python3 -c \"$0\" \"$1\"", program, scheme]).spawn();
        let endpoint = format!("{scheme}://127.0.0.1:{}", server.wait_for_stdout_line("port "));
        let framing = if scheme == "tcp" { "line" } else { "raw" };
        let asked = machine.cmd(["dial", &endpoint, "--turns", "--frame", framing]);
        asked.stdin("one\ntwo\n").succeeds().stdout("ONE\nTWO\n");
    }
}
