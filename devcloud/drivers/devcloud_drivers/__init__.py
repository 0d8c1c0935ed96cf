"""What the fast profile loads into Nova and Neutron; this folder is on their PYTHONPATH."""
