#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""control.http with tls: curl and Python's ssl are served, old versions and strangers are not, a certificate that is replaced is
served to who comes next and drops nobody, silent handshakes end."""
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import frames
from appliance import MARTLETD, Appliance, Tap, enter_private_network, receive_all, skip_all, wait_for

RING = '{ name = "edge"; device = "net_ring0"; addresses = [ "10.77.0.1/24" ]; }'
OPEN, MUTUAL = 7798, 7799


def openssl(folder, *args):
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


def issue(folder, name, serial):
    """A certificate of `name`'s for localhost, by the folder's authority."""
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
            f"{name}.csr", "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", str(serial), "-days", "2",
            "-copy_extensions", "copy", "-out", f"{name}.pem")


def authority(folder):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out",
            "ca.pem", "-subj", "/CN=authority", "-days", "2")


def context(folder, client=None):
    c = ssl.create_default_context(cafile=os.path.join(folder, "ca.pem"))
    c.set_alpn_protocols(["http/1.1"]) # http2.py asks for the other one
    if client:
        c.load_cert_chain(os.path.join(folder, f"{client}.pem"), os.path.join(folder, f"{client}.key"))
    return c


def connect(folder, port=OPEN, client=None):
    c = http.client.HTTPSConnection("localhost", port, timeout=20, context=context(folder, client))
    c.connect()
    return c


def get(c, path="/v2/health/live"):
    c.request("GET", path)
    reply = c.getresponse()
    return reply.status, reply.read()


def serial(c):
    return int(c.sock.getpeercert()["serialNumber"], 16)


def fails(call):
    try:
        call()
    except (OSError, http.client.HTTPException):
        return True
    return False


def served(tap, folder):
    c = connect(folder)
    tap.check("a request over TLS", get(c)[0] == 200)
    tap.check("TLS 1.3, http/1.1 by ALPN", (c.sock.version(), c.sock.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1"))
    tap.check("another on the same connection", get(c, "/v2/models/lab")[0] == 200)
    c.close()
    done = subprocess.run(["curl", "-sS", "--tls-max", "1.2", "--cacert", f"{folder}/ca.pem", "-o", "/dev/null", "-w", "%{http_code}",
                           f"https://localhost:{OPEN}/v2"], capture_output=True, text=True)
    tap.check("curl with TLS 1.2", done.stdout == "200", done.stdout + done.stderr)
    with open(os.path.join(folder, "large"), "wb") as f:
        f.write(bytes(3 << 20))
    done = subprocess.run(["curl", "-sS", "--cacert", f"{folder}/ca.pem", "--data-binary", f"@{folder}/large", "-w", "%{http_code}",
                           f"https://localhost:{OPEN}/v2/models/lab/infer"], capture_output=True, text=True)
    tap.check("a body of 3 MiB over TLS arrives", done.stdout.endswith("400") and "JSON" in done.stdout, done.stdout + done.stderr)
    s = context(folder).wrap_socket(socket.create_connection(("localhost", OPEN)), server_hostname="localhost")
    s.sendall(b"GET /v2/models/lab HTTP/1.1\r\nHost: a\r\n\r\n" * 100 + b"GET /v2 HTTP/1.0\r\n\r\n")
    got = receive_all(s)
    tap.check("101 requests in a row", got.count(b"HTTP/1.1 200 OK") == 101, str(got[-200:]))


def refused(tap, a, folder):
    old = ssl.create_default_context(cafile=os.path.join(folder, "ca.pem"))
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    only_h2 = context(folder)
    only_h2.set_alpn_protocols(["smtp"])
    for name, how in (("TLS 1.1", old), ("another protocol by ALPN", only_h2)):
        tap.check(f"{name} is refused", fails(lambda: how.wrap_socket(socket.create_connection(("localhost", OPEN)), server_hostname="localhost")))
    plain = http.client.HTTPConnection("localhost", OPEN, timeout=20)
    tap.check("HTTP without TLS is refused", fails(lambda: get(plain)))
    tap.check("without a certificate of one's own: refused", fails(lambda: get(connect(folder, MUTUAL))))
    tap.check("with one that the authority signed: served", get(connect(folder, MUTUAL, "client"))[0] == 200)
    silent = socket.create_connection(("localhost", OPEN), timeout=20)
    tap.check("a handshake that does not begin ends", silent.recv(1) == b"")
    handshakes = a.api("GET", "/v1/status")[1]["api"]["refused"]["handshake"]
    tap.check("they are counted", handshakes >= 5, str(handshakes))


def replaced(tap, a, folder):
    before = connect(folder)
    tap.check("the first certificate", serial(before) == 1 and get(before)[0] == 200, str(serial(before)))
    for name, number, sig in (("second", 2, None), ("third", 3, signal.SIGHUP)):
        issue(folder, name, number)
        for end in ("key", "pem"):  # each takes the place of the old one at once
            os.replace(os.path.join(folder, f"{name}.{end}"), os.path.join(folder, f"server.{end}"))
        if sig:
            a.proc.send_signal(sig)
        end = time.time() + 20
        while True:
            c = connect(folder)
            found = serial(c)
            c.close()
            if found == number or time.time() > end:
                break
            time.sleep(0.1)
        tap.check(f"the {name} certificate is served{' after SIGHUP' if sig else ''}", found == number, f"{found} {a.log_text()[-500:]}")
    tap.check("a connection of before goes on", get(before)[0] == 200)
    with open(os.path.join(folder, "server.pem"), "w") as f:
        f.write("nothing")
    wait_for(lambda: "the certificate of before stays" in a.log_text())
    tap.check("one that is none is told, and the one of before is served", "server.pem cannot be read as a certificate" in a.log_text()
              and serial(connect(folder)) == 3, a.log_text()[-500:])


def hello(folder):
    """The first message of a handshake."""
    out = ssl.MemoryBIO()
    try:
        context(folder).wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        return out.read()


def flooded(tap, a, folder):
    """Another address begins handshakes as fast as it can, and ends none: who comes from here is served in his time."""
    kept = connect(folder)
    first, crowd, slowest = hello(folder), [], 0.0

    def counted():
        refused = a.api("GET", "/v1/status")[1]["api"]["refused"]
        return refused.get("handshake_rate", 0), refused.get("handshakes_full", 0)

    def begin(n):
        for _ in range(n):
            try:
                s = socket.create_connection(("127.0.0.1", OPEN), timeout=20, source_address=("127.0.0.2", 0))
            except ConnectionResetError:
                continue  # refused before connect() returned
            crowd.append(s)
            try:
                s.sendall(first)
            except OSError:
                pass  # refused already
        while len(crowd) > 300:
            crowd.pop(0).close()
    fine = 0
    for _ in range(20):
        begin(50)
        began = time.time()
        c = connect(folder)
        fine += get(c)[0] == 200 and get(kept)[0] == 200
        c.close()
        slowest = max(slowest, time.time() - began)
    print(f"# the slowest handshake and two requests: {slowest * 1000:.0f} ms")
    tap.check("a flood of handshakes: a good client gets all of its own, and its answers", fine == 20, str(fine))
    tap.check("what is beyond the rate is counted", wait_for(lambda: (begin(100), counted()[0] > 0)[1]), str(counted()))
    with open(a.conf) as f:
        text = f.read()
    with open(a.conf, "w") as f:
        f.write(text.replace("header_seconds = 2;", "header_seconds = 2; handshakes_per_second = 100000; handshakes = 8;"))
    done = a.ctl("config", "apply", a.conf)
    tap.check("other limits take no restart", "handshakes_per_second" in done.stdout and "restart" not in done.stdout, done.stdout)
    rate = counted()[0]
    for _ in range(300):
        s = socket.create_connection(("127.0.0.1", OPEN), timeout=20, source_address=("127.0.0.2", 0))
        context(folder).wrap_socket(s, server_hostname="localhost").close()
    tap.check("300 handshakes of one address with a higher rate", counted()[0] == rate, str(counted()))
    before = counted()[1]
    tap.check("those that go no further make room", wait_for(lambda: (begin(8), counted()[1] > before)[1]), str(counted()))
    tap.check("for others", get(connect(folder))[0] == 200)
    for s in crowd:
        s.close()


def mistakes(tap, a, folder):
    openssl(folder, "ec", "-in", "server.key", "-aes256", "-passout", "pass:secret", "-out", "locked.key")
    for path, mode in ((a.dir, 0o755), (folder, 0o755), (os.path.join(folder, "server.pem"), 0o644), (os.path.join(folder, "server.key"), 0o600)):
        os.chmod(path, mode)
    for name, change, word in (("a certificate that is not there", ("server.pem", "none.pem"), "tls.certificate: "),
                               ("a key that is not there", ("server.key", "none.key"), "none.key cannot be read: No such file"),
                               ("a key that is another's", ("server.key", "client.key"), "client.key is not the certificate's key"),
                               ("a key with a password", ("server.key", "locked.key"), "locked.key is not the certificate's key"),
                               ("a key that the service's user may not read", ('user = ""', 'user = "nobody"'),
                                "server.key cannot be read as a key: Permission denied")):
        with open(a.conf) as f:
            text = f.read()
        conf = os.path.join(folder, "wrong.conf")
        with open(conf, "w") as f:
            f.write(text.replace(*change))
        done = subprocess.run([MARTLETD, "-c", conf], capture_output=True, text=True, timeout=120)
        tap.check(f"{name} is refused at start", done.returncode == 1 and "control.http[0].tls" in done.stderr and word in done.stderr, done.stderr)
    subprocess.run(["chown", "-R", "root:root", f"{a.dir}/store"], check=True)  # which that start gave to its user


def main():
    if os.geteuid() or not enter_private_network() or not shutil.which("openssl"):
        skip_all("needs root, network namespaces and openssl")
    tap = Tap()
    tls = 'certificate = "{0}/server.pem"; key = "{0}/server.key";'
    with Appliance([RING], models=[f'{{ name = "lab"; id = 7; image = "{frames.compile_lab_image()}"; }}']) as a:
        folder = a.dir
        authority(folder)
        for number, name in enumerate(("server", "client"), 1):
            issue(folder, name, number)
        with open(a.conf) as f:
            text = f.read()
        with open(a.conf, "w") as f:
            f.write(text.replace("control = {", f"""control = {{ header_seconds = 2;
http = ( {{ listen = "127.0.0.1:{OPEN}"; serves = [ "infer" ]; tls = {{ {tls.format(folder)} }}; }},
         {{ listen = "127.0.0.1:{MUTUAL}"; serves = [ "infer" ]; tls = {{ {tls.format(folder)} client_ca = "{folder}/ca.pem"; }}; }} ); """))
        mistakes(tap, a, folder)
        os.chmod(os.path.join(folder, "server.key"), 0o644)
        a.start()
        tap.check("a key that everybody may read is told", f"everybody on this machine may read {folder}/server.key" in a.log_text(), a.log_text())
        served(tap, folder)
        refused(tap, a, folder)
        flooded(tap, a, folder)
        replaced(tap, a, folder)
        tap.check("SIGTERM: exit 0", a.stop() == 0, a.log_text()[-2000:])
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
