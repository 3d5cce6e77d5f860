# Boots systemd in a box: box.sh DIR CGROUP
#
# Two steps, so that the cgroup namespace is rooted at CGROUP: the process joins
# it, then this script runs again (as "init") inside the new namespaces.
set -eu
dir=$1 cgroup=$2

if [ "${3-}" != init ]; then
	echo $$ > "$cgroup/cgroup.procs"
	# --kill-child: the box does not outlive this process.
	exec unshare --mount --propagation private --pid --fork --kill-child \
		--uts --ipc --cgroup sh -c "$BOX_SCRIPT" box "$dir" "$cgroup" init
fi

# The box's root: this machine's, with changes that stay in memory.
n=$dir/box
mount -t tmpfs -o mode=755 tmpfs "$n"
mkdir "$n/upper" "$n/work" "$n/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$n/upper,workdir=$n/work" "$n/root"
r=$n/root

# None of the machine's own units start in here.
rm -rf "$r/etc/systemd/system" "$r/etc/init.d" "$r"/etc/rc?.d
units=$r/etc/systemd/system
mkdir -p "$units" "$r/rig" "$r/etc/systemd/journald.conf.d"
: > "$r/etc/fstab"
: > "$r/etc/machine-id"
cat > "$units/rig.target" <<'X'
[Unit]
Description=the box
Requires=basic.target
Wants=remote-fs.target
After=basic.target local-fs.target remote-fs.target
AllowIsolate=yes
X
ln -s rig.target "$units/default.target"
for u in systemd-timesyncd systemd-resolved systemd-networkd dbus apparmor; do
	ln -s /dev/null "$units/$u.service"
done
printf '[Journal]\nStorage=volatile\nReadKMsg=no\n' > "$r/etc/systemd/journald.conf.d/box.conf"

mount -t tmpfs -o mode=755 tmpfs "$r/run"
mount -t tmpfs -o mode=1777 tmpfs "$r/tmp"
mount --bind "$dir" "$r/rig"

# Devices: those that are needed, and terminals of its own.
mount -t tmpfs -o mode=755 tmpfs "$r/dev"
for d in null zero full random urandom tty fuse autofs; do
	[ -e "/dev/$d" ] || continue
	: > "$r/dev/$d"
	mount --bind "/dev/$d" "$r/dev/$d"
done
mkdir "$r/dev/pts" "$r/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$r/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$r/dev/shm"
ln -s pts/ptmx "$r/dev/ptmx"
ln -s /proc/self/fd "$r/dev/fd"
ln -s fd/0 "$r/dev/stdin"
ln -s fd/1 "$r/dev/stdout"
ln -s fd/2 "$r/dev/stderr"
: > "$r/dev/console"
mount --bind /dev/null "$r/dev/console"

# Kernel settings are the machine's: read-only.
mount -t proc proc "$r/proc"
mount --bind "$r/proc/sys" "$r/proc/sys"
mount -o remount,bind,ro "$r/proc/sys"
mount -t sysfs -o ro sysfs "$r/sys"
mount -t cgroup2 cgroup2 "$r/sys/fs/cgroup"
if [ -d "$r/sys/fs/fuse/connections" ]; then
	mount -t fusectl fusectl "$r/sys/fs/fuse/connections"
fi

hostname box
cd "$r"
mkdir -p .machine
pivot_root . .machine
cd /
umount -l /.machine
rmdir /.machine
mount --make-rshared /
exec setpriv --bounding-set -sys_time,-sys_module,-sys_rawio,-syslog,-audit_control \
	env -i container=rig PATH="$BOX_PATH" SWIFTFS_RIG_RUN="$SWIFTFS_RIG_RUN" \
	/lib/systemd/systemd --system --log-target=journal --show-status=no
