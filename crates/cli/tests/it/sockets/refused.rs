//! Wrong input: a clear message, the right exit code, and nothing done.

use landline_testkit::needs;

use super::{listen, office};

#[test]
fn the_ways_of_netcat_and_socat_are_answered_with_ours() {
    let office = office();
    let machine = office.machine("amy");
    for words in [&["dial", "127.0.0.1", "8080"][..], &["listen", "-l", "8080"], &["dial", "127.0.0.1:1", "-u"]] {
        machine.cmd(words).fails_with(2).stderr_has("part of the endpoint here: 127.0.0.1:8080, udp://");
    }
}

#[test]
fn what_is_no_endpoint_is_said_with_what_to_write() {
    let office = office();
    let machine = office.machine("amy");
    for verb in ["listen", "dial"] {
        for (endpoint, hint) in [
            ("127.0.0.1:70000", "0..=65535"),
            ("127.0.0.1:abc", "is no port"),
            ("127.0.0.1", "has no port"),
            ("sctp://h:1", "unix-seqpacket:"),
            ("udp:5", "udp://host:port"),
            ("fd:x", "fd:3"),
        ] {
            machine.cmd([verb, endpoint]).fails_with(2).stderr_has(hint);
        }
        machine.cmd([verb]).fails_with(2).stderr_has("Usage: landline");
        machine.cmd([verb, "127.0.0.1:0", "--frame", "morse"]).fails_with(2).stderr_has("i32le");
        machine.cmd([verb, "127.0.0.1:0", "--encoding", "klingon"]).fails_with(2).stderr_has("gbk");
        machine.cmd([verb, "127.0.0.1:0", "--auth", "sha1"]).fails_with(2).stderr_has("hmac-sha256");
        machine.cmd([verb, "127.0.0.1:0", "--auth", "mutual"]).fails_with(2).stderr_has("LANDLINE_KEY");
        machine.cmd([verb, "127.0.0.1:0", "--idle", "-1"]).fails_with(2);
        machine.cmd([verb, "127.0.0.1:0", "--bufsize", "0"]).fails_with(2);
        machine.cmd([verb, "127.0.0.1:0", "--ttl", "300"]).fails_with(2);
        machine.cmd([verb, "127.0.0.1:0", "--like", "nothing-like-it"]).fails_with(2).stderr_has("--like list");
        machine.cmd([verb, "unix:/tmp/x", "--cork"]).fails_with(2).stderr_has("--cork means nothing");
        machine.cmd([verb, "127.0.0.1:0", "--key-file", "x"]).fails_with(2).stderr_has("--auth");
        let no_file = machine.cmd([verb, "127.0.0.1:0", "--auth", "mutual", "--key-file", "none"]);
        no_file.fails_with(8).stderr_has("cannot read the key none");
    }
}

#[test]
fn options_that_would_do_nothing_are_refused() {
    let office = office();
    let machine = office.machine("amy");
    for option in [["--closing", "bye"], ["--answers", "1"], ["--every", "5"]] {
        machine.cmd(["dial", "127.0.0.1:1"]).args(option).fails_with(2).stderr_has("--turns");
    }
    for option in [["--table", "x"], ["--delay", "1"], ["--output", "streamed"], ["--slow", "block"]] {
        machine
            .cmd(["listen", "127.0.0.1:0", "--service", "echo"])
            .args(option)
            .fails_with(2)
            .stderr_has("only for --service");
    }
    machine.cmd(["listen", "udp://127.0.0.1:0", "--auth", "mutual"]).env("LANDLINE_KEY", "x".repeat(20)).fails_with(2);
}

#[test]
fn a_closed_port_is_refused_with_the_systems_number() {
    let office = office();
    let machine = office.machine("amy");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    machine.cmd(["dial", &free]).fails_with(4).stderr_has("connection refused (error 111)").stderr_has("--wait");
    let told = machine.cmd(["--json", "dial", &free]).fails_with(4).json_line();
    assert_eq!(told["error"]["errno"], 111);
    machine.cmd(["dial", "no-such-host.invalid:1"]).fails_with(4).stderr_has("no-such-host.invalid");
}

#[test]
fn a_second_server_on_a_port_says_so() {
    let office = office();
    let machine = office.machine("amy");
    let first = listen(&machine, ["127.0.0.1:0", "--service", "echo"]);
    let second = machine.cmd(["listen", first.endpoint.as_str(), "--service", "echo"]).fails_with(9);
    second.stderr_has("address already in use (error 98)").stderr_has("hint:");
    machine.cmd(["listen", "192.0.2.1:0"]).fails_with(8).stderr_has("none of this machine's");
}

#[test]
fn port_80_is_the_administrators() {
    if !needs("setpriv") || !needs("root") {
        return;
    }
    let people = landline_testkit::Office::new("/bin/sh");
    let guest = people.machine("guest");
    // Where the kernel lets everybody have low ports, there is nothing to be refused.
    let from = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    if from.trim().parse::<u32>().is_ok_and(|port| port <= 80) {
        return;
    }
    let binary = guest.work().join("landline");
    std::fs::copy(super::BIN, &binary).unwrap();
    let line = format!(
        "chmod -R a+rX {work}; cd /; HOME=/nonexistent exec setpriv --reuid 65534 --regid 65534 --clear-groups \
         --bounding-set=-all {binary} --home /nonexistent listen 127.0.0.1:80",
        work = guest.work().display(),
        binary = binary.display()
    );
    guest.cmd(["-c", &line]).fails_with(5).stderr_has("permission denied (error 13)").stderr_has("below 1024");
}

#[test]
fn broadcast_is_refused_without_being_asked_for() {
    let office = office();
    let machine = office.machine("amy");
    let asked = machine.cmd(["dial", "udp://255.255.255.255:9", "--say", "x", "--lines", "--linger", "0"]);
    asked.fails_with(5).stderr_has("--broadcast");
}

#[test]
fn a_shell_for_whoever_connects_is_refused() {
    let office = office();
    let machine = office.machine("amy");
    for endpoint in [":0", "tcp://0.0.0.0:0", "udp://*:0"] {
        machine
            .cmd(["listen", endpoint, "--service", "exec"])
            .fails_with(5)
            .stderr_has("a shell for whoever reaches it");
    }
    let asked = machine.cmd(["dial", "192.0.2.1:1", "--service", "exec", "--auth", "hmac-sha256"]);
    asked.env("LANDLINE_KEY", "x".repeat(20)).fails_with(5).stderr_has("--auth mutual");
    let key = ("LANDLINE_KEY", "a key that is long enough");
    let server = machine.cmd(["listen", ":0", "--service", "exec", "--auth", "mutual"]).env(key.0, key.1).spawn();
    let endpoint = server.wait_for_line("listening on ").replace('*', "127.0.0.1");
    let words = ["dial", endpoint.as_str(), "--auth", "mutual", "--say", "echo hello; echo err >&2; exit 3"];
    let done = machine.cmd(words).env(key.0, key.1).succeeds();
    let said = String::from_utf8_lossy(done.stdout_bytes()).into_owned();
    assert!(said.contains("hello\n") && said.contains("err\n"), "{said:?}");
}

#[test]
fn a_service_without_what_it_needs_says_what() {
    let office = office();
    let machine = office.machine("amy");
    machine.cmd(["listen", "127.0.0.1:0", "--service", "file"]).fails_with(2).stderr_has("--dir");
    machine.cmd(["listen", "127.0.0.1:0", "--service", "upload", "--dir", "none"]).fails_with(8).stderr_has("none");
    machine.write("table", "no answer here\n");
    let bot = machine.cmd(["listen", "127.0.0.1:0", "--service", "bot", "--table", "table"]);
    bot.fails_with(2).stderr_has("line 1");
    machine.cmd(["listen", "127.0.0.1:0", "--service", "bot", "--table", "none"]).fails_with(8);
}
