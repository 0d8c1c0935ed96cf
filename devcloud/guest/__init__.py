"""The guest image: Debian's cloud kernel, busybox and a small root file system."""
