#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Who may what: each route and each method of gRPC, as each user, token and certificate of each role, is answered as martlet-api(7)
says, over HTTP/1.1, HTTP/2 and gRPC; tokens end when they are revoked or over, also on connections that are open."""
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "fixtures")]
import frames
from appliance import MARTLETCTL, MARTLETD, ROOT, Appliance, Tap, UnixHTTP, enter_private_network, receive_all, skip_all, wait_for
from http_tls import authority, context, issue, openssl
from protobuf import framed

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
ROLES = ["none", "client", "viewer", "operator", "admin"]
MANAGED, MUTUAL, CAPPED, LOCAL, OPEN, EITHER = 7801, 7802, 7803, 7804, 7805, 7806
USERS = {"none": 60000, "client": 60001, "viewer": 60002, "operator": 60003, "admin": 60004}
METHODS = {"/inference.GRPCInferenceService/ServerLive": "none", "/grpc.health.v1.Health/Check": "none",
           "/inference.GRPCInferenceService/ServerMetadata": "client", "/inference.GRPCInferenceService/ModelMetadata": "client",
           "/inference.GRPCInferenceService/ModelInfer": "client", "/inference.GRPCInferenceService/ModelConfig": "client",
           "/inference.GRPCInferenceService/ModelStatistics": "client", "/inference.GRPCInferenceService/ModelReady": "client",
           "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": "client",
           "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": "client",
           "/inference.GRPCInferenceService/RepositoryIndex": "viewer",
           "/inference.GRPCInferenceService/RepositoryModelLoad": "operator",
           "/inference.GRPCInferenceService/RepositoryModelUnload": "operator"}


def routes():
    """(method, path): role, as the manual has them."""
    with open(os.path.join(ROOT, "docs", "martlet-api.7")) as f:
        text = f.read().split(".SH ROLES\n")[1].split(".SH ROUTES\n")[0]
    found, role = {}, None
    for line in text.split("\n"):
        if line.startswith(".B ") and line[3:] in ROLES:
            role = line[3:]
        elif match := re.fullmatch(r"(GET|PUT|POST|DELETE) (/\S*)", line):
            found[match.groups()] = role
    return found


def table():
    with open(os.path.join(ROOT, "ctl", "server", "routes.c")) as f:
        return {(m, p): r.lower() for m, p, r in re.findall(r'\{ HTTP_(\w+),\s*"([^"]+)",\s*ROUTE_\w+,\s*ROLE_(\w+),', f.read())}


def ask(connection, method, path, token=None):
    """Where the role is large enough the handler finds nothing to do: there is no such model, and the body is none."""
    path = path.replace("{model}", "none").replace("{version}", "1")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connection.request(method, path, b'{"' if method in ("PUT", "POST") else None, headers)
    reply = connection.getresponse()
    text = reply.read()
    return reply.status, reply.headers, text


def wanted(role, needed, known):
    """The status of a refusal; 0: it is none."""
    if ROLES.index(role) >= ROLES.index(needed):
        return 0
    return 403 if known else 401


def walk(tap, name, connect, role, known, token=None, stranger=False):
    connection, wrong, asked = connect(), [], 0
    for (method, path), needed in routes().items():
        status, headers, text = ask(connection, method, path, token)
        want = 403 if stranger else wanted(role, needed, known)
        fine = status == want if want else status not in (401, 403, 429)
        if want:
            fine = fine and list(json.loads(text)) == ["error"] and headers["Content-Type"] == "application/json"
            fine = fine and headers["WWW-Authenticate"] == ("Bearer" if want == 401 else None)
        asked += 1
        if not fine:
            wrong.append(f"{method} {path}: {status}, not {want}: {text[:120]}")
        if headers["Connection"] == "close":
            connection.close()
            connection = connect()
    connection.close()
    tap.check(f"{name}: each of {asked} routes", asked > 50 and not wrong, "; ".join(wrong))


def as_user(uid, a, *command):
    return subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command], capture_output=True, text=True, cwd="/")


class ConnectAs:
    """Connects to the UNIX socket as another user: the kernel remembers who did."""

    def __init__(self, path, uid):
        self.path, self.uid = path, uid

    def __call__(self):
        mine, theirs = socket.socketpair()
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(self.uid)
                os.setuid(self.uid)
                s = socket.socket(socket.AF_UNIX)
                s.connect(self.path)
                socket.send_fds(theirs, [b"x"], [s.fileno()])
            finally:
                os._exit(0)
        theirs.close()
        os.waitpid(child, 0)
        fds = socket.recv_fds(mine, 1, 1)[1]
        mine.close()
        connection = UnixHTTP(self.path)
        connection.sock = socket.socket(fileno=fds[0])
        connection.sock.settimeout(60)
        return connection


def tls(folder, port, client=None):
    return lambda: http.client.HTTPSConnection("localhost", port, timeout=60, context=context(folder, client))


def grpc(folder, port, path, *more, where="https://localhost", message=framed(b"")):
    """The status of a call."""
    body = os.path.join(folder, "call")
    with open(body, "wb") as f:
        f.write(message)
    done = subprocess.run(["curl", "-s", "-m", "60", "--http2" if where.startswith("https") else "--http2-prior-knowledge", "--cacert",
                           f"{folder}/ca.pem", "--data-binary", "@" + body, "-H", "Content-Type: application/grpc", "-D", "-", "-o", "/dev/null",
                           *more, f"{where}:{port}{path}" if port else where + path], capture_output=True, text=True)
    status = re.findall(r"^grpc-status: (\d+)", done.stdout, re.M)
    return int(status[-1]) if status else done.stdout + done.stderr


def walk_grpc(tap, name, folder, port, role, known, *more, **where):
    wrong = []
    for path, needed in METHODS.items():
        refusal = wanted(role, needed, known)
        want = {0: None, 401: 16, 403: 7}[refusal]
        got = grpc(folder, port, path, *more, **where)
        if got != want if want else got in (7, 16) or not isinstance(got, int):
            wrong.append(f"{path}: {got}, not {want}")
    tap.check(f"{name}: each method of gRPC", not wrong, "; ".join(wrong))


def create(a, name, role, *more):
    done = subprocess.run([MARTLETCTL, "token", "create", name, "--role", role, "--file", f"{a.dir}/tokens", *more], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


def revoke(a, name):
    subprocess.run([MARTLETCTL, "token", "revoke", name, "--file", f"{a.dir}/tokens"], check=True, capture_output=True)


def status_of(connection, path, token):
    return ask(connection, "GET", path, token)[0]


def users(tap, a):
    os.chmod(a.dir, 0o755)
    for role, uid in USERS.items():
        if role == "none":
            continue
        walk(tap, f"a user whose role is {role}", ConnectAs(a.sock, uid), role, True)
    done = as_user(USERS["none"], a, MARTLETCTL, "-s", a.sock, "status")
    tap.check("whom the configuration does not name cannot connect", done.returncode == 1 and "no permission to connect" in done.stderr, done.stderr)
    os.chmod(a.sock, 0o666)  # and if he could
    walk(tap, "a user who has no role", ConnectAs(a.sock, USERS["none"]), "none", True, stranger=True)
    walk(tap, "root", lambda: UnixHTTP(a.sock), "admin", True)
    status, _, text = ask(ConnectAs(a.sock, 60000)(), "GET", "/v2/health/live")
    tap.check("a stranger is told who may", status == 403 and b"only root, martletd's own user" in text, str(text))
    token = create(a, "local", "admin")
    tap.check("a token is no help on the UNIX socket", ask(ConnectAs(a.sock, 60002)(), "PUT", "/v1/config", token)[0] == 403)


def tokens(tap, a, folder, token):
    walk(tap, "nobody, where a token is required", tls(folder, MANAGED), "none", False)
    for role in ROLES[1:]:
        walk(tap, f"a token whose role is {role}", tls(folder, MANAGED), role, True, token[role])
        walk_grpc(tap, f"a token whose role is {role}", folder, MANAGED, role, True, "-H", f"Authorization: Bearer {token[role]}")
    walk_grpc(tap, "nobody", folder, MANAGED, "none", False)
    walk(tap, "an admin's token where viewers are the most", tls(folder, CAPPED), "viewer", True, token["admin"])
    walk(tap, "nobody, where none is required", tls(folder, CAPPED), "client", False)
    walk(tap, "an operator's token in the clear, on loopback", lambda: http.client.HTTPConnection("127.0.0.1", LOCAL, timeout=60), "operator",
         True, token["operator"])
    for how in ("--http2", "--http1.1"):
        got = []
        for t, path in (("viewer", "/v1/status"), ("viewer", "/v1/tokens"), (None, "/v1/status")):
            header = ["-H", f"Authorization: Bearer {token[t]}"] if t else []
            got.append(subprocess.run(["curl", "-s", how, "--cacert", f"{folder}/ca.pem", "-o", "/dev/null", "-w", "%{http_code}", *header,
                                       f"https://localhost:{MANAGED}{path}"], capture_output=True, text=True).stdout)
        tap.check(f"curl {how}", got == ["200", "403", "401"], str(got))


def certificates(tap, folder):
    for role in ROLES[1:]:
        name = f"gate-{role}"
        walk(tap, f"a certificate whose role is {role}", tls(folder, MUTUAL, name), role, True)
        walk_grpc(tap, f"a certificate whose role is {role}", folder, MUTUAL, role, True, "--cert", f"{folder}/{name}.pem", "--key", f"{folder}/{name}.key")
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "two.key", "-out", "two.csr", "-subj",
            "/CN=somebody/CN=gate-admin", "-addext", "subjectAltName=DNS:gate-admin,URI:gate-admin")
    openssl(folder, "x509", "-req", "-in", "two.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "77", "-days", "2", "-copy_extensions", "copy",
            "-out", "two.pem")
    walk(tap, "a certificate with two common names, and the name in other places", tls(folder, MUTUAL, "two"), "client", True)
    walk(tap, "a certificate that no list names", tls(folder, MUTUAL, "stray"), "client", True)


def either(tap, folder, token):
    """Where a token is required and certificates are asked for, one of the two will do."""
    walk(tap, "a token alone, where certificates are asked for", tls(folder, EITHER), "operator", True, token["operator"])
    walk(tap, "a certificate alone, where tokens are", tls(folder, EITHER, "gate-operator"), "operator", True)
    walk(tap, "a token beside a certificate", tls(folder, EITHER, "gate-admin"), "viewer", True, token["viewer"])
    walk(tap, "neither of them", tls(folder, EITHER), "none", False)
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "forged.key", "-out", "forged.pem",
            "-days", "2", "-subj", "/CN=gate-admin")
    for port, name, what in ((EITHER, "forged", "a certificate that nobody known signed, beside a token"), (MUTUAL, None, "a token where a certificate is demanded")):
        try:
            got = status_of(tls(folder, port, name)(), "/v1/status", token["admin"])
        except OSError as e:
            got = e
        tap.check(f"{what}: no connection", isinstance(got, OSError), str(got))


def wrong_tokens(tap, a, folder, token):
    """Of every length, with wrong letters, of nobody: one answer."""
    good, answers = token["viewer"], set()
    tries = [good[:n] for n in range(47)] + [good + "A" * n for n in range(1, 60)] + ["mlt_" + "A" * 43, "mlt_" + "!" * 43, "MLT_" + good[4:],
             good[:-1] + "\x01", good[:20] + "=" + good[21:], good.swapcase()]
    slow = 0
    for text in tries:
        while True:
            c = tls(folder, MANAGED)()
            try:
                c.putrequest("GET", "/v1/status")
                c.putheader("Authorization", ("Bearer " + text).encode())
                c.endheaders()
                reply = c.getresponse()
                answer = reply.status, reply.headers["WWW-Authenticate"], reply.read()
            finally:
                c.close()
            if answer[0] != 429:
                break
            slow += 1
            time.sleep(0.1)
        if text == good[:20] or answer[0] != 400:  # a control character is no header
            answers.add(answer)
    one = {(401, "Bearer", b'{"error":"the token is not valid"}'), (401, "Bearer", b'{"error":"this takes the role viewer: send a token, as '
                                                                                  b'Authorization: Bearer mlt_..."}')}
    tap.check("tokens that are none: one answer, and for none at all another", answers <= one and len(answers) >= 1, str(answers))
    # Sent at once, so that they come faster than they may, however busy the machine is.
    many, told = b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer mlt_guess\r\n\r\n" * 50, b""
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", LOCAL), timeout=60) as s:
            s.sendall(many)
            s.shutdown(socket.SHUT_WR)
            told = receive_all(s)
        if b"HTTP/1.1 429 " in told:
            break
    slow += told.count(b"HTTP/1.1 429 ")
    tap.check("too many of them are slowed down", b"HTTP/1.1 429 " in told, str(told[-400:]))
    refused = a.api("GET", "/v1/status")[1]["api"]["refused"]
    tap.check("they are counted", refused["unauthenticated"] > 100 and refused["guesses"] >= slow, str((slow, refused)))
    log = a.log_text()
    tap.check("and told, without the token", "was refused: its token is not known" in log and good[4:20] not in log, log[-800:])
    tap.check("the good one is good after a moment", wait_for(lambda: status_of(tls(folder, MANAGED)(), "/v1/status", good) == 200))


def times(tap, a, folder):
    later = create(a, "later", "viewer", "--not-before", "1h")
    c = tls(folder, MANAGED)()
    # On a busy machine it may be over before it was asked for: then one that lives longer.
    for seconds in (8, 60, 300):
        name = f"short-{seconds}"
        short = create(a, name, "viewer", "--expires", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds)))
        if taken := wait_for(lambda: status_of(c, "/v1/status", short) == 200, seconds):
            break
    tap.check("a token that is new is taken without a reload", taken)
    tap.check("one is not valid yet", status_of(c, "/v1/status", later) == 401)
    tap.check("one expires, on a connection that is open", wait_for(lambda: status_of(c, "/v1/status", short) == 401, seconds + 60))
    listed = {t["name"]: t for t in a.api("GET", "/v1/tokens")[1]["tokens"]}
    tap.check("the list says so", listed[name]["state"] == "expired" and listed["later"]["state"] == "not yet valid" and listed[name]["last_used"]
              and not listed["later"]["last_used"], str(listed))


def read_some(sock, what, seconds=20):
    sock.settimeout(seconds)
    got = b""
    while what not in got:
        piece = sock.recv(65536)
        if not piece:
            break
        got += piece
    return got


def revoked(tap, a, folder):
    """On HTTP/1.1, on HTTP/2, and on a call of gRPC that stays open."""
    from http2 import DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame, head
    token = create(a, "doomed", "viewer")
    c = tls(folder, MANAGED)()
    tap.check("the token is good", wait_for(lambda: status_of(c, "/v1/status", token) == 200))
    bearer = (b"authorization", b"Bearer " + token.encode())
    how = context(folder)
    how.set_alpn_protocols(["h2"])
    h2 = how.wrap_socket(socket.create_connection(("localhost", MANAGED)), server_hostname="localhost")
    h2.sendall(PREFACE + frame(SETTINGS) + frame(HEADERS, END_STREAM | END_HEADERS, 1, head(path=b"/v1/drops", more=[bearer])))
    tap.check("and over HTTP/2", b'"drops"' in read_some(h2, b'"drops"'))
    call = [(b"content-type", b"application/grpc"), (b"te", b"trailers"), bearer]
    h2.sendall(frame(HEADERS, END_HEADERS, 3, head(b"POST", b"/grpc.health.v1.Health/Watch", call)) + frame(DATA, END_STREAM, 3, framed(b"")))
    tap.check("somebody watches", b"\x08\x01" in read_some(h2, b"\x08\x01"))
    revoke(a, "doomed")
    tap.check("revoked: 401 on the open connection", wait_for(lambda: status_of(c, "/v1/status", token) == 401))
    h2.sendall(frame(HEADERS, END_STREAM | END_HEADERS, 5, head(path=b"/v1/drops", more=[bearer])))
    got = read_some(h2, b"not valid\"}")
    tap.check("over HTTP/2", b"the token is not valid" in got, str(got))
    end = b"\x01\x05\0\0\0\x03"  # HEADERS that end the stream of the one who watches
    got += b"" if end in got else read_some(h2, end)
    tap.check("who watches is told, and it ends", end in got, str(got))
    again = create(a, "doomed", "viewer")  # rotation: the same name, another token
    tap.check("another one of the same name is good, the old one is not", wait_for(lambda: status_of(c, "/v1/status", again) == 200)
              and status_of(c, "/v1/status", token) == 401)


def bad_file(tap, a, folder, token):
    c = tls(folder, MANAGED)()
    with open(f"{a.dir}/tokens") as f:
        good = f.read()
    with open(f"{a.dir}/tokens", "a") as f:
        f.write("nonsense\n")
    wait_for(lambda: "the tokens of before stay" in a.log_text())
    tap.check("a file that is none is told, and the tokens of before stay", "tokens: line" in a.log_text() and status_of(c, "/v1/status", token["viewer"]) == 200,
              a.log_text()[-600:])
    with open(f"{a.dir}/tokens", "w") as f:
        f.write(good)
    os.chmod(f"{a.dir}/tokens", 0o666)
    tap.check("one that others can write is refused", wait_for(lambda: "others can write it" in a.log_text()), a.log_text()[-600:])
    done = subprocess.run([MARTLETCTL, "token", "create", "x", "--role", "admin", "--file", f"{a.dir}/tokens"], capture_output=True, text=True)
    tap.check("by martletctl, too", done.returncode == 1 and "others can write it" in done.stderr, done.stderr)
    os.chmod(f"{a.dir}/tokens", 0o644)


def tool(tap, a, folder, token):
    def run(*args, env=None):
        return subprocess.run([MARTLETCTL, *args], capture_output=True, text=True, env={**os.environ, **(env or {})})
    secret = os.path.join(folder, "token")
    with open(secret, "w") as f:
        f.write(token["operator"] + "\n")
    os.chmod(secret, 0o600)
    url = ("-s", f"https://localhost:{MANAGED}", "--ca", f"{folder}/ca.pem")
    done = run(*url, "--token-file", secret, "model", "list")
    tap.check("martletctl over TLS with a token", done.returncode == 0 and "lab" in done.stdout, done.stderr)
    done = run(*url, "status", env={"MARTLET_TOKEN_FILE": secret})
    tap.check("named by the environment", done.returncode == 0 and "ready" in done.stdout, done.stderr)
    done = run("stats", "reset", *url, "--token-file", secret)
    tap.check("it changes something, and the log says who", done.returncode == 0 and "stats: counted from here on, by token t-operator" in a.log_text(),
              done.stderr)
    done = run(*url, "--token-file", secret, "token", "list")
    tap.check("what takes a larger role is refused", done.returncode == 1 and "this takes the role admin, and token t-operator has operator" in done.stderr,
              done.stderr)
    done = run(*url, "status")
    tap.check("without a token", done.returncode == 1 and "send a token" in done.stderr, done.stderr)
    done = run("-s", f"https://localhost:{MUTUAL}", "--ca", f"{folder}/ca.pem", "--client-cert", f"{folder}/gate-admin.pem", "--client-key",
               f"{folder}/gate-admin.key", "token", "list")
    tap.check("with a certificate", done.returncode == 0 and "t-viewer" in done.stdout and "valid" in done.stdout, done.stderr)
    os.chmod(secret, 0o644)
    done = run(*url, "--token-file", secret, "status")
    tap.check("a token that others can read is not sent", done.returncode == 1 and "others can read this secret" in done.stderr, done.stderr)
    os.chmod(secret, 0o600)
    clear, no_server = "over https:// alone", "http://HOST:PORT or https://HOST:PORT is wanted"
    for where, why in (("192.0.2.1:1", clear), ("127.example.invalid:1", clear), ("127.0.0.1.example.invalid", clear), ("localhost.example.invalid", clear),
                       ("127.0.0.1:1@192.0.2.1:1", no_server), ("localhost:1@192.0.2.1:1", no_server)):
        done = run("-s", f"http://{where}", "--token-file", secret, "status")
        tap.check(f"nor one in the clear, to {where}", done.returncode == 1 and why in done.stderr, done.stderr)
    done = run("-s", "http://127.0.0.1:1", "--token-file", secret, "status")
    tap.check("but to this machine", done.returncode == 1 and "over https:// alone" not in done.stderr, done.stderr)
    with open(secret, "w") as f:
        f.write("secret")
    done = run(*url, "--token-file", secret, "status")
    tap.check("nor what is none", done.returncode == 1 and "is no token" in done.stderr and "secret\n" not in done.stderr, done.stderr)
    done = run("token", "list", "--file", f"{a.dir}/tokens")
    tap.check("the file alone", done.returncode == 0 and "t-admin" in done.stdout, done.stderr)
    for args, words in ((("token", "create", "t-admin", "--role", "viewer"), "there is a token 't-admin' already"),
                        (("token", "create", "a", "--role", "viewer", "--expires", "1h", "--not-before", "2h"), "would expire before it is valid"),
                        (("token", "revoke", "nobody"), "there is no token 'nobody'")):
        done = run(*args, "--file", f"{a.dir}/tokens")
        tap.check(" ".join(args), done.returncode == 1 and words in done.stderr, done.stderr)
    for args in (("token", "create", "a b", "--role", "viewer"), ("token", "create", "a", "--role", "root"), ("token", "create", "a"),
                 ("token", "create", "a", "--role", "viewer", "--expires", "soon"), ("token", "create", "a", "--role", "viewer", "--expires", "2001-01-01")):
        done = run(*args, "--file", f"{a.dir}/tokens")
        tap.check(" ".join(args) + ": usage", done.returncode == 2 and done.stderr, done.stderr)


def configuration(tap, a):
    def check(**lines):
        text = open(a.conf).read()
        for old, new in lines.values():
            assert old in text, old
            text = text.replace(old, new)
        path = os.path.join(a.dir, "other.conf")
        with open(path, "w") as f:
            f.write(text)
        return subprocess.run([MARTLETD, "-c", path, "--check"], capture_output=True, text=True)
    done = check()
    tap.check("the configuration is good", done.returncode == 0, done.stderr)
    done = check(a=(f'"127.0.0.1:{LOCAL}"', f'"0.0.0.0:{LOCAL}"'))
    tap.check("management in the clear beyond loopback is refused", done.returncode == 1 and "takes TLS where others than this machine" in done.stderr, done.stderr)
    done = check(a=('tokens = "', 'keys = "'))
    tap.check("management without anything to know people by is refused", done.returncode == 1 and "takes something to know people by" in done.stderr, done.stderr)


def reloaded(tap, a, folder, token):
    """Roles that are taken away are gone on connections that are open, too."""
    user, cert = ConnectAs(a.sock, USERS["operator"])(), tls(folder, MUTUAL, "gate-operator")()
    capped = tls(folder, CAPPED)()
    before = [ask(user, "POST", "/v1/stats/reset")[0], ask(cert, "POST", "/v1/stats/reset")[0], ask(capped, "GET", "/v1/drops", token["viewer"])[0]]
    with open(a.conf) as f:
        text = f.read()
    with open(a.conf, "w") as f:
        f.write(re.sub(r"operators = \[.*?\];", "operators = [ ];", text).replace('role = "viewer";', 'role = "client";'))
    done = a.ctl("config", "apply", a.conf)
    after = [ask(user, "POST", "/v1/stats/reset")[0], ask(cert, "POST", "/v1/stats/reset")[0], ask(capped, "GET", "/v1/drops", token["viewer"])[0]]
    tap.check("a reload takes roles away", before == [400, 400, 200] and after == [403, 403, 403], f"{before} {after} {done.stdout}")
    done = as_user(USERS["operator"], a, MARTLETCTL, "-s", a.sock, "status")
    tap.check("... and the way in", done.returncode == 1 and "no permission to connect" in done.stderr, done.stderr)


def used_is_kept(tap, a):
    before = {t["name"]: t["last_used"] for t in a.api("GET", "/v1/tokens")[1]["tokens"]}
    a.stop()
    a.start()
    after = {t["name"]: t["last_used"] for t in a.api("GET", "/v1/tokens")[1]["tokens"]}
    tap.check("when tokens were used last is known after a restart", before["t-viewer"] and before == after, f"{before} {after}")


def main():
    if os.geteuid() or not enter_private_network():
        skip_all("needs root and network namespaces")
    tap = Tap()
    tap.check("the manual has the roles of the table", routes() == table(), str(set(routes().items()) ^ set(table().items())))
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{frames.compile_lab_image()}"; }}']) as a:
        folder = a.dir
        authority(folder)
        for i, name in enumerate(("server", "stray", *(f"gate-{r}" for r in ROLES[1:]))):
            issue(folder, name, i + 1)
        files = f'certificate = "{folder}/server.pem"; key = "{folder}/server.key";'
        all_of_it = 'serves = [ "infer", "metrics", "manage" ];'
        with open(a.conf) as f:
            text = f.read()
        http_ = f"""http = ( {{ listen = "127.0.0.1:{MANAGED}"; {all_of_it} require_token = true; tls = {{ {files} }}; }},
            {{ listen = "127.0.0.1:{MUTUAL}"; {all_of_it} tls = {{ {files} client_ca = "{folder}/ca.pem"; }}; }},
            {{ listen = "127.0.0.1:{EITHER}"; {all_of_it} require_token = true; tls = {{ {files} client_ca = "{folder}/ca.pem"; }}; }},
            {{ listen = "127.0.0.1:{CAPPED}"; {all_of_it} role = "viewer"; tls = {{ {files} }}; }},
            {{ listen = "127.0.0.1:{LOCAL}"; {all_of_it} }} ); address_connections = 200; handshakes_per_second = 1000; """
        lists = "".join(f'{r}s = [ "user:{USERS[r]}", "certificate:CN=gate-{r}" ]; ' for r in ROLES[1:])
        with open(a.conf, "w") as f:
            f.write(text.replace("control = {", "control = { " + http_) + f'trust = {{ tokens = "{folder}/tokens"; {lists} }};\n')
        token = {role: create(a, f"t-{role}", role) for role in ROLES[1:]}
        a.start()
        configuration(tap, a)
        users(tap, a)
        tokens(tap, a, folder, token)
        certificates(tap, folder)
        either(tap, folder, token)
        times(tap, a, folder)
        revoked(tap, a, folder)
        bad_file(tap, a, folder, token)
        tool(tap, a, folder, token)
        wrong_tokens(tap, a, folder, token)
        used_is_kept(tap, a)
        reloaded(tap, a, folder, token)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-2000:])
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
