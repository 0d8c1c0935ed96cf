"""Seeding: projects, networks, servers, and bytes on their volumes."""
