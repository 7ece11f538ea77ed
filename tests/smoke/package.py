#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `make deb` and `make install` give: the files, stripped programs and their symbols apart, dependencies that no linker
sees, a unit that systemd has nothing to say against, a configuration that is good as it stands; and that `make uninstall`
takes all of it away. tests/soak/package_chroot.py installs and runs it."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from appliance import BUILD, ROOT, Tap

EXPOSURE_MAX = 40  # tenths, as systemd-analyze --threshold wants them
PROGRAMS = ["sbin/martletd", "bin/martletctl", "bin/martlet-load"]
OTHERS = ["share/martlet/lab.mlt", "share/martlet/lab-test.csv", "share/martlet/nic.conf", "share/martlet/af_xdp.conf", "share/martlet/martletd.conf",
          "share/man/man1/martletctl.1", "share/man/man1/martlet-load.1", "share/man/man7/martlet-api.7", "share/man/man8/martletd.8",
          "share/doc/martlet/README.md", "share/doc/martlet/wire.md", "share/bash-completion/completions/martletctl",
          "lib/sysusers.d/martlet.conf", "lib/systemd/system/martletd.service"]
DEPENDS = ["librte-mempool-ring23", "librte-bus-vdev23", "librte-bus-pci23", "librte-net-memif23", "librte-net-af-packet23",
           "librte-net-af-xdp23", "libnghttp2-14", "libprotobuf-c1", "libssl3", "libevent-openssl-2.1-7", "systemd | systemd-standalone-sysusers | systemd-sysusers", "libc6"]


def sh(command, **more):
    return subprocess.run(command, shell=isinstance(command, str), capture_output=True, text=True, **more)


def make(target, **variables):
    # Of the same build that is tested, and so without another one.
    build = os.path.relpath(BUILD, ROOT)
    return sh(["make", "--no-print-directory", target, f"B={build}", *(f"{k}={v}" for k, v in variables.items())], cwd=ROOT)


def files_below(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names)


def build_id(path):
    found = re.search(r"Build ID: ([0-9a-f]+)", sh(["readelf", "-n", path]).stdout)
    return found and found[1]


def is_stripped(path):
    return ".symtab" not in sh(["readelf", "-SW", path]).stdout


def unit(tap, path, programs, name):
    """The unit, with programs that are there in the place of those that it will find."""
    with tempfile.TemporaryDirectory() as folder, open(path) as f:
        copy = os.path.join(folder, "martletd.service")
        with open(copy, "w") as out:
            out.write(re.sub(r"[^\s'=]*/sbin/martletd", f"{programs}/martletd", f.read()))
        done = sh(["systemd-analyze", "verify", "--man=no", copy])
        tap.check(f"{name}: systemd-analyze verify says nothing", done.returncode == 0 and not done.stderr + done.stdout, done.stderr)
        done = sh(["systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE_MAX}", copy])
        tap.check(f"{name}: systemd-analyze security: {done.stdout.strip().splitlines()[-1] if done.stdout.strip() else '?'}",
                  done.returncode == 0, done.stdout + done.stderr)


def installed(tap, folder, prefix):
    done = make("install", DESTDIR=folder, PREFIX=prefix)
    tap.check(f"make install PREFIX={prefix}", done.returncode == 0, done.stderr[-2000:])
    root = folder + prefix
    missing = [f for f in PROGRAMS + OTHERS if not os.path.exists(os.path.join(root, f))]
    tap.check("everything is there", not missing, str(missing))
    conf = folder + "/etc/martlet/martletd.conf"
    with open(conf) as f:
        text = f.read()
    tap.check("the configuration has the installed image, the group and no path of a clone's",
              f'"{prefix}/share/martlet/lab.mlt"' in text and '\n\tgroup = "martlet";' in text and "build/lab" not in text.split("lcores", 1)[1], text)
    for program in PROGRAMS:
        at = os.path.join(root, program)
        ident = build_id(at)
        symbols = f"{folder}/usr/lib/debug/.build-id/{ident[:2]}/{ident[2:]}.debug"
        tap.check(f"{program}: stripped, its symbols apart", is_stripped(at) and os.path.exists(symbols)
                  and build_id(symbols) == ident and not is_stripped(symbols))
    # As it stands, but for what the machine has not: the group, and the folder that it will lie in.
    with open(conf, "w") as f:
        f.write(text.replace('group = "martlet"', 'group = "root"').replace(f'"{prefix}/share', f'"{root}/share'))
    done = sh([os.path.join(root, "sbin/martletd"), "-c", conf, "--check"])
    tap.check("martletd --check: the configuration is good", done.returncode == 0, done.stderr)
    if shutil.which("systemd-analyze"):
        unit(tap, os.path.join(root, "lib/systemd/system/martletd.service"), os.path.join(root, "sbin"), "make install")
    else:
        tap.skip("the unit", "no systemd-analyze here")
    with open(conf, "a") as f:
        f.write("# mine\n")
    make("install", DESTDIR=folder, PREFIX=prefix)
    with open(conf) as f:
        tap.check("a configuration that is there stays", f.read().endswith("# mine\n"))
    done = make("uninstall", DESTDIR=folder, PREFIX=prefix)
    tap.check("make uninstall leaves the configuration alone", done.returncode == 0
              and files_below(folder) == ["etc/martlet/martletd.conf"] and "Kept: " in done.stdout, str(files_below(folder)) + done.stderr)


def packaged(tap):
    if not shutil.which("dh_installsysusers"):
        tap.skip("make deb", "no debhelper here (scripts/setup.sh deb)")
        return
    done = make("deb")
    if not tap.check("make deb", done.returncode == 0, done.stderr[-3000:] + done.stdout[-1000:]):
        return
    folder = os.path.join(BUILD, "deb")
    packages = {os.path.basename(p).split("_")[0]: p for p in glob.glob(os.path.join(folder, "*.deb"))}
    tap.check("two packages: martlet and its symbols", sorted(packages) == ["martlet", "martlet-dbgsym"], str(packages))
    field = lambda name: sh(["dpkg-deb", "-f", packages["martlet"], name]).stdout.strip()
    version = sh([os.path.join(BUILD, "martletd"), "--version"]).stdout.split()[1].split("+")[0]
    with open(os.path.join(ROOT, "CHANGELOG.md")) as f:
        first = re.search(r"^## ([\d.]+)", f.read(), re.M)[1]
    tap.check("one version: CHANGELOG.md's, the programs' and the package's", version == first == field("Version"), f"{version} {first}")
    depends = re.sub(r" \([^)]*\)", "", field("Depends")).split(", ")
    tap.check("it depends on what it runs with", all(d in depends for d in DEPENDS), str(depends))
    # The limits against floods came to Debian's libnghttp2 by its security updates: one that is older lacks the functions.
    used = sh(["nm", "-D", "--undefined-only", os.path.join(BUILD, "martletd")]).stdout
    bound = re.search(r"libnghttp2-14 \(>= ([^)]+)\)", field("Depends"))
    tap.check("with a libnghttp2 that has the limits which are used", "nghttp2_option_set_max_continuations" not in used or
              bound and sh(["dpkg", "--compare-versions", bound[1], "ge", "1.52.0-1+deb12u2~"]).returncode == 0, field("Depends"))
    with tempfile.TemporaryDirectory() as at:
        subprocess.run(["dpkg-deb", "-R", packages["martlet"], at], check=True)
        with open(at + "/DEBIAN/conffiles") as f:
            tap.check("its configuration is a conffile", f.read().split() == ["/etc/martlet/martletd.conf"])
        tap.check("its programs are stripped", all(is_stripped(os.path.join(at, "usr", p)) for p in PROGRAMS))
        if shutil.which("systemd-analyze"):
            unit(tap, at + "/lib/systemd/system/martletd.service", at + "/usr/sbin", "the package")
    if shutil.which("lintian"):
        done = sh(["lintian", "--allow-root", "--tag-display-limit", "0", "--fail-on", "error,warning", *glob.glob(folder + "/*.changes")])
        tap.check("lintian finds nothing", done.returncode == 0 and not done.stdout.strip(), done.stdout + done.stderr)
    else:
        tap.skip("lintian finds nothing", "no lintian here (scripts/setup.sh soak)")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="martlet-install-") as folder:
        installed(tap, folder, "/usr/local")
    packaged(tap)
    sys.exit(tap.finish())


if __name__ == "__main__":
    main()
