"""Copying disks without a cloud: agents run as plain processes on files."""
