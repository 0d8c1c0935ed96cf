"""Hypervisors without a cloud above them: reading libvirt."""
