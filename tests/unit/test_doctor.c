// SPDX-License-Identifier: BSD-3-Clause
// The doctor's checks on machines made of files.
#include "ctl/tool/doctor_cpu.h"
#include "ctl/tool/doctor_memory.h"
#include "ctl/tool/doctor_nic.h"
#include "ctl/tool/doctor_trust.h"
#include "infer/infer.h"
#include "tests/cmocka.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CPU  "/sys/devices/system/cpu"
#define HUGE "/sys/kernel/mm/hugepages/hugepages-2048kB"
#define NIC  "/sys/bus/pci/devices/0000:03:00.0"

static char root[32];
static struct doctor doctor;

static void make_parents(const char *path)
{
	char part[256];

	snprintf(part, sizeof(part), "%s", path);
	for (char *c = part + 1; *c; c++)
		if (*c == '/') {
			*c = '\0';
			mkdir(part, 0700);
			*c = '/';
		}
}

static void put(const char *path, const char *text)
{
	char full[256];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	make_parents(full);
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void put_link(const char *path, const char *target)
{
	char full[256];

	snprintf(full, sizeof(full), "%s%s", root, path);
	make_parents(full);
	unlink(full);
	assert_int_equal(symlink(target, full), 0);
}

static int setup(void **state)
{
	strcpy(root, "/tmp/martlet-doctor-XXXXXX");
	doctor = (struct doctor){ .isa = ISA_AVX2 };
	doctor.root = mkdtemp(root);
	return doctor.root ? 0 : -1;
}

static int teardown(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static const struct doctor_finding *found(const char *name)
{
	for (uint32_t i = 0; i < doctor.n_findings; i++)
		if (strcmp(doctor.findings[i].name, name) == 0)
			return &doctor.findings[i];
	fail_msg("no finding '%s'", name);
	return NULL;
}

static void expect(const char *name, enum doctor_level level, const char *text, const char *fix)
{
	const struct doctor_finding *finding = found(name);

	assert_int_equal(finding->level, level);
	if (!strstr(finding->text, text))
		fail_msg("%s: '%s' lacks '%s'", name, finding->text, text);
	if (!strstr(finding->fix, fix))
		fail_msg("%s: fix '%s' lacks '%s'", name, finding->fix, fix);
	if (!*fix)
		assert_string_equal(finding->fix, "");
}

static void check_all(void)
{
	doctor_check_cpu(&doctor);
	doctor_check_memory(&doctor);
	doctor_check_nics(&doctor);
}

static void empty_machine_warns_and_never_fails(void **state)
{
	doctor.isa = 0;
	check_all();
	expect("kernels", DOCTOR_WARN, "no AVX2", "");
	expect("hugepages", DOCTOR_WARN, "0 B reserved", "echo 256 > " HUGE "/nr_hugepages");
	expect("hugetlbfs", DOCTOR_WARN, "not mounted", "mount -t hugetlbfs");
	expect("iommu", DOCTOR_WARN, "none", "intel_iommu=on");
	expect("vfio", DOCTOR_WARN, "not loaded", "modprobe vfio-pci");
	expect("memlock", DOCTOR_WARN, "0 B", "ulimit -l unlimited");
	expect("cards", DOCTOR_WARN, "no PCI network card", "");
	expect("isolation", DOCTOR_WARN, "isolcpus, nohz_full, rcu_nocbs", "update-grub");
	for (uint32_t i = 0; i < doctor.n_findings; i++)
		assert_int_not_equal(doctor.findings[i].level, DOCTOR_FAIL);
}

static void prepared_machine_is_ok(void **state)
{
	put("/proc/cmdline",
		"root=/dev/sda1 isolcpus=domain,1-3 nohz_full=1-3 rcu_nocbs=1-3 iommu=pt\n");
	put("/proc/cpuinfo",
		"processor\t: 0\nflags\t\t: fpu tsc constant_tsc nonstop_tsc avx2\n\n");
	put("/proc/mounts", "proc /proc proc rw 0 0\nnodev /dev/hugepages hugetlbfs rw 0 0\n");
	put("/proc/net/protocols", "protocol  size\nXDP       1024\nUDP       1\n");
	put("/proc/sys/kernel/osrelease", "6.1.0\n");
	put(CPU "/cpu0/cpufreq/scaling_governor", "performance\n");
	put(CPU "/smt/active", "0\n");
	put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
	put("/sys/devices/system/node/node0/x", "");
	put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
	put(HUGE "/nr_hugepages", "512\n");
	put(HUGE "/free_hugepages", "256\n");
	put("/sys/class/iommu/dmar0/x", "");
	put("/sys/bus/pci/drivers/vfio-pci/x", "");
	put(NIC "/class", "0x020000\n");
	put_link(NIC "/driver", "../../../bus/pci/drivers/vfio-pci");
	doctor.memlock_bytes = UINT64_MAX;
	check_all();
	for (uint32_t i = 0; i < doctor.n_findings; i++)
		if (doctor.findings[i].level != DOCTOR_OK || *doctor.findings[i].fix)
			fail_msg("%s: %s", doctor.findings[i].name, doctor.findings[i].text);
	expect("card", DOCTOR_OK, "device = \"0000:03:00.0\"", "");
}

static void kernel_nic_is_told_how_to_bind(void **state)
{
	put(NIC "/class", "0x020000\n");
	put(NIC "/net/eth1/x", "");
	put_link(NIC "/driver", "../../../bus/pci/drivers/ixgbe");
	put("/sys/bus/pci/devices/0000:00:1f.2/class", "0x010601\n"); // a disk
	doctor_check_nics(&doctor);
	expect("card", DOCTOR_WARN, "iface=eth1",
		"ip link set eth1 down && dpdk-devbind.py -b vfio-pci 0000:03:00.0");
	expect("cards", DOCTOR_WARN, "none of 1 PCI network card is", "");
}

static void default_route_is_left_alone(void **state)
{
	put(NIC "/class", "0x020000\n");
	put(NIC "/virtio2/net/eth0/x", "");
	put_link(NIC "/driver", "../../../bus/pci/drivers/virtio-pci");
	put("/proc/net/route", "Iface\tDestination\tGateway\neth0\t00000000\t0102A8C0\n");
	doctor_check_nics(&doctor);
	expect("card", DOCTOR_OK, "leave it to the kernel", "");
}

static void bad_habits_are_named(void **state)
{
	put("/proc/cpuinfo", "flags\t\t: fpu constant_tsc nonstop_tsc\n");
	put("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
	put("/sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet\n");
	put(CPU "/cpu0/cpufreq/scaling_governor", "performance\n");
	put(CPU "/cpu1/cpufreq/scaling_governor", "powersave\n");
	put(CPU "/smt/active", "1\n");
	put("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
	put("/sys/devices/system/node/node0/x", "");
	put("/sys/devices/system/node/node1/x", "");
	put("/proc/sys/kernel/numa_balancing", "1\n");
	check_all();
	expect("clock", DOCTOR_WARN, "hpet", "echo tsc >");
	expect("governor", DOCTOR_WARN, "powersave", "echo performance");
	expect("smt", DOCTOR_WARN, "on", "smt/control");
	expect("thp", DOCTOR_WARN, "always on", "echo madvise");
	expect("numa", DOCTOR_WARN, "2 nodes", "numa_balancing=0");
}

static void configuration_decides_what_is_needed(void **state)
{
	static struct config config;

	config.memory.hugepages = true;
	config.memory.megabytes = 64;
	config.lcores.io[0] = 2;
	config.lcores.n_io = 1;
	config.n_ports = 2;
	strcpy(config.ports[0].device, "03:00.1,arg=1");
	strcpy(config.ports[0].name, "edge");
	config.ports[0].line = 12;
	strcpy(config.ports[1].device, "net_af_xdp0,iface=eth9,start_queue=0");
	put("/proc/cmdline", "isolcpus=1 nohz_full=1-2 rcu_nocbs=2\n");
	doctor.config = &config;
	check_all();
	doctor_check_ports(&doctor);
	expect("hugepages", DOCTOR_FAIL, "64.0 MiB wanted", "echo 32 >");
	expect("isolation", DOCTOR_WARN, "lacks isolcpus for CPUs 2",
		"isolcpus=managed_irq,domain,2 ");
	expect("port", DOCTOR_FAIL, "line 12: port edge: there is no PCI device 0000:03:00.1",
		"lspci");
	assert_non_null(strstr(doctor.findings[doctor.n_findings - 1].text, "no interface eth9"));
	put("/sys/class/net/eth9/mtu", "1500\n"); // and no device: a virtual interface
	doctor.n_findings = 0;
	doctor_check_ports(&doctor);
	expect("checksums", DOCTOR_WARN, "eth9 is virtual", "ethtool -K IF tx off");
	config.ports[1].checksum = CONFIG_CHECKSUM_TRUST;
	doctor.n_findings = 0;
	doctor_check_ports(&doctor);
	assert_int_equal(doctor_count(&doctor, DOCTOR_WARN), 0);
	config.ports[1].checksum = CONFIG_CHECKSUM_VERIFY;
	put("/sys/class/net/eth9/device/vendor", "0x8086\n");
	doctor.n_findings = 0;
	doctor_check_ports(&doctor);
	assert_int_equal(doctor_count(&doctor, DOCTOR_WARN), 0);
}

static void queues_of_an_xdp_port_are_counted(void **state)
{
	static struct config config;
	struct config_port *port = &config.ports[0];

	config.n_ports = 1;
	strcpy(port->device, "net_af_xdp0,iface=eth9,queue_count=2");
	strcpy(port->name, "edge");
	port->line = 7;
	put("/sys/class/net/eth9/ifindex", "42\n");
	put("/sys/class/net/eth9/queues/rx-0/rps_cpus", "0\n");
	put("/sys/class/net/eth9/queues/rx-1/rps_cpus", "0\n");
	put("/sys/class/net/eth9/queues/tx-0/xps_cpus", "0\n");
	put("/sys/class/net/eth9/device/vendor", "0x8086\n");
	put("/proc/net/unix",
		"0: 2 0 0 0 0 1 @martlet/af_xdp/4\n0: 2 0 0 0 0 1 @martlet/af_xdp/420\n");
	doctor.config = &config;
	doctor_check_ports(&doctor);
	assert_int_equal(doctor.n_findings, 0);
	strcpy(port->device, "net_af_xdp0,iface=eth9");
	doctor_check_ports(&doctor);
	assert_int_equal(doctor.n_findings, 0);
	port->queues = 1;
	doctor_check_ports(&doctor);
	expect("port", DOCTOR_FAIL,
		"line 7: port edge: 1 receive queue for AF_XDP, but interface eth9 has 2: what "
		"comes "
		"by the others",
		"ethtool -L eth9 combined 1 ");
	doctor.n_findings = 0;
	port->steered = true;
	put("/proc/net/unix", "0: 2 0 0 0 0 1 @martlet/af_xdp/42\n");
	doctor_check_ports(&doctor);
	assert_int_equal(doctor.n_findings, 1);
	expect("port", DOCTOR_OK, "interface eth9 is held for AF_XDP", "");
	doctor.n_findings = 0;
	port->queues = 3;
	doctor_check_ports(&doctor);
	expect("port", DOCTOR_FAIL, "3 receive queues for AF_XDP, but interface eth9 has 2",
		"ethtool -L eth9 combined 3 ");
}

static void queues_of_a_virtual_interface_are_one(void **state)
{
	static struct config config;
	struct config_port *port = &config.ports[0];

	config.n_ports = 1;
	strcpy(port->device, "net_af_xdp0,iface=veth9");
	strcpy(port->name, "edge");
	port->line = 7;
	port->checksum = CONFIG_CHECKSUM_TRUST;
	put("/sys/class/net/veth9/queues/rx-0/rps_cpus", "0\n");
	doctor.config = &config;
	doctor_check_ports(&doctor);
	assert_int_equal(doctor.n_findings, 0);
	put("/sys/class/net/veth9/queues/rx-1/rps_cpus", "0\n");
	doctor_check_ports(&doctor);
	expect("port", DOCTOR_WARN, "1 receive queue for AF_XDP, but interface veth9 has 2",
		"ethtool -L veth9 rx 1 ");
	doctor.n_findings = 0;
	port->queues = 1;
	doctor_check_ports(&doctor);
	expect("port", DOCTOR_FAIL, "would not be heard", "ethtool -L veth9 rx 1 ");
}

static void put_mode(const char *path, mode_t mode)
{
	char full[256];

	put(path, "secret");
	snprintf(full, sizeof(full), "%s%s", root, path);
	assert_int_equal(chmod(full, mode), 0);
	if (geteuid() == 0) // group root may read secrets
		assert_int_equal(chown(full, 0, 1), 0);
}

static void powers_and_secrets_are_looked_at(void **state)
{
	static struct config config; // large

	memset(&config, 0, sizeof(config));
	doctor.config = &config;
	strcpy(config.process.user, "nobody");
	strcpy(config.trust.keys, "/etc/m/wire.keys");
	strcpy(config.trust.audit_key, "/etc/m/audit.key");
	strcpy(config.control.http[0].tls.key, "/etc/m/tls.key");
	config.control.n_http = 1;
	put_mode("/etc/m/wire.keys", 0600);
	put_mode("/etc/m/tls.key", 0640); // as the group ssl-cert has them
	doctor_check_trust(&doctor);
	expect("user", DOCTOR_OK, "becomes nobody", "");
	expect("seccomp", DOCTOR_OK, "ends it", "");
	assert_int_equal(doctor.n_findings, 2);

	doctor.n_findings = 0;
	config.process.user[0] = '\0';
	config.process.seccomp = CONFIG_SECCOMP_OFF;
	put_mode("/etc/m/wire.keys", 0640);
	put_mode("/etc/m/audit.key", 0620);
	put_mode("/etc/m/tls.key", 0644);
	doctor_check_trust(&doctor);
	expect("user", DOCTOR_WARN, "stays who started it", "");
	expect("seccomp", DOCTOR_WARN, "is \"off\"", "");
	expect("wire keys", DOCTOR_FAIL, "its group may read it", "chmod 600 /etc/m/wire.keys");
	expect("audit key", DOCTOR_FAIL, "its group may write it", "chmod 600 /etc/m/audit.key");
	expect("TLS key", DOCTOR_WARN, "others may read or write it", "chmod 600 /etc/m/tls.key");

	doctor.n_findings = 0;
	strcpy(config.process.user, "nobody-has-this-name");
	doctor_check_trust(&doctor);
	expect("user", DOCTOR_FAIL, "there is no user nobody-has-this-name", "useradd --system");

	// Policies that nothing can fulfil.
	doctor.n_findings = 0;
	config.trust.require_signature = config.trust.require_encryption = true;
	config.trust.keys[0] = '\0';
	config.trust.n_require_authentication = 1;
	doctor_check_trust(&doctor);
	expect("signatures", DOCTOR_WARN, "no key is trusted", "model keygen");
	expect("encryption", DOCTOR_WARN, "there is no key", "model encryption-key");
	expect("authentication", DOCTOR_WARN, "answer nobody", "key generate");
}

static void cpu_lists(void **state)
{
	assert_true(doctor_cpu_in("0-3,8", 8));
	assert_true(doctor_cpu_in("0-3,8", 2));
	assert_false(doctor_cpu_in("0-3,8", 4));
	assert_true(doctor_cpu_in("managed_irq,domain,5", 5));
	assert_false(doctor_cpu_in("domain", 0));
	assert_false(doctor_cpu_in("", 0));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(empty_machine_warns_and_never_fails),
		CASE(prepared_machine_is_ok),
		CASE(kernel_nic_is_told_how_to_bind),
		CASE(default_route_is_left_alone),
		CASE(bad_habits_are_named),
		CASE(configuration_decides_what_is_needed),
		CASE(queues_of_an_xdp_port_are_counted),
		CASE(queues_of_a_virtual_interface_are_one),
		CASE(powers_and_secrets_are_looked_at),
		cmocka_unit_test(cpu_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
