# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated host for the console tests: guests with rings, the daemon, clients.

The rings and event sockets belong to the test process, so they outlive the
daemon as a hypervisor's would.  The protocol client is written from the
description in lib/console-proto.h, independently of lib/console-client.c.
"""
import array
import contextlib
import mmap
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid as uuidlib

LIMIT = float(os.environ.get("CONSOLE_TEST_LIMIT", "20"))
BUILD = os.environ.get("top_builddir", ".")
DAEMON = os.environ.get("CONSOLE_DAEMON", BUILD + "/tests/console-daemon")
CLIENT = os.environ.get("CONSOLE_CLIENT", BUILD + "/consoled/keel-console")

(HELLO, LIST, ATTACH, DETACH, INPUT, VERB, WHO, SNAPSHOT, HISTORY, RESIZE,
 REPAINT_REQ, SUBSCRIBE, PING) = range(1, 14)
(OK, ERROR, LIST_ITEM, ATTACHED, OUTPUT, REPAINT, NOTICE, ROLE, LOST, STATE,
 WHO_ITEM, SCREEN, HISTORY_DATA) = range(64, 77)
(TAKE, GIVE, FORCE, RELEASE, KICK, BREAK, SYSRQ, LOG, EXCLUSIVE, RELOAD, UPGRADE,
 RELEASE_RING) = range(1, 13)
(E_PROTO, E_VERSION, E_UNKNOWN, E_DENIED, E_BUSY, E_STATE, E_NOMEM, E_AMBIGUOUS,
 E_UNAVAILABLE) = range(1, 10)
VIEWER, WRITER, EXCL = range(3)
A_FORCE, A_NOREPAINT, A_RESUME, A_RAW = 1, 2, 4, 8
MORE = 1
STATE_GONE, ITEM_HELD = 1, 2


def fail(text):
    print("FAIL:", text, file=sys.stderr)
    sys.exit(1)


def check(cond, text):
    if not cond:
        raise AssertionError(text)


def wait_for(what, cond, limit=LIMIT):
    """Waits for cond() with a limit; each round waits for events a little."""
    end = time.monotonic() + limit
    while True:
        v = cond()
        if v:
            return v
        if time.monotonic() > end:
            raise AssertionError("not in time: " + what)
        select.select([], [], [], 0.002)


class Guest:
    """One console ring with its event socket."""

    def __init__(self, name, domid, console="pv0", uuid=None, port=None):
        self.name, self.domid, self.console = name, domid, console
        self.uuid = uuid or str(uuidlib.uuid4())
        self.port = port or domid * 16 + 1
        self.fd = os.memfd_create("ring")
        os.ftruncate(self.fd, 4096)
        self.page = mmap.mmap(self.fd, 4096)
        # A guest stores an index at once, not byte by byte.
        self.words = memoryview(self.page).cast("I")
        self.event, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.event.setblocking(False)
        self.far.setblocking(False)

    def index(self, i):
        return self.words[768 + i]

    def set_index(self, i, v):
        self.words[768 + i] = v & 0xffffffff

    in_cons = property(lambda s: s.index(0))
    in_prod = property(lambda s: s.index(1))
    out_cons = property(lambda s: s.index(2))
    out_prod = property(lambda s: s.index(3))

    def ring(self):
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            self.event.send(b"\0")

    def drain(self):
        with contextlib.suppress(BlockingIOError):
            while self.event.recv(4096):
                pass

    def put(self, data):
        """Puts what fits; returns how much."""
        prod, cons = self.out_prod, self.out_cons
        n = min(len(data), 2048 - ((prod - cons) & 0xffffffff))
        for off in range(n):
            self.page[1024 + ((prod + off) & 2047)] = data[off]
        self.set_index(3, prod + n)
        if n:
            self.ring()
        return n

    def write(self, data, limit=LIMIT):
        """As a kernel does: waits while the ring is full."""
        if isinstance(data, str):
            data = data.encode()
        end = time.monotonic() + limit
        while data:
            n = self.put(data)
            data = data[n:]
            if not n:
                if time.monotonic() > end:
                    raise AssertionError("ring of %s is not consumed" % self.name)
                select.select([self.event], [], [], 0.05)
                self.drain()

    def flushed(self):
        return self.out_cons == self.out_prod

    def read(self, n, limit=LIMIT):
        """Takes n bytes of input."""
        out = b""
        end = time.monotonic() + limit
        while len(out) < n:
            cons, prod = self.in_cons, self.in_prod
            avail = (prod - cons) & 0xffffffff
            check(avail <= 1024, "input ring overrun")
            take = min(avail, n - len(out))
            for i in range(take):
                at = (cons + i) & 1023
                out += self.page[at:at + 1]
            self.set_index(0, cons + take)
            if avail:
                self.ring()
                continue
            if time.monotonic() > end:
                raise AssertionError("input wanted %d, got %r" % (n, out))
            select.select([self.event], [], [], 0.05)
            self.drain()
        return out


class Host:
    """The simulated machine and one daemon on it."""

    def __init__(self, conf="", root=None):
        self.dir = root or tempfile.mkdtemp(prefix="kc-")
        self.conf, self.domains, self.told = conf, {}, []
        self.ttys, self.serials, self.keys = {}, {}, []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path("host"))
        self.listener.listen(4)
        self.link = None
        self.journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.journal.bind(self.path("journal"))
        self.journal.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.journal.setblocking(False)
        self.entries = []
        self.proc = None
        os.chmod(self.dir, 0o755)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write_conf(self, text):
        self.conf = text
        with open(self.path("conf"), "w") as f:
            f.write(text)

    def start(self, wrapper=()):
        self.write_conf(self.conf)
        args = list(wrapper) + [
            DAEMON, "--config", self.path("conf"), "--socket", self.path("sock"),
            "--state-dir", self.path("state"), "--log-dir", self.path("log"),
            "--journal", self.path("journal"), "--backend", "fake:" + self.path("host")]
        self.stderr = open(self.path("stderr"), "ab")
        self.proc = subprocess.Popen(args, stderr=self.stderr)
        self.accept()
        return self

    def accept(self):
        r, _, _ = select.select([self.listener], [], [], LIMIT)
        check(r, "the daemon does not connect: " + self.errors())
        self.link, _ = self.listener.accept()
        for g in self.domains.values():
            self.announce(g)
        for text in self.serials.values():
            self.link.send(text.encode())

    def errors(self):
        with open(self.path("stderr")) as f:
            return f.read()

    def announce(self, g):
        text = "ring %s %d %s %d %s" % (g.uuid, g.domid, g.console, g.port, g.name)
        self.link.sendmsg([text.encode()],
                          [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                            array.array("i", [g.fd, g.far.fileno()]))])

    def add(self, name, domid=None, **kw):
        g = Guest(name, domid or len(self.domains) + 1, **kw)
        self.domains[g.domid, g.console] = g
        if self.link:
            self.announce(g)
            self.wait_tty(g.domid, g.console)
        return g

    def add_serial(self, name, domid, tty, uuid=None):
        text = "serial %s %d %s %s" % (uuid or uuidlib.uuid4(), domid, tty, name)
        self.serials[domid] = text
        self.link.send(text.encode())
        return self.wait_tty(domid, "serial0")

    def remove(self, g):
        self.domains.pop((g.domid, g.console))
        self.link.send(("gone %d -" % g.domid).encode())

    def hear(self):
        while self.link:
            r, _, _ = select.select([self.link], [], [], 0)
            if not r:
                return
            try:
                m = self.link.recv(4096).decode()
            except ConnectionResetError:
                m = ""
            if not m:
                self.link = None
                return
            w = m.split()
            if w[0] == "tty":
                self.ttys[int(w[1]), w[2]] = w[3]
            elif w[0] == "sysrq":
                self.keys.append((int(w[1]), w[2]))

    def wait_tty(self, domid, console="pv0"):
        def got():
            self.hear()
            return self.ttys.get((domid, console))
        return wait_for("a pty for domain %d" % domid, got)

    def audit(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                m = self.journal.recv(65536).decode()
                self.entries.append(dict(l.split("=", 1) for l in m.splitlines()
                                         if "=" in l))
        return self.entries

    def audited(self, **want):
        return any(all(e.get(k) == str(v) for k, v in want.items())
                   for e in self.audit())

    def kill(self, sig=signal.SIGKILL):
        self.proc.send_signal(sig)
        self.proc.wait(LIMIT)
        self.hear()
        self.link = None

    def helpers(self):
        """pid by kind of the daemon's helper processes."""
        out = {}
        with open("/proc/%d/task/%d/children" % (self.proc.pid, self.proc.pid)) as f:
            for pid in f.read().split():
                with open("/proc/%s/cmdline" % pid, "rb") as c:
                    a = c.read().split(b"\0")
                if b"--helper" in a:
                    out[a[a.index(b"--helper") + 1].decode()] = int(pid)
        return out

    def log(self, name):
        try:
            with open(self.path("log/" + name), "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def log_text(self, name):
        """The log's lines without their stamps; a line without one is an error."""
        out = []
        for l in self.log(name).decode("utf-8", "surrogateescape").split("\n")[:-1]:
            check(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", l),
                  "line without stamp: %r" % l)
            out.append(l[25:])
        return out

    def stop(self):
        if self.proc and self.proc.poll() is None:
            self.kill(signal.SIGTERM)
            check(self.proc.returncode == 0,
                  "daemon ended with %d: %s" % (self.proc.returncode, self.errors()))

    def close(self):
        if self.proc and self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        subprocess.run(["rm", "-rf", self.dir], check=False)


@contextlib.contextmanager
def stopped(pid):
    """A process that does not run meanwhile, and is not left so by a test that fails."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def s(text):
    b = text.encode()
    return struct.pack("<H", len(b)) + b


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__("%d: %s" % (code, text))
        self.code, self.text = code, text


def refused(code, fn, *a, **kw):
    """The text of the daemon's refusal, which must be @code."""
    try:
        fn(*a, **kw)
    except Refused as e:
        check(e.code == code, "refused with %s, not %d" % (e, code))
        return e.text
    raise AssertionError("not refused")


class Reader:
    def __init__(self, b):
        self.b, self.p = b, 0

    def num(self, fmt):
        v = struct.unpack_from("<" + fmt, self.b, self.p)
        self.p += struct.calcsize("<" + fmt)
        return v if len(v) > 1 else v[0]

    def str(self):
        n = self.num("H")
        self.p += n
        return self.b[self.p - n:self.p].decode()

    def rest(self):
        return self.b[self.p:]


class Client:
    """A connection to the daemon."""

    def __init__(self, host, hello=True, uid=None):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if uid is not None:
            os.setresuid(uid, uid, 0)
        try:
            wait_for("the daemon's socket", lambda: self._connect(host))
        finally:
            if uid is not None:
                os.setresuid(0, 0, 0)
        self.buf, self.events, self.tag = b"", [], 0
        self.out, self.offset, self.screen = b"", 0, b""
        self.notices, self.role, self.lost, self.states = [], None, 0, []
        if hello:
            self.send(HELLO, b"KEELCON\0" + struct.pack("<H", 1) + s("test"), 0)
            t, _, _, _ = self.frame()
            check(t == HELLO, "no HELLO but %d" % t)

    def _connect(self, host):
        try:
            self.sock.connect(host.path("sock"))
            return True
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def send(self, kind, payload=b"", tag=None, flags=0):
        if tag is None:
            self.tag = tag = self.tag % 65535 + 1
        self.sock.sendall(struct.pack("<IBBH", len(payload), kind, flags, tag) + payload)
        return tag

    def frame(self, limit=LIMIT):
        """The next frame; None when there is none in time."""
        end = time.monotonic() + limit
        while True:
            if len(self.buf) >= 8:
                n, kind, flags, tag = struct.unpack_from("<IBBH", self.buf)
                if len(self.buf) >= 8 + n:
                    p = self.buf[8:8 + n]
                    self.buf = self.buf[8 + n:]
                    return kind, flags, tag, p
            r, _, _ = select.select([self.sock], [], [],
                                    max(0, end - time.monotonic()))
            if not r:
                return None
            b = self.sock.recv(1 << 16)
            if not b:
                raise EOFError("the daemon closed the connection")
            self.buf += b

    def note(self, kind, flags, payload):
        """Keeps what came unasked."""
        r = Reader(payload)
        if kind == OUTPUT:
            self.offset = r.num("Q")
            self.out += r.rest()
        elif kind == REPAINT:
            self.offset = r.num("Q")
            self.size = r.num("HH")
            first = not getattr(self, "painting", False)
            self.screen = (b"" if first else self.screen) + r.rest()
            self.painting = bool(flags & MORE)
            if not self.painting:
                self.out = b""
                self.paints = getattr(self, "paints", 0) + 1
        elif kind == NOTICE:
            self.notices.append((r.num("B"), r.str()))
        elif kind == ROLE:
            self.role = r.num("B")
        elif kind == LOST:
            self.lost += r.num("Q")
        elif kind == STATE:
            self.states.append((r.num("B"), r.str()))
        self.events.append((kind, payload))

    def ask(self, kind, payload=b"", limit=LIMIT):
        """Sends a request; returns the frames that answer it, or raises Refused."""
        tag = self.send(kind, payload)
        got = []
        while True:
            f = self.frame(limit)
            check(f, "no answer to request %d" % kind)
            k, flags, t, p = f
            if t != tag:
                self.note(k, flags, p)
            elif k == OK:
                return got
            elif k == ERROR:
                r = Reader(p)
                raise Refused(r.num("H"), r.str())
            else:
                got.append((k, flags, p))

    def attach(self, name, role=VIEWER, flags=0, console="", resume=0):
        got = self.ask(ATTACH, s(name) + s(console) +
                       struct.pack("<BBQ", role, flags, resume))
        r = Reader(got[0][2])
        a = {"name": r.str(), "uuid": r.str(), "console": r.str()}
        a["id"], a["role"], a["state"], a["cols"], a["rows"], a["offset"] = \
            r.num("IBBHHQ")
        self.id = a["id"]
        if not flags & (A_NOREPAINT | A_RESUME | A_RAW):
            self.until("a repaint", lambda: getattr(self, "paints", 0) > 0)
        return a

    def pump(self, limit=0):
        """Takes what is there; true when there was something."""
        any_ = False
        while True:
            f = self.frame(limit)
            if not f:
                return any_
            self.note(f[0], f[1], f[3])
            any_, limit = True, 0

    def until(self, what, cond, limit=LIMIT):
        end = time.monotonic() + limit
        while not cond():
            check(time.monotonic() < end, "not in time: %s (output %r, notices %r)" %
                  (what, self.out[-200:], self.notices))
            self.pump(max(0, min(0.2, end - time.monotonic())))

    def until_out(self, text, limit=LIMIT):
        if isinstance(text, str):
            text = text.encode()
        self.until("output %r" % text, lambda: text in self.out or
                   text in self.screen, limit)

    def type(self, data):
        self.send(INPUT, data.encode() if isinstance(data, str) else data, 0)

    def verb(self, op, id_=0, arg=0):
        return self.ask(VERB, struct.pack("<BII", op, id_, arg))

    def list(self):
        out = []
        for _, _, p in self.ask(LIST):
            r = Reader(p)
            i = {k: r.str() for k in ("name", "uuid", "console", "writer")}
            (i["domid"], i["state"], i["flags"], i["viewers"], i["bytes"],
             i["dropped"], i["last"]) = r.num("IBBHQQQ")
            out.append(i)
        return out

    def item(self, name, console="pv0"):
        for i in self.list():
            if i["name"] == name and i["console"] == console:
                return i
        return None

    def who(self, name="", console=""):
        out = []
        for _, _, p in self.ask(WHO, s(name) + s(console)):
            r = Reader(p)
            w = {k: r.str() for k in ("name", "console", "user")}
            (w["id"], w["uid"], w["pid"], w["role"], w["lagging"], w["kind"],
             w["since"], w["queued"]) = r.num("IIIBBBQQ")
            out.append(w)
        return out

    def snapshot(self, name, console=""):
        """The screen's rows as text, and the cursor."""
        cells = []
        for _, _, p in self.ask(SNAPSHOT, s(name) + s(console)):
            r = Reader(p)
            _, cols, rows, x, y, _ = r.num("QHHHHB")
            rest = r.rest()
            cells += [struct.unpack_from("<I", rest, i)[0]
                      for i in range(0, len(rest), 12)]
        check(len(cells) == cols * rows, "snapshot of %d cells" % len(cells))
        text = ["".join(chr(c) for c in cells[i * cols:(i + 1) * cols] if c).rstrip()
                for i in range(rows)]
        return text, (x, y)

    def history(self, name, console="", from_=0, max_=0, tail=0):
        out, marks, first = b"", [], None
        for _, _, p in self.ask(HISTORY, s(name) + s(console) +
                                struct.pack("<QIB", from_, max_, tail)):
            r = Reader(p)
            f, _, n = r.num("QQI")
            first = f if first is None else first
            marks += [r.num("QQ") for _ in range(n)]
            out += r.rest()
        return out, first, marks

    def close(self):
        self.sock.close()


@contextlib.contextmanager
def host(conf=""):
    h = Host(conf)
    try:
        h.start()
        yield h
        h.stop()
    except BaseException:
        if h.proc:
            print(h.errors()[-3000:], file=sys.stderr)
            for e in h.audit()[-20:]:
                print(e.get("MESSAGE"), file=sys.stderr)
        raise
    finally:
        h.close()


def run(tests):
    """Runs each test of the list; exit status for the harness."""
    only = sys.argv[1:]
    bad = 0
    for t in tests:
        if only and t.__name__ not in only:
            continue
        begin = time.monotonic()
        try:
            t()
            print("ok   %s (%.2f s)" % (t.__name__, time.monotonic() - begin))
        except Exception as e:  # each failure is told; the others still run
            import traceback
            traceback.print_exc()
            print("FAIL %s: %s" % (t.__name__, e))
            bad += 1
        sys.stdout.flush()
    sys.exit(1 if bad else 0)
