"""Adapter to OpenStack clouds; the only importer of openstacksdk."""
