"""Copying disks between the two fast clouds."""
