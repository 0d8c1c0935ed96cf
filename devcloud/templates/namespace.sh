# Runs once inside fresh network and mount namespaces, then keeps them.
set -e
mount -t sysfs sysfs /sys                 # the old one shows the machine's network links
# The state directory is taken by descriptor, in case it lies below /run.
exec 8<"@{home}" 9<"@{database}"
mount -t tmpfs -o mode=755,size=256m tmpfs /run
mkdir -p /run/devcloud /run/devcloud-database /run/lock /run/mount
mount --bind /proc/self/fd/8 /run/devcloud
mount --bind /proc/self/fd/9 /run/devcloud-database
exec 8<&- 9<&-
ip link set lo up
# mount(8) looks for its helpers in /sbin only: lay ours over it.
mount -t overlay -o ro,lowerdir=/run/devcloud/ns/sbin:/usr/sbin overlay /usr/sbin
if [ -n "@{real}" ]; then
    mkdir -p /run/libvirt /run/openvswitch /run/ovn /run/netns
    mount --bind /run/devcloud/ns/libvirt/lib /var/lib/libvirt
    mount --bind /run/devcloud/ns/libvirt/etc /etc/libvirt
    mount --bind /run/devcloud/ns/libvirt/cache /var/cache/libvirt
    mount --bind /run/devcloud/ns/libvirt/log /var/log/libvirt
    mount --bind /run/netns /run/netns    # "ip netns" wants a shared mount of its own
    mount --make-shared /run/netns
fi
touch /run/devcloud/ns/ready
exec sleep infinity
