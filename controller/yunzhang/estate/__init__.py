"""The register: what units declare about sites, networks, clouds, systems and workloads."""
